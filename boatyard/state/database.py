"""The SQLite database: one writer, many readers, on disk when a transaction has ended."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from boatyard.state.changes import ANY, Changes, Watch, written_table
from boatyard.state.group_commit import GroupCommit
from boatyard.state.schema import schemas
from boatyard.state.short_reads import ShortReads

log = logging.getLogger(__name__)
READERS = 16
CLOSING_SECONDS = 5.0
COMPACT_BYTES = 1 << 20


class Reader:
    """What may be read in one snapshot of the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Run one statement; rows come as sqlite3.Row."""
        return self.connection.execute(sql, parameters)


class Transaction(Reader):
    """The one open write; what it does is all there or not at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.written: set[str | None] = set()
        """The tables that were written to; None may be among them."""
        self._after: list[Callable[[], None]] = []

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Run one statement; rows come as sqlite3.Row."""
        self.written.add(written_table(sql))
        return self.connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for every row."""
        self.written.add(written_table(sql))
        self.connection.executemany(sql, rows)

    def after_commit(self, function: Callable[[], None]) -> None:
        """Run a function once the transaction is on disk; not at all when it is rolled back."""
        self._after.append(function)

    def run_after_commit(self) -> None:
        """Run what was asked for, each on its own: one that fails is logged and does not hinder the others."""
        for function in self._after:
            try:
                function()
            except Exception:
                log.exception("After a commit, %r failed", function)


class DatabaseClosed(RuntimeError):
    """The database was used after the server began to stop."""


class Database:
    """state.db in WAL mode with synchronous=FULL (https://sqlite.org/pragma.html#pragma_synchronous)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._closed = False
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._borrowed = 0
        self._readers = threading.Condition()
        self._changes = Changes()
        self.short: ShortReads[Reader] = ShortReads(self._connect, Reader)
        self.group = GroupCommit(self)
        self._writer = self._connect()
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute("PRAGMA wal_autocheckpoint = 4000")
        self.migrate()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -8000")
        return connection

    def migrate(self) -> None:
        """Bring every imported schema's tables up to date; harmless when they are."""
        with self.transaction() as tx:
            tx.written.add(ANY)
            for schema in schemas():
                schema.apply(tx.connection)

    def watch(self, *tables: str) -> Watch:
        """Tells when tables have changed, from the moment on at which the change is on disk; see state.changes."""
        return self._changes.watch(tables)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The one writer. Rolled back on an exception; on disk when the block has ended.

        RuntimeError when the same thread is in a transaction already: it would wait for itself.
        """
        self.short.may_wait()
        if self._owner == threading.get_ident():
            raise RuntimeError("this thread is in a transaction already: pass the tx on instead of opening another")
        self._lock.acquire()
        tx = self._begin()
        try:
            yield tx
        except BaseException:
            self.undo(tx)
            raise
        self.commit(tx)
        tx.run_after_commit()

    def begin_at_once(self) -> Transaction | None:
        """The one writer's transaction where nobody else has one, else None; ended by `commit` or `undo`.

        The thread that commits may be another than the one that began, which says so by `hand_over`.
        """
        return self._begin() if self._lock.acquire(blocking=False) else None

    def hand_over(self) -> None:
        """The transaction of this thread is ended by another one: this one may wait for it like everybody."""
        self._owner = None

    def _begin(self) -> Transaction:
        """With the lock held, which is let go again where this fails."""
        try:
            if self._closed:
                raise DatabaseClosed("the database is closed")
            tx = Transaction(self._writer)
            self._writer.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        self._owner = threading.get_ident()
        return tx

    def commit(self, tx: Transaction) -> None:
        """Put a transaction on disk; where that fails it is rolled back."""
        try:
            self._writer.execute("COMMIT")
        except BaseException:
            self.undo(tx)
            raise
        self._release(tx)

    def undo(self, tx: Transaction) -> None:
        """Roll a transaction back."""
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        finally:
            self._release(tx)

    def _release(self, tx: Transaction) -> None:
        self._owner = None
        # Before the lock is let go and anybody hears of it: whoever asks after that sees what is new.
        self._changes.note(name for name in tx.written if name is not None)
        self._lock.release()

    def reading(self) -> contextlib.AbstractContextManager[Reader]:
        """A snapshot to read from, at the same time as others."""
        if not self.short.wanted:
            return self._reading()
        if self._closed:
            raise DatabaseClosed("the database is closed")
        return self.short

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Reader]:
        connection = self._borrow()
        try:
            connection.execute("BEGIN")
            yield Reader(connection)
        finally:
            try:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            finally:
                self._give_back(connection)

    def _borrow(self) -> sqlite3.Connection:
        with self._readers:
            if self._closed:
                raise DatabaseClosed("the database is closed")
            self._borrowed += 1
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._readers:
            self._borrowed -= 1
            keep = not self._closed and self._idle.qsize() < READERS
            if keep:
                self._idle.put(connection)
            self._readers.notify_all()
        if not keep:
            connection.close()

    def table_names(self) -> list[str]:
        """Every table, SQLite's own left out."""
        with self.reading() as rx:
            rows = rx.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            ).fetchall()
        return [row["name"] for row in rows]

    def empty(self, keep: frozenset[str] = frozenset()) -> None:
        """Delete every row of every table but the schema's versions and the tables in `keep`."""
        names = [name for name in self.table_names() if name not in keep and name != "schema_versions"]
        with self.transaction() as tx:
            tx.execute("PRAGMA defer_foreign_keys = ON")
            for name in names:
                if tx.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone():
                    tx.execute(f'DELETE FROM "{name}"')

    def compact(self) -> int:
        """Give the space of deleted rows back to the disk where that is worth the copying; the bytes that were free."""
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the database is closed")
            (free,) = self._writer.execute("PRAGMA freelist_count").fetchone()
            (pages,) = self._writer.execute("PRAGMA page_count").fetchone()
            (size,) = self._writer.execute("PRAGMA page_size").fetchone()
            if free * size > COMPACT_BYTES and free * 5 > pages:
                self._writer.execute("VACUUM")
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return int(free * size)

    def close(self) -> None:
        """End readers and writer. A connection that a thread still uses is left to that thread."""
        self.group.close()
        with self._readers:
            if self._closed:
                return
            self._closed = True
            self._readers.wait_for(lambda: self._borrowed == 0, CLOSING_SECONDS)
            while not self._idle.empty():
                self._idle.get_nowait().close()
        self.short.close()
        with self._lock:
            self._writer.close()
