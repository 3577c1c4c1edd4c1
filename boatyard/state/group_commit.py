"""Writes of many callers in one transaction: one fsync for all that have come while the last one was under way."""

from __future__ import annotations

import asyncio
import logging
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
    """Takes the writes of an event loop; a thread does them, together where several wait, and answers when it is safe.

    A write is a function of the transaction that may be called again: where one of a group fails, all of them are
    rolled back and done anew each by itself, so that no write suffers for another.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._wake = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def do(self, write: Callable[[Transaction], T]) -> asyncio.Future[T]:
        """Have a write done: what it returns, once it is on disk. Called on the event loop."""
        made: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._wake:
            self._waiting.append((write, made))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
                self._thread.start()
            self._wake.notify()
        return made

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    self._wake.wait()
                group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            if not group:
                return
            _answer(group, self._write(group))

    def _write(self, group: list[_Waiting]) -> list[Any]:
        """The outcome of each: what it returned, or its exception."""
        if len(group) > 1:
            try:
                with self._database.transaction() as tx:
                    return [write(tx) for write, _ in group]
            except Exception as error:  # noqa: BLE001 - whose it is shows when each is done by itself
                log.debug("A group of %d writes is taken apart: %s", len(group), error)
        return [self._alone(write) for write, _ in group]

    def _alone(self, write: Write) -> Any:
        try:
            with self._database.transaction() as tx:
                return write(tx)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            return error

    def close(self) -> None:
        """Do what is waiting, and end."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(10)


def _answer(group: list[_Waiting], outcomes: list[Any]) -> None:
    """Hand the outcomes to the event loop, all with one wake-up."""
    loop = group[0][1].get_loop()

    def hand_out() -> None:
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():
                continue  # nobody waits any more
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    if not loop.is_closed():
        loop.call_soon_threadsafe(hand_out)
