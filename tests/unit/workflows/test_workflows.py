"""Workflows: steps run once, waits are woken, and a crash loses nothing that was recorded."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.settings import Settings
from boatyard.state import space
from boatyard.state.database import Transaction
from boatyard.workflows import Work, workflow

RUNS: dict[str, int] = {}
GATES: dict[str, threading.Event] = {}
ENDED: dict[str, threading.Event] = {}
ANSWERS: dict[str, Any] = {}


def count(name: str) -> int:
    """How often it was called."""
    RUNS[name] = RUNS.get(name, 0) + 1
    return RUNS[name]


@workflow("test.two_steps")
def two_steps(work: Work, name: str) -> None:
    """A step, a wait for the gate, another step."""
    first = work.step("first", count, f"{name} first")
    work.wait(("gate", name), ready=GATES[name].is_set)
    second = work.step("second", count, f"{name} second")
    ANSWERS[name] = [first, second]
    ENDED[name].set()


@workflow("test.refused")
def refused(work: Work, name: str) -> None:
    """A step that AWS refuses is refused again at the replay, without running again."""

    def refuse() -> None:
        count(name)
        raise ApiError("NoSuchThing", "There is none", status=404)

    try:
        work.step("refuse", refuse)
    except ApiError as error:
        ANSWERS[name] = [error.code, error.message, error.status]
    work.wait(("gate", name), ready=GATES[name].is_set)
    ENDED[name].set()


def note_failure(installation: Installation, args: list[Any], error: BaseException) -> None:
    """Remember what went wrong."""
    ANSWERS[args[0]] = str(error)
    ENDED[args[0]].set()


@workflow("test.broken", on_failure=note_failure)
def broken(work: Work, name: str) -> None:
    """Raises what nobody expected."""
    raise ValueError("not foreseen")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A name of the test's own, with its gate."""
    text = str(request.node.name)
    GATES[text], ENDED[text] = threading.Event(), threading.Event()
    yield text
    GATES[text].set()


def begin(installation: Installation, kind: str, name: str) -> None:
    """Start a workflow."""
    with installation.database.transaction() as tx:
        installation.workflows.start(tx, kind, name, [name])


def recorded_steps(installation: Installation, name: str) -> int:
    """How many steps of a workflow are on record."""
    with installation.database.reading() as rx:
        return int(rx.execute("SELECT count(*) FROM workflow_steps WHERE workflow = ?", (name,)).fetchone()[0])


def test_steps_run_in_order_and_waits_are_woken(installation: Installation, name: str) -> None:
    begin(installation, "test.two_steps", name)
    GATES[name].set()
    installation.workflows.notify(("gate", name))
    assert ENDED[name].wait(60)
    assert ANSWERS[name] == [1, 1]


def test_a_finished_step_is_not_run_again_after_a_restart(settings: Settings, name: str) -> None:
    first = Installation(settings)
    begin(first, "test.two_steps", name)
    while not recorded_steps(first, name):
        assert not ENDED[name].wait(0.01)
    first.close()
    second = Installation(settings)
    try:
        GATES[name].set()
        second.workflows.resume()
        assert ENDED[name].wait(60)
        assert ANSWERS[name] == [1, 1]
    finally:
        second.close()


def test_a_refusal_is_recorded(settings: Settings, name: str) -> None:
    first = Installation(settings)
    begin(first, "test.refused", name)
    while name not in ANSWERS:
        assert not ENDED[name].wait(0.01)
    first.close()
    ANSWERS.pop(name)
    second = Installation(settings)
    try:
        GATES[name].set()
        second.workflows.resume()
        assert ENDED[name].wait(60)
        assert ANSWERS[name] == ["NoSuchThing", "There is none", 404]
        assert RUNS[name] == 1
    finally:
        second.close()


def test_an_unforeseen_failure_reaches_the_record(installation: Installation, name: str) -> None:
    begin(installation, "test.broken", name)
    assert ENDED[name].wait(60)
    assert ANSWERS[name] == "not foreseen"


def test_what_was_rolled_back_does_not_start(installation: Installation, name: str) -> None:
    with pytest.raises(RuntimeError, match="no"), installation.database.transaction() as tx:
        installation.workflows.start(tx, "test.two_steps", name, [name])
        raise RuntimeError("no")
    assert not installation.workflows.running(name)


def test_starting_twice_is_harmless(installation: Installation, name: str) -> None:
    begin(installation, "test.two_steps", name)
    begin(installation, "test.two_steps", name)
    GATES[name].set()
    installation.workflows.notify(("gate", name))
    assert ENDED[name].wait(60)
    assert ANSWERS[name] == [1, 1]


@workflow("test.needs_room")
def needs_room(work: Work, name: str) -> None:
    """A step that is done, then one that meets a full disk the first time."""

    def write() -> int:
        if count(f"{name} second") == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return 2

    first = work.step("first", count, f"{name} first")
    ANSWERS[name] = [first, work.step("second", write)]
    ENDED[name].set()


def test_a_full_disk_is_waited_for_and_what_was_done_is_not_done_again(
    installation: Installation, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = installation.database.transaction
    refused: list[int] = []

    @contextlib.contextmanager
    def full_at_first() -> Iterator[Transaction]:
        with transaction() as tx:
            yield tx
            if len(refused) < 2 and RUNS.get(f"{name} first"):
                refused.append(1)
                raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(space, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(space, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(installation.database, "transaction", full_at_first)
    begin(installation, "test.needs_room", name)
    assert ENDED[name].wait(60)
    assert ANSWERS[name] == [1, 2]
    assert (RUNS[f"{name} first"], RUNS[f"{name} second"]) == (1, 2)
