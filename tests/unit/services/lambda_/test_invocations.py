"""Which instance an invocation gets, and what becomes of asynchronous events."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.services.lambda_.invocations import workflow
from boatyard.services.lambda_.invocations.pool import pool_of
from boatyard.services.lambda_.records import EVENTS
from tests.unit.services.lambda_.conftest import FakeInstances, cannot_start, failed, no_engine, package
from tests.unit.services.workloads import eventually

Create = Callable[..., dict[str, Any]]


def invoke(call: Call, name: str = "f", **params: Any) -> dict[str, Any]:
    answer: dict[str, Any] = call.invoke("lambda", "Invoke", FunctionName=name, **params)
    return answer


def test_a_warm_instance_is_used_again_until_it_breaks(call: Call, create: Create, instances: FakeInstances) -> None:
    create()
    assert invoke(call)["Payload"] == b'"fine"'
    invoke(call)
    assert len(instances.made) == 1
    instances.made[0].broken = True
    answer = invoke(call, LogType="Tail", Payload=b'{"a": 1}')
    assert len(instances.made) == 2
    assert base64.b64decode(answer["LogResult"]) == b"the log"
    assert instances.invocations[-1][1] == b'{"a": 1}'


def test_an_instance_that_cannot_start_is_not_used_again(call: Call, create: Create, instances: FakeInstances) -> None:
    create()
    instances.outcomes = [cannot_start()]
    answer = invoke(call)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert b"ImportModuleError" in answer["Payload"]
    assert "FunctionError" not in invoke(call)
    assert len(instances.made) == 2
    instances.outcomes = [no_engine()]
    with pytest.raises(ApiError, match="no container"):
        invoke(call)


def test_new_code_retires_the_instances_of_the_old(call: Call, create: Create, instances: FakeInstances) -> None:
    create()
    invoke(call)
    call.invoke("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=package("x = 1\n"))
    eventually(lambda: instances.made[0].stopped)
    invoke(call)
    assert len(instances.made) == 2
    call.invoke("lambda", "DeleteFunction", FunctionName="f")
    eventually(lambda: instances.made[1].stopped)


def test_idle_instances_are_stopped(
    call: Call, create: Create, instances: FakeInstances, started: Installation
) -> None:
    create()
    invoke(call)
    pool_of(started).stop_idle(seconds=3600)
    assert not instances.made[0].stopped
    pool_of(started).stop_idle(seconds=-1)
    eventually(lambda: instances.made[0].stopped)


def test_reserved_concurrency_is_a_limit(call: Call, create: Create, instances: FakeInstances) -> None:
    create()
    reserve = {"FunctionName": "f", "ReservedConcurrentExecutions": 1}
    call.invoke("lambda", "PutFunctionConcurrency", **reserve)
    instances.go.clear()
    thread = threading.Thread(target=invoke, args=(call,))
    thread.start()
    eventually(lambda: instances.invocations)
    with pytest.raises(ApiError) as throttled:
        invoke(call)
    assert (throttled.value.code, throttled.value.status) == ("TooManyRequestsException", 429)
    instances.go.set()
    thread.join(120)
    invoke(call)
    call.invoke("lambda", "PutFunctionConcurrency", **reserve | {"ReservedConcurrentExecutions": 0})
    with pytest.raises(ApiError, match="Rate Exceeded"):
        invoke(call)


def test_an_idle_instance_of_another_version_gives_way(call: Call, create: Create, instances: FakeInstances) -> None:
    create(Publish=True)
    call.invoke("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    invoke(call)
    invoke(call, Qualifier="1")
    assert [version for version, _, _ in instances.invocations] == ["$LATEST", "1"]
    eventually(lambda: instances.made[0].stopped)


def test_an_alias_shares_its_invocations_out(call: Call, create: Create, instances: FakeInstances) -> None:
    create(Publish=True)
    call.invoke("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=package("x = 1\n"), Publish=True)
    route = {"AdditionalVersionWeights": {"2": 1.0}}
    call.invoke("lambda", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=route)
    assert invoke(call, Qualifier="live")["ExecutedVersion"] == "2"
    call.invoke("lambda", "UpdateAlias", FunctionName="f", Name="live", RoutingConfig={})
    assert invoke(call, "f:live")["ExecutedVersion"] == "1"
    assert instances.invocations[-1][2] == "arn:aws:lambda:us-east-1:000000000000:function:f:live"


def no_events(started: Installation) -> bool:
    with started.database.reading() as rx:
        return EVENTS.count(rx) == 0


@pytest.mark.parametrize(("retries", "tries"), [(None, 3), (0, 1)])
def test_a_failed_event_is_tried_again(
    call: Call,
    create: Create,
    instances: FakeInstances,
    started: Installation,
    monkeypatch: pytest.MonkeyPatch,
    retries: int | None,
    tries: int,
) -> None:
    monkeypatch.setattr(workflow, "PAUSES_SECONDS", (0, 0))
    create()
    if retries is not None:
        call.invoke("lambda", "PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=retries)
    instances.outcomes = [failed(), failed(), failed(), failed()]
    assert invoke(call, InvocationType="Event", Payload=b"1")["StatusCode"] == 202
    eventually(lambda: no_events(started))
    assert [payload for _, payload, _ in instances.invocations] == [b"1"] * tries


def test_an_event_waits_where_no_container_or_no_room_is(
    call: Call,
    create: Create,
    instances: FakeInstances,
    started: Installation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workflow, "PAUSES_SECONDS", (0, 0))
    monkeypatch.setattr(workflow, "THROTTLED_SECONDS", 0.05)
    create()
    call.invoke("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    invoke(call, InvocationType="Event", Payload=b"1")
    assert not no_events(started)
    instances.outcomes = [no_engine()]
    call.invoke("lambda", "DeleteFunctionConcurrency", FunctionName="f")
    eventually(lambda: no_events(started))
    assert len(instances.invocations) == 2


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Payload": b"{"}, "InvalidRequestContentException"),
        ({"Payload": b'"' + b"x" * 6_291_456 + b'"'}, "RequestTooLargeException"),
        ({"Payload": b'"' + b"x" * 1_048_576 + b'"', "InvocationType": "Event"}, "RequestTooLargeException"),
        ({"Qualifier": "7"}, "ResourceNotFoundException"),
    ],
)
def test_wrong_invocations_are_refused(
    call: Call, create: Create, instances: FakeInstances, params: dict[str, Any], code: str
) -> None:
    create()
    with pytest.raises(ApiError) as refused:
        invoke(call, **params)
    assert refused.value.code == code
    assert instances.invocations == []
