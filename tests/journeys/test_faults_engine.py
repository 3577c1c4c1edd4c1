"""The container engine, its monitors and containers themselves go away under what runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from boatyard.containers.container import Container
from tests.journeys.busy import JOBS, WHOLE_BUILD, WHOLE_JOB, Busy
from tests.journeys.conftest import until
from tests.server import RunningServer
from tests.services.codebuild.conftest import contexts


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """A server of their own with an endpoint and a notebook instance in service."""
    running = RunningServer(tmp_path_factory.mktemp("engine") / "data").start()
    try:
        made = Busy(running, tmp_path_factory.mktemp("image"))
        made.start_endpoint()
        made.start_notebook()
        yield made
    finally:
        running.discard()


def test_the_engine_dies_under_everything(busy: Busy) -> None:
    job, build, answer = busy.start_job(), busy.start_build(), busy.invoke_waiting("first")
    trains = busy.container(busy.job_arn(job))
    release = busy.release_file(trains)
    ids = [busy.container(arn).id for arn in (busy.endpoint_arn(), busy.notebook_arn())]
    service = busy.engine.service
    assert service is not None
    os.kill(int((service.run / "engine.pid").read_text().split()[0]), signal.SIGKILL)
    # What serves does not need the engine.
    assert busy.ask() == b"lasting:row"
    release.touch()
    busy.release_build(build)
    busy.release_function("first")
    assert answer() == ({"wait": "first"}, None)
    ended = busy.job_end(job)
    assert (ended["TrainingJobStatus"], busy.messages(JOBS, job)) == ("Completed", WHOLE_JOB)
    assert busy.builds.ended(build)["buildStatus"] == "SUCCEEDED"
    assert busy.build_lines(build) == WHOLE_BUILD
    busy.serves()
    assert busy.notebook_status() == "InService"
    assert [busy.container(arn).id for arn in (busy.endpoint_arn(), busy.notebook_arn())] == ids


def reason_of(build: dict[str, Any]) -> str:
    """What the phase says in which a build failed."""
    return " ".join(message for status, message in contexts(build).values() if status != "SUCCEEDED")


def test_monitors_die_under_everything(busy: Busy) -> None:
    job, build, answer = busy.start_job(), busy.start_build(), busy.invoke_waiting("second")
    arns = (busy.job_arn(job), busy.builds.now(build)["arn"], busy.endpoint_arn(), busy.notebook_arn())
    found = [busy.container(arn) for arn in (*arns, busy.function_arn())]
    release = busy.release_file(found[0])
    for each in found:
        assert each._monitor is not None
        os.kill(int(each._monitor._pid_file.read_text()), signal.SIGKILL)
    release.touch()
    busy.release_build(build)
    busy.release_function("second")
    # A function's lines go another way: it does not need the monitor.
    assert answer() == ({"wait": "second"}, None)
    ended = busy.job_end(job)
    assert ended["TrainingJobStatus"] == "Failed"
    assert "the monitor (conmon) of the job's container was killed" in ended["FailureReason"]
    done = busy.builds.ended(build)
    assert done["buildStatus"] == "FAILED"
    assert "The monitor (conmon) of the build container was killed" in reason_of(done)
    back_in_service(busy, found)


def back_in_service(busy: Busy, gone: list[Container]) -> None:
    """Endpoint, notebook instance and function work, in other containers; nothing of those before is left."""
    busy.serves()
    before = {each.id for each in gone}

    def another() -> bool:
        there = busy.containers(busy.notebook_arn())
        return busy.notebook_status() == "InService" and len(there) == 1 and there[0].id not in before

    until(another, "the notebook instance is in service again")
    assert busy.container(busy.endpoint_arn()).id not in before
    assert busy.event_of(word="fine") == {"word": "fine"}
    until(lambda: not before & {each.id for each in busy.engine.containers()}, "nothing of them is left")


def test_containers_are_removed_by_hand(busy: Busy) -> None:
    job, build, answer = busy.start_job(), busy.start_build(), busy.invoke_waiting("third")
    arns = (busy.job_arn(job), busy.builds.now(build)["arn"], busy.endpoint_arn(), busy.notebook_arn())
    found = [busy.container(arn) for arn in (*arns, busy.function_arn())]
    for each in found:
        each.remove()
    payload, kind = answer()
    assert (kind, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    ended = busy.job_end(job)
    assert ended["TrainingJobStatus"] == "Failed"
    assert "removed" in ended["FailureReason"]
    assert "Start the job again" in ended["FailureReason"]
    done = busy.builds.ended(build)
    assert done["buildStatus"] == "FAILED"
    assert "removed" in reason_of(done)
    back_in_service(busy, found)


def test_an_idle_function_whose_container_is_removed_answers_the_next_call(busy: Busy) -> None:
    assert busy.event_of(word="first") == {"word": "first"}
    busy.container(busy.function_arn()).remove()
    assert busy.event_of(word="next") == {"word": "next"}


def test_a_build_whose_container_went_with_the_server_is_not_begun_again(busy: Busy) -> None:
    build = busy.start_build()
    container = busy.container(busy.builds.now(build)["arn"])
    busy.server.kill()
    container.remove()
    busy.server.start()
    done = busy.builds.ended(build)
    assert done["buildStatus"] == "FAILED"
    assert "removed" in reason_of(done)
    assert busy.build_lines(build) == ["begun"]
    back_in_service(busy, [])
