"""The access log: one line a request, in a file that is rotated."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

log = logging.getLogger(__name__)
_SIZE = 16 << 20
_KEPT = 3


class AccessLog:
    """`access.log` in a directory: time, principal, service, operation, status, duration, request id, error code.

    The lines of one turn of the event loop are written together.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = directory / "access.log"
        self._lines: list[str] = []
        self._failing = self._closed = False
        self._descriptor = -1
        self._open()

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._size = os.fstat(self._descriptor).st_size

    def write(
        self,
        *,
        principal: str,
        service: str,
        operation: str,
        status: int,
        seconds: float,
        request_id: str,
        code: str | None = None,
    ) -> None:
        """One line. What came from the client has no blanks and no line ends in it."""
        now = time.time()
        moment = f"{_second(int(now))}.{int(now % 1 * 1000):03d}Z"
        fields = f"{plain(principal)} {plain(service)} {plain(operation)}"
        line = f"{moment} {fields} {status} {seconds * 1000:.1f}ms {request_id} {plain(code or '-')}\n"
        if not self._lines:
            try:
                asyncio.get_running_loop().call_soon(self._flush)
            except RuntimeError:  # there is no event loop, and so no other line to wait for
                self._lines.append(line)
                self._flush()
                return
        self._lines.append(line)

    def _flush(self) -> None:
        text, self._lines = "".join(self._lines).encode("utf-8", "replace"), []
        if not text or self._closed:
            return
        try:
            if self._descriptor < 0:
                self._open()
            if self._size + len(text) > _SIZE:
                self._rotate()
            self._size += os.write(self._descriptor, text)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning("The access log %s cannot be written: %s", self._path, error)
            self._failing = True

    def _rotate(self) -> None:
        """access.log becomes access.log.1, that one .2, and so on; the oldest goes."""
        self._let_go()
        try:
            for number in range(_KEPT, 0, -1):
                older = self._path.with_name(f"access.log.{number - 1}") if number > 1 else self._path
                if older.exists():
                    older.replace(self._path.with_name(f"access.log.{number}"))
        finally:
            self._open()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._flush()
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        """Close the file and forget its number, which is soon another file's."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@lru_cache(maxsize=2)
def _second(number: int) -> str:
    return datetime.fromtimestamp(number, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def plain(text: str) -> str:
    """A text with a question mark in place of what would not show, and of blanks."""
    if text.isprintable() and " " not in text:
        return text
    return "".join(letter if letter.isprintable() and letter != " " else "?" for letter in text)
