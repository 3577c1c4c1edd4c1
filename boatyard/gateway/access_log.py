"""The access log: one line a request, in a file that is rotated."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

from boatyard.api import timestamps

_SIZE = 16 << 20
_KEPT = 3


class AccessLog:
    """`access.log` in a directory: time, principal, service, operation, status, duration, request id, error code."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._handler = logging.handlers.RotatingFileHandler(
            directory / "access.log", maxBytes=_SIZE, backupCount=_KEPT, encoding="utf-8"
        )
        self._handler.setFormatter(logging.Formatter("%(message)s"))

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
        moment = timestamps.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = (principal, service, operation, str(status), f"{seconds * 1000:.1f}ms", request_id, code or "-")
        line = " ".join([moment, *("".join(c if c.isprintable() and c != " " else "?" for c in f) for f in fields)])
        self._handler.handle(logging.LogRecord("boatyard.access", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
