"""Writes of many callers in one transaction: one fsync for all that have come while the last one was under way."""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from boatyard.state.database import Database, Transaction

log = logging.getLogger(__name__)
T = TypeVar("T")
AT_ONCE = 128
"""How many writes share a transaction at most: others must get their turn."""
Write = Callable[["Transaction"], Any]
_Waiting = tuple[Write, "asyncio.Future[Any]"]


class GroupCommit:
    """Takes the writes of an event loop and does them there, in one transaction; a thread waits for the disk.

    A write is a function of the transaction that may be called again: where one of a group fails when it has changed
    something, all of them are rolled back and done anew each by itself, so that no write suffers for another. That, and
    all of it while another thread is in a transaction, is the thread's work too: the event loop never waits.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._under_way = False
        self._work: queue.SimpleQueue[tuple[list[_Waiting], Transaction | None, list[Any]] | None]
        self._work = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, write: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Have a write done: what it returns, once it is on disk. Called on the event loop."""
        loop = asyncio.get_running_loop()
        made: asyncio.Future[T] = loop.create_future()
        self._waiting.append((write, made))
        if len(self._waiting) == 1 and not self._under_way:
            loop.call_soon(self._start)  # after the requests that have come with this one
        return made

    def _start(self) -> None:
        """Do what waits, up to the commit."""
        group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        if not group:
            return
        self._under_way = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
            self._thread.start()
        try:
            tx = self._database.begin_at_once()
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            self._answer(group, [error] * len(group))
            return
        outcomes: list[Any] = []
        if tx is not None:
            try:
                outcomes = _outcomes(tx, group)
                self._database.hand_over()
            except Exception as error:  # noqa: BLE001 - whose it is shows when each is done by itself
                log.debug("A group of %d writes is taken apart: %s", len(group), error)
                self._database.undo(tx)
                tx = None
        self._work.put((group, tx, outcomes))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            group, tx, outcomes = work
            if tx is None:
                outcomes = self._together(group)
            elif not self._committed(tx):
                outcomes = [self._alone(write) for write, _ in group]
            loop = group[0][1].get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._answer, group, outcomes)

    def _committed(self, tx: Transaction) -> bool:
        try:
            self._database.commit(tx)
        except Exception as error:  # noqa: BLE001 - tried again by each, and told to whom it happens then
            log.debug("A group's commit failed: %s", error)
            return False
        tx.run_after_commit()
        return True

    def _together(self, group: list[_Waiting]) -> list[Any]:
        """All of it by the thread, where the event loop could not."""
        try:
            with self._database.transaction() as tx:
                return _outcomes(tx, group)
        except Exception as error:  # noqa: BLE001 - whose it is shows when each is done by itself
            log.debug("A group of %d writes is taken apart: %s", len(group), error)
            return [self._alone(write) for write, _ in group]

    def _alone(self, write: Write) -> Any:
        try:
            with self._database.transaction() as tx:
                return write(tx)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            return error

    def _answer(self, group: list[_Waiting], outcomes: list[Any]) -> None:
        """Hand the outcomes out, on the event loop, and begin with what has come in the meantime."""
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue  # nobody waits any more
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        self._under_way = False
        if self._waiting:
            group[0][1].get_loop().call_soon(self._start)

    def close(self) -> None:
        """Finish what was begun, and end."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join(10)


def _outcomes(tx: Transaction, group: list[_Waiting]) -> list[Any]:
    """What each write returns, or the exception of one that has changed nothing; of one that has, it is raised."""
    found: list[Any] = []
    for write, _ in group:
        before = tx.connection.total_changes
        try:
            found.append(write(tx))
        except sqlite3.Error:
            raise  # SQLite may have ended the transaction
        except Exception as error:
            if tx.connection.total_changes != before:
                raise
            found.append(error)
    return found
