"""How far long work is: a line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

_EVERY_SECONDS = 5.0


class Progress:
    """Writes to standard error, so that what a command prints stays as it is."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._open = False

    def say(self, text: str) -> None:
        """What is being done now."""
        self._end_line()
        sys.stderr.write(f"{text} ...\n")
        sys.stderr.flush()

    def moved(self, done: int, total: int) -> None:
        """So many bytes of all are done."""
        self._show(f"  {100 * done // max(total, 1)} % of {total / (1 << 20):.0f} MiB")

    def count(self, count: int, size: int) -> None:
        """So many things with so many bytes are done."""
        self._show(f"  {count} things, {size / (1 << 20):.0f} MiB")

    def _show(self, text: str) -> None:
        moment = time.monotonic()
        if moment - self._last < (0.1 if self._terminal else _EVERY_SECONDS):
            return
        self._last = moment
        sys.stderr.write(f"\r{text}\x1b[K" if self._terminal else f"{text}\n")
        sys.stderr.flush()
        self._open = self._terminal

    def _end_line(self) -> None:
        if self._open:
            sys.stderr.write("\r\x1b[K")
            self._open = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_line()
