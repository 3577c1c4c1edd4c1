"""A full disk: which errors mean it, what is told of it, and waiting until there is room again."""

from __future__ import annotations

import errno
import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
ROOM_BYTES = 4 << 20
"""With less than that on the disk, background work does not try again."""
_LOOK_SECONDS = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no space left: ENOSPC, EDQUOT, or SQLite's SQLITE_FULL."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or "disk is full" in str(error)
    return isinstance(error, OSError) and error.errno in _FULL


def free_bytes(directory: Path) -> int:
    """The space that is left on the directory's disk."""
    return shutil.disk_usage(directory).free


def no_space(directory: Path) -> str:
    """What a person is told whose request met a full disk."""
    return (
        f"No space left on the disk of {directory} ({free_bytes(directory) // 1024} KiB are free): nothing was changed."
        " Free some space there, then try again; boatyard need not be restarted."
    )


def patiently(function: Callable[[], T], directory: Path, stopping: Callable[[], bool], what: str) -> T:
    """What the function answers; after an error that means a full disk it is called again once there is room.

    Other errors are raised, and this one too when `stopping` says that the server ends.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return function()
        except Exception as error:
            if not is_full(error) or stopping():
                raise
            log.warning("%s waits for space on the disk of %s: %s", what, directory, error)
            _await_room(directory, stopping, pause)
            pause = min(_LONGEST_PAUSE, pause * 2)


def _await_room(directory: Path, stopping: Callable[[], bool], pause: float) -> None:
    """Until the disk has room again; at least `pause` seconds where it has: then another disk is the full one."""
    short = free_bytes(directory) < ROOM_BYTES
    until = time.monotonic() + pause
    while not stopping():
        if free_bytes(directory) >= ROOM_BYTES and (short or time.monotonic() >= until):
            return
        time.sleep(_LOOK_SECONDS)
