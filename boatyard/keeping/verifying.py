"""`boatyard doctor --verify`: everything that is kept, read and compared with what was written."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator

import msgspec

from boatyard.api import registry
from boatyard.api.installation import Installation
from boatyard.api.keeping import Looked, problem
from boatyard.services import PACKAGES
from boatyard.state.schema import schemas

log = logging.getLogger(__name__)
RESTORE = "Stop the server, keep a copy of the data directory, and import the last good export into an empty one."


def verify(installation: Installation) -> Iterator[Looked]:
    """The database first, for all else is named by it; then each service's own."""
    damaged = False
    for looked in _database(installation):
        damaged = damaged or looked.level == "problem"
        yield looked
    if damaged:
        return
    for service in PACKAGES:
        for module in registry.modules(service, "KEEPING_MODULES", ("keeping",)):
            look = getattr(module, "verify", None)
            if look is not None:
                yield from look(installation)


def _database(installation: Installation) -> Iterator[Looked]:
    path = installation.database.path
    try:
        with installation.database.reading() as rx:
            for (said,) in rx.execute("PRAGMA integrity_check(10)").fetchall():
                if said != "ok":
                    yield problem(str(path), f"is damaged: {said}", RESTORE)
        yield Looked(str(path), path.stat().st_size)
        yield from _records(installation)
    except sqlite3.DatabaseError as error:
        yield problem(str(path), f"cannot be read: {error}", RESTORE)


def _records(installation: Installation) -> Iterator[Looked]:
    """Every record of every table is one that this boatyard can read."""
    for table in (table for schema in schemas() for table in schema.tables):
        decoder, count = msgspec.json.Decoder(table.record), 0
        keys = ", ".join(f'"{column}"' for column in table.key)
        with installation.database.reading() as rx:
            for *key, record in rx.execute(f'SELECT {keys}, record FROM "{table.name}"'):
                count += 1
                try:
                    decoder.decode(record)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    shown = "/".join(str(part) for part in key)
                    yield problem(f"{table.name} {shown}", f"is a record that cannot be read: {error}", RESTORE)
        yield Looked(f"{count} records of {table.name}")
