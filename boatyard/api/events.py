"""Events between services: stored in the transaction that caused them, delivered at least once afterwards."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from boatyard.api import registry
from boatyard.api.timestamps import iso, now
from boatyard.services import PACKAGES
from boatyard.state import space
from boatyard.state.database import Reader, Transaction
from boatyard.state.schema import Schema

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

log = logging.getLogger(__name__)
SCHEMA = Schema(
    "events_outbox",
    (
        """
        CREATE TABLE events_outbox (
            position INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, internal INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL
        );
        """,
    ),
)
ATTEMPTS = 185
LONGEST_PAUSE = 300.0
Listener = Callable[["Installation", dict[str, Any]], None]
_listeners: dict[tuple[str, str], list[Listener]] = defaultdict(list)
_every_event: list[Listener] = []


def on_event(source: str, detail_type: str) -> Callable[[Listener], Listener]:
    """Register listener(installation, event) in a package's listeners.py; it may be called more than once."""

    def register(function: Listener) -> Listener:
        _listeners[source, detail_type].append(function)
        return function

    return register


def on_every_event(function: Listener) -> Listener:
    """Register a listener for every event that is not internal: EventBridge's rules."""
    _every_event.append(function)
    return function


def emit(
    installation: Installation,
    tx: Transaction,
    *,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    account: str,
    region: str,
    resources: list[str] | None = None,
    internal: bool = False,
) -> str:
    """Store an event in the caller's transaction; delivered after it. Answers the event's id.

    `internal` events reach only boatyard's own listeners, not EventBridge's rules.
    """
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": iso(now()),
        "region": region,
        "resources": resources or [],
        "detail": detail,
    }
    tx.execute(
        "INSERT INTO events_outbox (event, internal, due) VALUES (?, ?, ?)",
        (json.dumps(event), int(internal), 0.0),
    )
    tx.after_commit(installation.events.wake)
    return str(event["id"])


def last_position(rx: Reader) -> int:
    """Where the last event stands of those that are not delivered yet; every later one stands behind it."""
    return int(rx.execute("SELECT coalesce(max(position), 0) FROM events_outbox").fetchone()[0])


def position_of(rx: Reader, event: dict[str, Any]) -> int | None:
    """Where an event that is being delivered stands among all; None once it is delivered."""
    found = rx.execute(
        "SELECT position FROM events_outbox WHERE json_extract(event, '$.id') = ?", (event["id"],)
    ).fetchone()
    return None if found is None else int(found[0])


class EventDispatcher:
    """One thread that hands stored events to their listeners, in order, again after a failure."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._woken = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Import the listeners and begin to deliver, what was left by the last server first."""
        for service in PACKAGES:
            list(registry.modules(service, "LISTENER_MODULES", ("listeners",)))
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look into the outbox now."""
        self._woken.set()

    def stop(self) -> None:
        """End after the event in hand."""
        self._stopping = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                busy = self._deliver_due()
            except Exception:
                if self._stopping:
                    return
                log.exception("Events could not be delivered")
                busy = False
            if not busy:
                self._woken.wait(1.0)

    def _deliver_due(self) -> bool:
        with self._installation.database.reading() as rx:
            rows = rx.execute(
                "SELECT position, event, internal, attempts FROM events_outbox"
                " WHERE due <= ? OR due > ? ORDER BY position LIMIT 100",
                # What is further away than the longest pause was put off before the clock was set back.
                (time.time(), time.time() + LONGEST_PAUSE),
            ).fetchall()
        delivered: list[sqlite3.Row] = []
        failed: list[sqlite3.Row] = []
        for row in rows:
            if self._stopping:
                break
            done = self._deliver(json.loads(row["event"]), bool(row["internal"]))
            (delivered if done or row["attempts"] + 1 >= ATTEMPTS else failed).append(row)
        if rows:
            self._patiently(lambda: self._record(delivered, failed))
        return bool(rows)

    def _patiently(self, function: Callable[[], None]) -> None:
        """Does it, waiting while the disk is full: what was delivered must not be delivered again."""
        directory = self._installation.data_directory
        space.patiently(function, directory, lambda: self._stopping, "The outbox of events")

    def _record(self, delivered: list[sqlite3.Row], failed: list[sqlite3.Row]) -> None:
        """Take what was delivered out of the outbox, and put off what was not."""
        with self._installation.database.transaction() as tx:
            tx.executemany("DELETE FROM events_outbox WHERE position = ?", [(row["position"],) for row in delivered])
            tx.executemany(
                "UPDATE events_outbox SET attempts = attempts + 1, due = ? WHERE position = ?",
                [(time.time() + min(LONGEST_PAUSE, 0.5 * 2 ** row["attempts"]), row["position"]) for row in failed],
            )

    def _deliver(self, event: dict[str, Any], internal: bool) -> bool:
        listeners = list(_listeners.get((event["source"], event["detail-type"]), ()))
        if not internal:
            listeners += _every_event
        delivered = True
        for listener in listeners:
            try:
                self._patiently(lambda listener=listener: listener(self._installation, event))  # type: ignore[misc]
            except Exception:
                if self._stopping:
                    return False
                log.exception("A listener failed for the event %s from %s", event["id"], event["source"])
                delivered = False
        return delivered
