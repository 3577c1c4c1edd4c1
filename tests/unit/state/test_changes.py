"""What is kept in memory of rows holds until a commit changes them, and no longer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from boatyard.state.changes import ANY, Cache, written_table
from boatyard.state.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with two tables of one number each."""
    database = Database(tmp_path / "state.db")
    with database.transaction() as tx:
        for name in ("one", "other"):
            tx.execute(f"CREATE TABLE {name} (number INTEGER)")
            tx.execute(f"INSERT INTO {name} VALUES (0)")
    return database


def number(database: Database, table: str = "one") -> int:
    with database.reading() as rx:
        return int(rx.execute(f"SELECT number FROM {table}").fetchone()[0])


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("SELECT 1 FROM a", None),
        ("INSERT INTO a VALUES (1)", "a"),
        ('insert or replace into "A" values (1)', "a"),
        ("\n  UPDATE OR IGNORE a SET b = 1", "a"),
        ('DELETE FROM "a"', "a"),
        ("REPLACE INTO a VALUES (1)", "a"),
        ("WITH b AS (SELECT 1) DELETE FROM a", ANY),
        ("DROP TABLE a", ANY),
        ("PRAGMA x", ANY),
    ],
)
def test_a_statement_tells_what_it_writes(sql: str, table: str | None) -> None:
    assert written_table(sql) == table


def test_a_value_is_kept_until_its_table_changes(database: Database) -> None:
    cache: Cache[str, int] = Cache(database.watch("one"))
    loaded: list[int] = []

    def load() -> int:
        loaded.append(1)
        return number(database)

    assert [cache.get("k", load) for _ in range(3)] == [0, 0, 0]
    with database.transaction() as tx:
        tx.execute("UPDATE other SET number = 7")
    assert (cache.get("k", load), len(loaded)) == (0, 1)
    with database.transaction() as tx:
        tx.execute("UPDATE one SET number = 1")
        assert cache.get("k", load) == 0, "seen before it was committed"
    assert cache.get("k", load) == 1
    with database.transaction() as tx:
        tx.executemany("UPDATE one SET number = ?", [(2,)])
    assert cache.get("k", load) == 2
    database.empty()
    with database.transaction() as tx:
        tx.execute("INSERT INTO one VALUES (9)")
    assert cache.get("k", load) == 9


def test_what_was_rolled_back_was_never_there(database: Database) -> None:
    cache: Cache[str, int] = Cache(database.watch("one"))
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        tx.execute("UPDATE one SET number = 1")
        raise ZeroDivisionError
    assert cache.get("k", lambda: number(database)) == 0


def test_nothing_is_kept_of_what_is_not_there_nor_beyond_the_limit(database: Database) -> None:
    cache: Cache[int, int | None] = Cache(database.watch("one"), limit=2)
    assert cache.get(0, lambda: None) is None
    assert cache.get(0, lambda: 5) == 5
    assert [cache.get(key, lambda: 6) for key in (1, 2)] == [6, 6]
    assert len(cache._kept) <= 2


def test_whoever_asks_after_a_commit_sees_it(database: Database) -> None:
    """A value that was read while a commit was under way must not outlive it."""
    cache: Cache[str, int] = Cache(database.watch("one"))
    committed, stale, ended = [0], [], threading.Event()

    def read() -> None:
        while not ended.is_set():
            least = committed[0]
            seen = cache.get("k", lambda: number(database))
            if seen < least:
                stale.append((seen, least))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for value in range(1, 200):
        with database.transaction() as tx:
            tx.execute("UPDATE one SET number = ?", (value,))
        committed[0] = value
    ended.set()
    for reader in readers:
        reader.join()
    assert stale == []
    assert cache.get("k", lambda: number(database)) == 199
