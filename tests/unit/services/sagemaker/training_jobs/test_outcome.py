"""What a failed job says of why it failed."""

from __future__ import annotations

from typing import Any

from boatyard.services.sagemaker.training_jobs import outcome

GIVEN: dict[str, Any] = {
    "code": 1,
    "out_of_memory": False,
    "failure": None,
    "log": ["Traceback", "ValueError: bad row 7"],
    "memory_mib": 8192,
    "group": "/aws/sagemaker/TrainingJobs",
    "stream": "job/algo-1-1",
}


def reason(**changes: Any) -> str:
    return outcome.failure_reason(**(GIVEN | changes))


def test_the_failure_file_is_what_the_algorithm_says() -> None:
    assert reason(failure="no column y") == "AlgorithmError: no column y, exit code: 1"


def test_a_long_failure_file_leaves_room_for_the_exit_code() -> None:
    said = reason(failure="x" * 1024)
    assert len(said) == 1024
    assert said.endswith(", exit code: 1")


def test_without_a_failure_file_the_end_of_the_log_is_told() -> None:
    said = reason()
    assert "exit code: 1" in said
    assert said.endswith("Traceback\nValueError: bad row 7")
    assert "stream job/algo-1-1" in said


def test_a_long_log_ends_the_reason_with_its_last_words() -> None:
    said = reason(log=["y" * 5000, "the end"])
    assert len(said) == 1024
    assert said.endswith("the end")


def test_memory_is_named_when_it_was_the_cause() -> None:
    assert "used all of its 8192 MiB of memory" in reason(code=137, out_of_memory=True)


def test_a_program_that_cannot_run_is_named() -> None:
    assert "`train`" in reason(code=127, log=[])
    assert "It logged nothing" in reason(code=127, log=[])
