"""A thread that must not wait reads a little, and hands on the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from boatyard.state.database import Database, DatabaseClosed
from boatyard.state.short_reads import MustWait


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with a table of many rows."""
    database = Database(tmp_path / "state.db")
    with database.transaction() as tx:
        tx.execute("CREATE TABLE boats (number INTEGER PRIMARY KEY)")
        tx.executemany("INSERT INTO boats VALUES (?)", [(number,) for number in range(50_000)])
    return database


def test_a_little_is_read_and_what_is_new_is_seen(database: Database) -> None:
    for number in (-1, -2):
        with database.short.only(), database.reading() as rx:
            assert rx.execute("SELECT min(number) FROM boats").fetchone()[0] == number + 1
        with database.transaction() as tx:
            tx.execute("INSERT INTO boats VALUES (?)", (number,))


def test_what_reads_much_or_writes_must_wait(database: Database) -> None:
    with database.short.only():
        with pytest.raises(MustWait), database.reading() as rx:
            rx.execute("SELECT sum(number) FROM boats").fetchone()
        with pytest.raises(MustWait), database.transaction():
            pass
        with pytest.raises(MustWait):
            database.short.may_wait()
        with database.reading() as rx:
            assert rx.execute("SELECT count(*) FROM boats WHERE number < 5").fetchone()[0] == 5
    database.short.may_wait()
    with database.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM boats").fetchone()[0] == 50_000


def test_a_snapshot_within_another_is_one_of_its_own(database: Database) -> None:
    with database.short.only(), database.reading() as outer, database.reading() as inner:
        assert outer.connection is not inner.connection


def test_a_database_that_was_closed_stays_so(database: Database) -> None:
    with database.short.only(), database.reading() as rx:
        rx.execute("SELECT 1").fetchone()
    database.close()
    with database.short.only(), pytest.raises(DatabaseClosed):
        database.reading()
