"""Reads that nothing may wait for: those of a thread that serves everybody, which has to hand on what takes longer."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

R = TypeVar("R")
STEPS = 20_000
"""Instructions of SQLite's virtual machine that one snapshot may take: some hundred rows."""
_EVERY = 2_000


class MustWait(BaseException):
    """What was begun where nothing may wait takes longer, or writes: a thread has to do it, from its beginning."""


class ShortReads(Generic[R]):
    """Whether the present thread may wait, and a connection of its own for one that must not.

    As a context manager it is a snapshot, of which the thread has one at a time.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], reader: Callable[[sqlite3.Connection], R]) -> None:
        self._connect = connect
        self._make_reader = reader
        self._connection: sqlite3.Connection | None = None
        self._reader: R | None = None
        self._thread: int | None = None
        self._busy = False
        self._calls = 0

    @contextlib.contextmanager
    def only(self) -> Iterator[None]:
        """In this block the thread only reads, and little; there is one such thread: the event loop's."""
        self._thread = threading.get_ident()
        try:
            yield
        finally:
            self._thread = None

    @property
    def waits(self) -> bool:
        """Whether the present thread may wait."""
        return self._thread is None or self._thread != threading.get_ident()

    def may_wait(self) -> None:
        """MustWait where the thread must not."""
        if not self.waits:
            raise MustWait

    @property
    def wanted(self) -> bool:
        """Whether the present thread is to read here: it must not wait, and is not in a snapshot already."""
        return not self.waits and not self._busy

    def __enter__(self) -> R:
        if self._connection is None or self._reader is None:
            self._connection = self._connect()
            self._connection.set_progress_handler(self._too_long, _EVERY)
            self._reader = self._make_reader(self._connection)
        self._busy, self._calls = True, 0
        self._connection.execute("BEGIN")
        return self._reader

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._busy = False
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if isinstance(value, sqlite3.OperationalError) and self._calls * _EVERY > STEPS:
            raise MustWait from value

    def _too_long(self) -> bool:
        self._calls += 1
        return self._calls * _EVERY > STEPS

    def close(self) -> None:
        """Close the connection; called when the thread has ended its work."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
