"""Writes that come together share a transaction, and none suffers for another."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from boatyard.state.database import Database, Transaction


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with a table of names."""
    database = Database(tmp_path / "state.db")
    with database.transaction() as tx:
        tx.execute("CREATE TABLE boats (name TEXT PRIMARY KEY)")
    return database


def insert(name: str, transactions: list[Transaction]) -> Any:
    def write(tx: Transaction) -> str:
        transactions.append(tx)
        tx.execute("INSERT INTO boats VALUES (?)", (name,))
        if name == "bad":
            raise ValueError(name)
        return name

    return write


def names(database: Database) -> set[str]:
    with database.reading() as rx:
        return {row[0] for row in rx.execute("SELECT name FROM boats")}


async def together(database: Database, writes: list[Any]) -> list[Any]:
    """Have writes done that all wait at the same time: another transaction is open until then.

    The first finds that one open, and is done by the thread; the others have come until it is.
    """
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction():
            held.set()
            go_on.wait(120)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(120)
    first = database.group.do(lambda tx: None)
    await asyncio.sleep(0)
    waiting = [database.group.do(write) for write in writes]
    go_on.set()
    await first
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    holder.join()
    return outcomes


def test_writes_that_wait_share_a_transaction(database: Database) -> None:
    used: list[Transaction] = []
    outcomes = asyncio.run(together(database, [insert(name, used) for name in "abc"]))
    assert outcomes == ["a", "b", "c"]
    assert names(database) == {"a", "b", "c"}
    assert len(set(used)) == 1


def test_one_that_fails_is_rolled_back_alone(database: Database) -> None:
    used: list[Transaction] = []
    outcomes = asyncio.run(together(database, [insert(name, used) for name in ("a", "bad", "c")]))
    assert [outcomes[0], outcomes[2]] == ["a", "c"]
    assert isinstance(outcomes[1], ValueError)
    assert names(database) == {"a", "c"}


def test_one_that_is_refused_before_it_writes_leaves_the_others_together(database: Database) -> None:
    used: list[Transaction] = []

    def refuse(tx: Transaction) -> None:
        raise ValueError("refused")

    outcomes = asyncio.run(together(database, [insert("a", used), refuse, insert("c", used)]))
    assert [outcomes[0], outcomes[2], type(outcomes[1])] == ["a", "c", ValueError]
    assert len(set(used)) == 1
    assert names(database) == {"a", "c"}


def test_what_is_answered_is_there_and_what_was_asked_for_after_it_has_run(database: Database) -> None:
    ran: list[str] = []

    def write(tx: Transaction) -> None:
        tx.execute("INSERT INTO boats VALUES ('a')")
        tx.after_commit(lambda: ran.append("a"))

    async def ask() -> set[str]:
        await database.group.do(write)
        return names(database)

    assert asyncio.run(ask()) == {"a"}
    assert ran == ["a"]


def test_closing_does_what_waits(database: Database) -> None:
    async def ask() -> str:
        waiting = database.group.do(insert("a", []))
        await asyncio.sleep(0)  # begun by now
        await asyncio.get_running_loop().run_in_executor(None, database.close)
        return str(await waiting)

    assert asyncio.run(ask()) == "a"


def test_whoever_handed_a_commit_over_may_wait_for_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, commit = threading.Event(), database.commit

    def commit_later(tx: Transaction) -> None:
        go_on.wait(120)
        commit(tx)

    async def story() -> None:
        monkeypatch.setattr(database, "commit", commit_later)
        first = database.group.do(insert("a", []))
        await asyncio.sleep(0)
        monkeypatch.setattr(database, "commit", commit)
        threading.Timer(0.1, go_on.set).start()
        with database.transaction() as tx:
            tx.execute("INSERT INTO boats VALUES ('b')")
        assert await first == "a"

    asyncio.run(story())
    assert names(database) == {"a", "b"}
