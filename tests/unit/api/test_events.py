"""Events between services: stored with their cause, delivered at least once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api import events
from boatyard.api.installation import Installation
from boatyard.settings import Settings

LIMIT = 120.0


def until(ready: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LIMIT
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def send(installation: Installation, name: str, *, internal: bool = False, fail: bool = False) -> None:
    with installation.database.transaction() as tx:
        events.emit(
            installation,
            tx,
            source="test",
            detail_type="Thing",
            detail={"name": name},
            account="000000000000",
            region="us-east-1",
            internal=internal,
        )
        if fail:
            raise RuntimeError("rolled back")


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What a listener of one kind of event, and a listener of all, have got."""
    got: dict[str, list[str]] = {"thing": [], "every": []}
    monkeypatch.setattr(events, "_listeners", defaultdict(list))
    monkeypatch.setattr(events, "_every_event", [])

    @events.on_event("test", "Thing")
    def thing(installation: Installation, event: dict[str, Any]) -> None:
        got["thing"].append(event["detail"]["name"])
        if event["detail"]["name"] == "broken" and got["thing"].count("broken") == 1:
            raise ValueError("once")

    @events.on_every_event
    def every(installation: Installation, event: dict[str, Any]) -> None:
        got["every"].append(event["detail"]["name"])

    return got


def test_events_come_in_order_and_internal_ones_only_inside(
    started: Installation, listeners: dict[str, list[str]]
) -> None:
    send(started, "first")
    send(started, "second", internal=True)
    with pytest.raises(RuntimeError):
        send(started, "never", fail=True)
    send(started, "third")
    until(lambda: "third" in listeners["every"])
    assert listeners == {"thing": ["first", "second", "third"], "every": ["first", "third"]}


def test_an_event_comes_again_after_a_failure_and_holds_nothing_up(
    started: Installation, listeners: dict[str, list[str]]
) -> None:
    send(started, "broken")
    send(started, "next")
    until(lambda: listeners["thing"].count("broken") == 2)
    assert "next" in listeners["thing"]

    def left() -> int:
        with started.database.reading() as rx:
            return int(rx.execute("SELECT count(*) FROM events_outbox").fetchone()[0])

    until(lambda: left() == 0)


def test_what_was_not_delivered_is_delivered_at_the_next_start(
    settings: Settings, listeners: dict[str, list[str]]
) -> None:
    before = Installation(settings)
    send(before, "kept")
    before.close()
    after = Installation(settings)
    after.start()
    try:
        until(lambda: listeners["thing"] == ["kept"])
    finally:
        after.close()


def test_an_event_that_was_put_off_does_not_wait_for_a_clock_that_was_set_back(
    installation: Installation, listeners: dict[str, list[str]]
) -> None:
    send(installation, "late")
    with installation.database.transaction() as tx:
        tx.execute("UPDATE events_outbox SET attempts = 1, due = ?", (time.time() + 5 * 3600,))
    installation.start()
    until(lambda: listeners["thing"] == ["late"])
