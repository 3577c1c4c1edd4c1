"""Schemas: numbered migrations, applied once each in order, and the tables that belong to them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boatyard.state.table import Table

_schemas: dict[str, Schema] = {}


class Schema:
    """One service's part of state.db.

    `migrations` are SQL scripts numbered by position: never edited or removed after a release, only added to.
    """

    def __init__(self, name: str, migrations: tuple[str, ...] = ()) -> None:
        self.name = name
        self.migrations = migrations
        self.tables: list[Table[Any]] = []
        _schemas[name] = self

    def apply(self, connection: sqlite3.Connection) -> None:
        """Bring the database to this schema, inside the caller's transaction."""
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL)"
        )
        row = connection.execute("SELECT version FROM schema_versions WHERE name = ?", (self.name,)).fetchone()
        done = row[0] if row else 0
        if done > len(self.migrations):
            raise NewerDatabase(self.name, done, len(self.migrations))
        for migration in self.migrations[done:]:
            for statement in migration.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_versions VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            (self.name, len(self.migrations)),
        )
        for table in self.tables:
            table.prepare(connection)


class NewerDatabase(Exception):
    """The data directory was written by a newer boatyard."""

    def __init__(self, name: str, found: int, known: int) -> None:
        super().__init__(
            f"The data directory was written by a newer boatyard: {name} is at version {found}, this one knows "
            f"{known}. Install that boatyard, or use another data directory."
        )


def schemas() -> list[Schema]:
    """Every schema that has been imported."""
    return list(_schemas.values())


def versions_in(path: Path) -> dict[str, int]:
    """The version of each schema in a database file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {str(name): int(version) for name, version in connection.execute("SELECT * FROM schema_versions")}


def check_known(versions: Mapping[str, int]) -> None:
    """NewerDatabase when a version is above what this boatyard knows, or it does not know the schema at all."""
    for name, version in versions.items():
        known = len(_schemas[name].migrations) if name in _schemas else -1
        if version > known:
            raise NewerDatabase(name, version, max(known, 0))
