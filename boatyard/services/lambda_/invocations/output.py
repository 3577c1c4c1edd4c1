"""What a function prints: a pipe from its container to the server, which can be read to a known end.

A container's log file lags behind the container. Through a pipe that the server holds open too, a mark that the server
writes comes out behind everything that the function had printed before: so all lines of an invocation are known when
its outcome is.
"""

from __future__ import annotations

import codecs
import logging
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)
READ_BYTES = 64 * 1024
LONGEST_LINE = 64 * 1024
WAITS_SECONDS = 10.0


class FunctionOutput:
    """A named pipe at `path` that a container is given; every line read from it goes to `sink`."""

    def __init__(self, path: Path, sink: Callable[[str], None]) -> None:
        self.path = path
        self._sink = sink
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
        # The function's user writes to it, only the server reads.
        path.chmod(0o622)
        self._pipe = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        # Unknown to the function, which could otherwise imitate it.
        self._mark = b"\x02" + secrets.token_hex(16).encode()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._lock = threading.Lock()
        self._read = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._copy, name=f"output {path.name}", daemon=True)
        self._thread.start()

    def flush(self) -> None:
        """Wait until everything that was printed so far has gone to the sink."""
        with self._lock:
            if self._closing:
                return
            self._read.clear()
            os.write(self._pipe, self._mark)
            if not self._read.wait(WAITS_SECONDS):
                log.warning("The output %s is read slowly: lines may come late", self.path.name)

    def close(self) -> None:
        """Hand on what is left and remove the pipe; the container must have ended. Harmless when it is done."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            os.write(self._pipe, self._mark)
        self._thread.join(WAITS_SECONDS)
        self.path.unlink(missing_ok=True)

    def _copy(self) -> None:
        rest = b""
        while True:
            rest += os.read(self._pipe, READ_BYTES)
            while (place := rest.find(self._mark)) >= 0:
                self._take(rest[:place], ends=True)
                rest = rest[place + len(self._mark) :]
                self._read.set()
                if self._closing:
                    os.close(self._pipe)
                    return
            # What may be the beginning of a mark waits for its end.
            start = rest.rfind(b"\x02", max(0, len(rest) - len(self._mark)))
            kept = len(rest) - start if start >= 0 and self._mark.startswith(rest[start:]) else 0
            self._take(rest[: len(rest) - kept], ends=False)
            rest = rest[len(rest) - kept :]

    def _take(self, content: bytes, *, ends: bool) -> None:
        *whole, self._line = (self._line + self._decoder.decode(content)).split("\n")
        if ends and self._line:
            whole.append(self._line)
            self._line = ""
        for line in whole:
            self._sink(self._cut(line).rstrip("\r"))
        self._line = self._cut(self._line)

    def _cut(self, line: str) -> str:
        """Hands on what is too long for one line in pieces, however it arrived; the last piece."""
        while len(line) > LONGEST_LINE:
            self._sink(line[:LONGEST_LINE])
            line = line[LONGEST_LINE:]
        return line
