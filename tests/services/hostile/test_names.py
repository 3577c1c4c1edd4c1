"""Names and texts made to break things: refused as AWS refuses them, or kept exactly as they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.services.hostile.kinds import KINDS, Kind, prepare
from tests.services.hostile.names import FEWER, attempt, fresh, names


@pytest.fixture(scope="module")
def of(raw: Callable[[str], Any]) -> Callable[[str], Any]:
    """Clients of a server that has what the kinds stand on."""
    prepare(raw)
    return raw


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label.replace(" ", "-"))
@given(drawn=names | st.text(max_size=10))
@example(drawn="")
@example(drawn="../../")
@example(drawn="a\x00b")
@example(drawn="a\nb")
@example(drawn=".")
@example(drawn="x" * 2000)
@FEWER
def test_a_name_is_refused_or_kept_exactly(of: Callable[[str], Any], kind: Kind, drawn: str) -> None:
    name = drawn + fresh()
    code, _ = attempt(lambda: kind.make(of, name))
    if code:
        assert code in kind.refusals
        assert drawn != "", f"a plain name is refused with {code}"
        return
    assert kind.read(of, name) == name
    if kind.undo is not None:
        kind.undo(of, name)


@given(st.lists(names.filter(bool), min_size=1, max_size=3))
@FEWER
def test_log_messages_are_kept_exactly(of: Callable[[str], Any], messages: list[str]) -> None:
    logs, stream = of("logs"), fresh()
    logs.create_log_stream(logGroupName="hostile", logStreamName=stream)
    where = {"logGroupName": "hostile", "logStreamName": stream}
    moment = int(time.time() * 1000)
    events = [{"timestamp": moment + number, "message": message} for number, message in enumerate(messages)]
    logs.put_log_events(**where, logEvents=events)
    found = logs.get_log_events(**where, startFromHead=True)["events"]
    assert [event["message"] for event in found] == messages


@given(names)
@example("{ $.a = ")
@example("[a, b, ...")
@example('"unfinished')
@example("%(a+)+$%")
@FEWER
def test_filter_patterns_are_refused_or_done(of: Callable[[str], Any], pattern: str) -> None:
    code, answer = attempt(of("logs").filter_log_events, logGroupName="hostile", filterPattern=pattern)
    assert code in ("", "InvalidParameterException")
    assert code or "events" in answer


@given(name=names, value=names)
@example(name="A", value="a\nb")
@example(name="A=B", value="")
@example(name="", value="x")
@FEWER
def test_build_variables_are_refused_or_kept(of: Callable[[str], Any], name: str, value: str) -> None:
    project = KINDS[[kind.label for kind in KINDS].index("build project")]
    called = fresh()
    variables = [{"name": name, "value": value, "type": "PLAINTEXT"}]
    code, _ = attempt(lambda: project.make(of, called, environmentVariables=variables))  # type: ignore[call-arg]
    assert code in ("", "InvalidInputException")
    if not code:
        found = of("codebuild").batch_get_projects(names=[called])["projects"][0]
        assert found["environment"]["environmentVariables"] == variables
