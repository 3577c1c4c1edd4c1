"""How a service looks after what it keeps on disk: `keeping.py` in its room, run by `doctor --verify` and `gc`.

def verify(installation) -> Iterator[Looked]        compares what is there with what was written
def garbage(installation, policy) -> Iterator[Garbage]   names what may go
def moved(tx)                                        adapts records after an import on another machine
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Looked:
    """One thing that was looked at: fine, worth a notice, or a problem with what to do about it."""

    subject: str
    size: int = 0
    """Bytes that were read for it."""
    level: Literal["ok", "notice", "problem"] = "ok"
    text: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Policy:
    """How long what nobody needs is kept."""

    unused_seconds: float
    """Files, folders and images: so long after they were last touched, for what is under way may be about to refer."""
    build_cache_seconds: float
    history_seconds: float


@dataclass(frozen=True)
class Garbage:
    """Something that nothing needs any more; `remove` looks again before it removes."""

    kind: str
    what: str
    size: int
    remove: Callable[[], object]


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files below a folder; links are not followed."""
    total = 0
    with contextlib.suppress(FileNotFoundError):
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        for folder, _, names in os.walk(path):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += (Path(folder) / name).lstat().st_size
    return total


def untouched(path: Path, seconds: float) -> bool:
    """Whether a file or folder was last changed longer ago than that."""
    try:
        return path.lstat().st_mtime < time.time() - seconds
    except FileNotFoundError:
        return False


def problem(subject: str, text: str, remedy: str, size: int = 0) -> Looked:
    """Something is damaged or missing."""
    return Looked(subject, size, "problem", text, remedy)


def notice(subject: str, text: str, remedy: str = "") -> Looked:
    """Something is worth knowing."""
    return Looked(subject, 0, "notice", text, remedy)
