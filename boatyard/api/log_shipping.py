"""Ships the lines of whatever runs to CloudWatch Logs while it runs."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import TYPE_CHECKING

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import milliseconds
from boatyard.state import space
from boatyard.state.database import DatabaseClosed

if TYPE_CHECKING:
    from boatyard.api.call import Call

log = logging.getLogger(__name__)
INTERVAL_SECONDS = 0.2
RETRY_SECONDS = 1.0
BATCH_BYTES = 512 * 1024
BATCH_MILLISECONDS = 23 * 3600 * 1000
"""Of a day, which is the most that a batch may span."""
OLDEST_MILLISECONDS = 13 * 24 * 3600 * 1000
EVENT_BYTES = 250 * 1024
PER_EVENT_BYTES = 26
QUEUE_BYTES = 8 * 1024 * 1024


def pieces(text: str) -> list[str]:
    """The messages that a line becomes: a long one is cut, and an event is never empty."""
    return [text[start : start + EVENT_BYTES // 4] for start in range(0, len(text), EVENT_BYTES // 4)] or [" "]


def _size(event: dict[str, int | str]) -> int:
    return len(str(event["message"])) * 4 + PER_EVENT_BYTES


def _accepted(timestamp: int) -> int:
    """The time of a line as CloudWatch Logs takes it: the clock may have been set since the line was written.

    It takes none of over two hours ahead or fourteen days ago.
    """
    latest = milliseconds()
    return max(latest - OLDEST_MILLISECONDS, min(timestamp, latest))


class LogShipper:
    """Sends lines to one log stream in batches, as the given caller; group and stream are made if missing."""

    def __init__(self, call: Call, group: str, stream: str) -> None:
        self._call = call
        self.group = group
        self.stream = stream
        self._lock = threading.Condition()
        self._sending = threading.Lock()
        self._lines: list[dict[str, int | str]] = []
        self._bytes = 0
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._made = False
        self._thread: threading.Thread | None = None

    def send(self, timestamp: int | None, text: str) -> None:
        """Queue a line with its time in milliseconds since 1970 (None: now); long ones are cut into pieces.

        Waits while the queue is full: whoever prints faster than can be stored is slowed down, not kept in memory.
        """
        at = milliseconds() if timestamp is None else timestamp
        with self._lock:
            self._lock.wait_for(lambda: self._bytes < QUEUE_BYTES or self._closed.is_set())
            for piece in pieces(text):
                self._lines.append({"timestamp": at, "message": piece})
                self._bytes += _size(self._lines[-1])
            full = self._bytes >= BATCH_BYTES
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"logs {self.group}", daemon=True)
                self._thread.start()
        if full:
            self._wake.set()

    def close(self) -> None:
        """Send what is left and end. Raises what a full disk raises: the lines have not gone then."""
        with self._lock:
            self._closed.set()
            self._lock.notify_all()
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(30)
        self.flush()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(INTERVAL_SECONDS)
            self._wake.clear()
            try:
                self.flush()
            except (OSError, sqlite3.Error) as error:
                if not space.is_full(error):
                    raise
                log.warning("The lines of the log group %s wait for space: %s", self.group, error)
                self._closed.wait(RETRY_SECONDS)

    def flush(self) -> None:
        """Send what was queued before; a refusal is logged on the server and the lines are lost, as on AWS.

        Where the server itself fails, on a full disk, it raises, and the lines stay for the next time.
        """
        with self._sending:
            self._flush()

    def _flush(self) -> None:
        while True:
            with self._lock:
                batch = self._take()
                self._lock.notify_all()
            if not batch:
                return
            try:
                self._make()
                batch.sort(key=lambda line: line["timestamp"])
                self._call.invoke(
                    "logs",
                    "PutLogEvents",
                    logGroupName=self.group,
                    logStreamName=self.stream,
                    logEvents=batch,
                )
            except ApiError as error:
                log.warning("%d lines did not reach the log group %s: %s", len(batch), self.group, error)
                self._made = False
                return
            except (OSError, sqlite3.Error):
                with self._lock:
                    self._lines[:0] = batch
                    self._bytes += sum(_size(line) for line in batch)
                raise
            except DatabaseClosed:
                return  # the server stops; who shipped goes on from what is there at the next start

    def _take(self) -> list[dict[str, int | str]]:
        taken: list[dict[str, int | str]] = []
        size, first, last = 0, 1 << 62, 0
        for line in self._lines:
            moment = _accepted(int(line["timestamp"]))
            first, last = min(first, moment), max(last, moment)
            large = size + _size(line) > 1_000_000 or len(taken) == 10_000
            if taken and (large or last - first > BATCH_MILLISECONDS):
                break
            size += _size(line)
            taken.append({**line, "timestamp": moment})
        del self._lines[: len(taken)]
        self._bytes -= size
        return taken

    def _make(self) -> None:
        if self._made:
            return
        for operation, params in (
            ("CreateLogGroup", {"logGroupName": self.group}),
            ("CreateLogStream", {"logGroupName": self.group, "logStreamName": self.stream}),
        ):
            try:
                self._call.invoke("logs", operation, **params)
            except ApiError as error:
                if error.code != "ResourceAlreadyExistsException":
                    raise
        self._made = True
