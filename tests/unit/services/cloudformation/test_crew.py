"""A crew works in order, at the same time where it may, and stops when it should."""

from __future__ import annotations

import threading

import pytest

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import Countdown, now
from boatyard.services.cloudformation.deployment.crew import Crew
from boatyard.workflows.work import Work


@pytest.fixture
def work(installation: Installation) -> Work:
    """A workflow's tools without a workflow."""
    return Work(installation.workflows, "test", {})


def test_no_more_than_a_few_at_once(work: Work) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def task(_name: str) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with lock:
            running[0] -= 1

    outcome = Crew(work, at_once=3).run({f"n{number}": set() for number in range(50)}, task)
    assert outcome.complete
    assert most[0] <= 3


def test_after_a_failure_nothing_new_begins_unless_wanted(work: Work) -> None:
    done: list[str] = []

    def task(name: str) -> None:
        if name == "bad":
            raise ApiError("X", "no")
        done.append(name)

    graph: dict[str, set[str]] = {"bad": set(), "after": {"bad"}, "good": {"first"}, "first": set()}
    outcome = Crew(work).run(graph, task, stop_at_failure=False)
    assert sorted(done) == ["first", "good"]
    assert (set(outcome.failed), outcome.left) == ({"bad"}, {"after"})
    outcome = Crew(work, at_once=1).run({"bad": set(), "other": set()}, task)
    assert outcome.left == {"other"}


def test_a_deadline_and_a_cancellation_begin_nothing(work: Work) -> None:
    begun: list[str] = []
    assert Crew(work).run({"a": set()}, begun.append, deadline=Countdown(now())).timed_out
    assert Crew(work).run({"a": set()}, begun.append, cancelled=lambda: True).cancelled
    assert begun == []


def test_what_is_broken_is_raised(work: Work) -> None:
    def task(_name: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Crew(work).run({"a": set()}, task)
