"""Tables of typed records: key and index columns for SQLite, the whole record as JSON beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec

from boatyard.state.database import Reader, Transaction
from boatyard.state.schema import Schema


class Record(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What is stored: fields of JSON types, aware datetimes, bytes, enums and records."""


R = TypeVar("R", bound=Record)


class AlreadyExists(Exception):
    """A record with the same key is there."""


class NotThere(LookupError):
    """No record has that key."""


class Table(Generic[R]):
    """Records of one kind, found by key.

    `index` names what else is looked up or ordered by: a column, or several columns, first those that are given and
    then those that order. Every index ends with the key, so that it gives an order without ties.
    An index may be added or left out in a later release: new columns are filled for the records that are there.
    `counted` are columns by whose values SQLite keeps count of the records, so that `count` need not look at them.
    """

    def __init__(
        self,
        schema: Schema,
        name: str,
        record: type[R],
        key: Sequence[str],
        index: Sequence[str | tuple[str, ...]] = (),
        counted: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.record = record
        self.key = tuple(key)
        self.indexes = tuple((each,) if isinstance(each, str) else each for each in index)
        self.index = tuple(dict.fromkeys(column for each in self.indexes for column in each if column not in self.key))
        self.columns = self.key + self.index
        self.counted = counted
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(record)
        marks = ", ".join("?" * (len(self.columns) + 1))
        names = ", ".join(f'"{column}"' for column in (*self.columns, "record"))
        updates = ", ".join(f'"{column}" = excluded."{column}"' for column in (*self.index, "record"))
        self._insert = f'INSERT INTO "{name}" ({names}) VALUES ({marks})'
        keys = ", ".join(f'"{column}"' for column in self.key)
        self._put = f"{self._insert} ON CONFLICT ({keys}) DO UPDATE SET {updates}"
        self._where_key = " AND ".join(f'"{column}" = ?' for column in self.key)
        schema.tables.append(self)

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Create the table, and add and fill the columns it does not have yet."""
        keys = ", ".join(f'"{column}"' for column in self.key)
        declared = ", ".join(f'"{column}"' for column in self.columns)
        connection.execute(
            f'CREATE TABLE IF NOT EXISTS "{self.name}" ({declared}, record TEXT NOT NULL, PRIMARY KEY ({keys}))'
        )
        there = {row[1] for row in connection.execute(f'PRAGMA table_info("{self.name}")')}
        missing = [column for column in self.index if column not in there]
        for column in missing:
            connection.execute(f'ALTER TABLE "{self.name}" ADD COLUMN "{column}"')
        if missing:
            tx = Transaction(connection)
            for row in connection.execute(f'SELECT record FROM "{self.name}"').fetchall():
                self.put(tx, self._decoder.decode(row[0]))
        self._prepare_indexes(connection)
        if self.counted:
            self._prepare_counts(connection)

    def _prepare_counts(self, connection: sqlite3.Connection) -> None:
        """Create the table of counts, filled, and the triggers that keep it."""
        counts, columns = f"{self.name}_counts", ", ".join(f'"{column}"' for column in self.counted)
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (counts,)).fetchone():
            return
        same, new = (
            " AND ".join(f'"{column}" IS OLD."{column}"' for column in self.counted),
            ", ".join(f'NEW."{column}"' for column in self.counted),
        )
        connection.execute(f'CREATE TABLE "{counts}" ({columns}, records INTEGER NOT NULL, PRIMARY KEY ({columns}))')
        connection.execute(f'INSERT INTO "{counts}" SELECT {columns}, count(*) FROM "{self.name}" GROUP BY {columns}')
        connection.execute(
            f'CREATE TRIGGER "{counts}_more" AFTER INSERT ON "{self.name}" BEGIN INSERT INTO "{counts}" '
            f"VALUES ({new}, 1) ON CONFLICT ({columns}) DO UPDATE SET records = records + 1; END"
        )
        connection.execute(
            f'CREATE TRIGGER "{counts}_less" AFTER DELETE ON "{self.name}" BEGIN '
            f'UPDATE "{counts}" SET records = records - 1 WHERE {same}; '
            f'DELETE FROM "{counts}" WHERE {same} AND records = 0; END'
        )

    def _prepare_indexes(self, connection: sqlite3.Connection) -> None:
        """Create the indexes that are not there, and drop those of older releases: a wrong one might be chosen."""
        wanted = {}
        for columns in self.indexes:
            whole = (*columns, *(column for column in self.key if column not in columns))
            wanted["_by_".join((self.name, "_".join(columns)))] = ", ".join(f'"{column}"' for column in whole)
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (self.name,)
        )
        there = {row[0] for row in rows.fetchall()}
        for name in there - set(wanted):
            connection.execute(f'DROP INDEX "{name}"')
        for name, whole_key in wanted.items():
            if name not in there:
                connection.execute(f'CREATE INDEX "{name}" ON "{self.name}" ({whole_key})')

    def _row(self, record: R) -> tuple[Any, ...]:
        values = [_column(getattr(record, column)) for column in self.columns]
        return (*values, self._encoder.encode(record).decode())

    def insert(self, tx: Transaction, record: R) -> None:
        """Store a new record; AlreadyExists when its key is taken."""
        try:
            tx.execute(self._insert, self._row(record))
        except sqlite3.IntegrityError as error:
            if "UNIQUE" in str(error) or "PRIMARY" in str(error):
                raise AlreadyExists(f"{self.name}: {[getattr(record, column) for column in self.key]}") from error
            raise

    def put(self, tx: Transaction, record: R) -> None:
        """Store a record, in place of one with the same key if there is one."""
        tx.execute(self._put, self._row(record))

    def get(self, rx: Reader, *key: Any) -> R | None:
        """The record of that key, or None."""
        row = rx.execute(
            f'SELECT record FROM "{self.name}" WHERE {self._where_key}', [_column(part) for part in key]
        ).fetchone()
        return self._decoder.decode(row[0]) if row else None

    def update(self, tx: Transaction, key: Sequence[Any], change: Callable[[R], R]) -> R:
        """Change the record of that key; NotThere when there is none. Answers the new record."""
        record = self.get(tx, *key)
        if record is None:
            raise NotThere(f"{self.name}: {tuple(key)}")
        changed = change(record)
        if changed is not record:
            self.put(tx, changed)
        return changed

    def delete(self, tx: Transaction, *key: Any) -> bool:
        """Delete the record of that key; whether there was one."""
        cursor = tx.execute(f'DELETE FROM "{self.name}" WHERE {self._where_key}', [_column(part) for part in key])
        return cursor.rowcount > 0

    def select(
        self,
        rx: Reader,
        where: Mapping[str, Any] | None = None,
        *,
        prefix: tuple[str, str] | None = None,
        after: tuple[str, Any] | None = None,
        order: str | None = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> list[R]:
        """Records whose columns have the given values, ordered by `order` (or `after`'s column, or the key).

        `prefix` is a column and what its text begins with; `after` a column and the value to start behind.
        """
        clauses, values = self._conditions(where, prefix, after, descending)
        by = order or (after[0] if after else None)
        direction = "DESC" if descending else "ASC"
        ordered = [by] if by else []
        ordered += [column for column in self.key if column != by]
        sql = f'SELECT record FROM "{self.name}"'
        if clauses:
            sql += " WHERE " + " AND ".join(clauses)
        sql += " ORDER BY " + ", ".join(f'"{column}" {direction}' for column in ordered)
        if limit is not None:
            sql += " LIMIT ?"
            values.append(limit)
        return [self._decoder.decode(row[0]) for row in rx.execute(sql, values)]

    def walk(
        self,
        rx: Reader,
        where: Mapping[str, Any] | None = None,
        *,
        prefix: tuple[str, str] | None = None,
        order: Sequence[str] = (),
        behind: Sequence[Any] | None = None,
        descending: bool = False,
    ) -> Iterator[R]:
        """Records as `select` gives them, one at a time: what is not asked for is not read.

        They come in the order of the columns `order` and then of the key; `behind` are the values of those columns
        (`place`) after which to begin. It costs what is read where an index has `where` first and then `order`.
        """
        columns = self.ordering(where, order)
        clauses, values = self._conditions(where, prefix, None, descending)
        if behind is not None:
            marks = ", ".join("?" * len(columns))
            named = ", ".join(f'"{column}"' for column in columns)
            clauses.append(f"({named}) {'<' if descending else '>'} ({marks})")
            values += behind
        sql = f'SELECT record FROM "{self.name}"' + (" WHERE " + " AND ".join(clauses) if clauses else "")
        direction = "DESC" if descending else "ASC"
        sql += " ORDER BY " + ", ".join(f'"{column}" {direction}' for column in columns)
        for row in rx.execute(sql, values):
            yield self._decoder.decode(row[0])

    def ordering(self, where: Mapping[str, Any] | None, order: Sequence[str]) -> tuple[str, ...]:
        """The columns by which `walk` orders: those asked for, then what is left of the key."""
        given = {
            column for column, value in (where or {}).items() if not isinstance(value, list | tuple | set | frozenset)
        }
        rest = (column for column in self.key if column not in given and column not in order)
        return (*order, *rest)

    def place(self, record: R, columns: Sequence[str]) -> list[Any]:
        """Where a record stands in the order of those columns."""
        return [_column(getattr(record, column)) for column in columns]

    def _conditions(
        self,
        where: Mapping[str, Any] | None,
        prefix: tuple[str, str] | None,
        after: tuple[str, Any] | None,
        descending: bool,
    ) -> tuple[list[str], list[Any]]:
        clauses: list[str] = []
        values: list[Any] = []
        for column, value in (where or {}).items():
            if isinstance(value, list | tuple | set | frozenset):
                clauses.append(f'"{column}" IN ({", ".join("?" * len(value))})')
                values += [_column(each) for each in value]
            else:
                clauses.append(f'"{column}" IS ?')
                values.append(_column(value))
        if prefix and prefix[1]:
            # As bytes: SQLite's functions on text end at a NUL.
            clauses.append(f'"{prefix[0]}" >= ? AND substr(CAST("{prefix[0]}" AS BLOB), 1, ?) = ?')
            start = prefix[1].encode()
            values += [prefix[1], len(start), start]
        if after:
            clauses.append(f'"{after[0]}" {"<" if descending else ">"} ?')
            values.append(_column(after[1]))
        return clauses, values

    def count(self, rx: Reader, where: Mapping[str, Any] | None = None, *, limit: int = -1) -> int:
        """How many records have those values; counting ends at `limit`, save where the count is kept (`counted`)."""
        clauses, values = self._conditions(where, None, None, False)
        if self.counted and set(where or {}) == set(self.counted):
            kept = rx.execute(f'SELECT records FROM "{self.name}_counts" WHERE {" AND ".join(clauses)}', values)
            return sum(int(row[0]) for row in kept)
        found = f'SELECT 1 FROM "{self.name}"' + (" WHERE " + " AND ".join(clauses) if clauses else "") + " LIMIT ?"
        return int(rx.execute(f"SELECT count(*) FROM ({found})", [*values, limit]).fetchone()[0])


def _column(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.timestamp()
    return value
