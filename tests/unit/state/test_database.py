"""The database and its tables."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boatyard.state.database import Database, DatabaseClosed
from boatyard.state.schema import NewerDatabase, Schema
from boatyard.state.table import AlreadyExists, NotThere, Record, Table


class Boat(Record, frozen=True, kw_only=True):
    """A record of these tests."""

    account: str
    name: str
    status: str = "New"
    made: datetime | None = None
    cargo: dict[str, str] = {}


SCHEMA = Schema("test_boats")
BOATS = Table(SCHEMA, "test_boats", Boat, key=("account", "name"), index=("status",))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database of the test's own."""
    return Database(tmp_path / "state.db")


def test_a_record_comes_back_as_it_was(database: Database) -> None:
    boat = Boat(account="1", name="a", made=datetime(2026, 1, 2, tzinfo=UTC), cargo={"x": "ü"})
    with database.transaction() as tx:
        BOATS.insert(tx, boat)
    with database.reading() as rx:
        assert BOATS.get(rx, "1", "a") == boat
        assert BOATS.get(rx, "2", "a") is None


def test_a_key_is_taken_once(database: Database) -> None:
    with database.transaction() as tx:
        BOATS.insert(tx, Boat(account="1", name="a"))
    with pytest.raises(AlreadyExists), database.transaction() as tx:
        BOATS.insert(tx, Boat(account="1", name="a"))


def test_select_by_value_prefix_and_place(database: Database) -> None:
    with database.transaction() as tx:
        for name in ("a", "ab", "abc", "b", "%"):
            BOATS.insert(tx, Boat(account="1", name=name, status="Done" if name == "b" else "New"))
        BOATS.insert(tx, Boat(account="2", name="abx"))
    with database.reading() as rx:
        names = [boat.name for boat in BOATS.select(rx, {"account": "1"}, prefix=("name", "ab"))]
        assert names == ["ab", "abc"]
        assert [boat.name for boat in BOATS.select(rx, {"account": "1"}, after=("name", "ab"), limit=1)] == ["abc"]
        assert [boat.name for boat in BOATS.select(rx, {"status": ["Done"]})] == ["b"]
        assert BOATS.count(rx, {"account": "1"}) == 5


def test_update_needs_the_record(database: Database) -> None:
    with pytest.raises(NotThere), database.transaction() as tx:
        BOATS.update(tx, ("1", "none"), lambda boat: boat)


def test_an_index_column_of_a_later_release_is_filled(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    with database.transaction() as tx:
        tx.execute("DROP TABLE test_boats")
        tx.execute("CREATE TABLE test_boats (account, name, record TEXT NOT NULL, PRIMARY KEY (account, name))")
        tx.execute("""INSERT INTO test_boats VALUES ('1', 'a', '{"account":"1","name":"a","status":"Old"}')""")
    database.close()
    again = Database(tmp_path / "state.db")
    with again.reading() as rx:
        assert [boat.name for boat in BOATS.select(rx, {"status": "Old"})] == ["a"]


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    called: list[str] = []
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        BOATS.insert(tx, Boat(account="1", name="a"))
        tx.after_commit(lambda: called.append("no"))
        _ = 1 / 0
    with database.reading() as rx:
        assert BOATS.count(rx) == 0
    assert called == []


def test_a_nested_transaction_is_an_error_and_not_a_deadlock(database: Database) -> None:
    with database.transaction(), pytest.raises(RuntimeError, match="already"), database.transaction():
        pass


def test_a_newer_data_directory_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    with database.transaction() as tx:
        tx.execute("UPDATE schema_versions SET version = 99 WHERE name = 'test_boats'")
    database.close()
    with pytest.raises(NewerDatabase, match="newer boatyard"):
        Database(tmp_path / "state.db")


def test_closing_waits_for_readers(database: Database) -> None:
    inside, leave = threading.Event(), threading.Event()

    def read() -> None:
        with database.reading() as rx:
            inside.set()
            leave.wait(60)
            rx.execute("SELECT 1").fetchone()

    reader = threading.Thread(target=read)
    reader.start()
    assert inside.wait(60)
    closer = threading.Thread(target=database.close)
    closer.start()
    leave.set()
    reader.join(60)
    closer.join(60)
    with pytest.raises(DatabaseClosed), database.reading():
        pass
    with pytest.raises(DatabaseClosed), database.transaction():
        pass


def test_empty_leaves_the_schema(database: Database) -> None:
    with database.transaction() as tx:
        BOATS.insert(tx, Boat(account="1", name="a"))
    database.empty()
    with database.reading() as rx:
        assert BOATS.count(rx) == 0
        assert rx.execute("SELECT count(*) FROM schema_versions").fetchone()[0] > 0


def test_a_walk_goes_on_behind_the_place_of_a_record(database: Database) -> None:
    with database.transaction() as tx:
        for number, name in enumerate("dabc"):
            BOATS.insert(tx, Boat(account="1", name=name, status="Old" if number < 2 else "New"))
        BOATS.insert(tx, Boat(account="2", name="e"))
    where = {"account": "1"}
    with database.reading() as rx:
        columns = BOATS.ordering(where, ("status",))
        assert columns == ("status", "name")
        walked = [boat.name for boat in BOATS.walk(rx, where, order=("status",))]
        first = next(BOATS.walk(rx, where, order=("status",), descending=True))
        place = BOATS.place(first, columns)
        rest = [boat.name for boat in BOATS.walk(rx, where, order=("status",), descending=True, behind=place)]
    assert walked == ["b", "c", "a", "d"]
    assert (first.name, rest) == ("d", ["a", "c", "b"])


def test_indexes_of_older_releases_are_replaced(database: Database) -> None:
    def indexes() -> set[str]:
        with database.reading() as rx:
            sql = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'test_boats' AND sql IS NOT NULL"
            return {row["name"] for row in rx.execute(sql)}

    now = indexes()
    with database.transaction() as tx:
        tx.execute("DROP INDEX test_boats_by_status")
        tx.execute("CREATE INDEX test_boats_status ON test_boats (status)")
    database.migrate()
    assert indexes() == now == {"test_boats_by_status"}


COUNTED = Table(Schema("test_counted"), "test_counted", Boat, key=("account", "name"), counted=("account",))


def test_records_are_counted_as_they_come_and_go(database: Database) -> None:
    with database.transaction() as tx:
        for name in "abc":
            COUNTED.insert(tx, Boat(account="1", name=name))
        COUNTED.put(tx, Boat(account="1", name="a", status="Old"))
        COUNTED.put(tx, Boat(account="2", name="a"))
        COUNTED.delete(tx, "1", "b")
        COUNTED.delete(tx, "2", "a")
        COUNTED.delete(tx, "2", "a")
        assert [COUNTED.count(tx, {"account": account}) for account in "123"] == [2, 0, 0]
    database.empty()
    with database.transaction() as tx:
        assert COUNTED.count(tx, {"account": "1"}) == 0
        COUNTED.insert(tx, Boat(account="1", name="a"))
        assert COUNTED.count(tx, {"account": "1"}) == 1


def test_what_an_older_release_has_kept_is_counted(database: Database) -> None:
    with database.transaction() as tx:
        COUNTED.insert(tx, Boat(account="1", name="a"))
        tx.execute("DROP TABLE test_counted_counts")
        tx.execute("DROP TRIGGER test_counted_counts_more")
        tx.execute("DROP TRIGGER test_counted_counts_less")
    database.migrate()
    with database.reading() as rx:
        assert COUNTED.count(rx, {"account": "1"}) == 1
