"""What EventBridge's unit tests share: a client of it over stand-ins for the targets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api import registry
from boatyard.api.bodies import as_body
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation

LIMIT = 120.0
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:watch"
TOPIC = "arn:aws:sns:us-east-1:000000000000:news"


class Received:
    """What the targets got; the function fails as often as it is told to."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.messages: list[str] = []
        self.failures: list[ApiError] = []
        self.attempts = 0

    def invoke(self, call: Call, params: Params) -> dict[str, Any]:
        """Lambda's Invoke."""
        self.attempts += 1
        if self.failures:
            raise self.failures.pop()
        assert params["InvocationType"] == "Event"
        assert call.principal.service == "events.amazonaws.com"
        self.events.append(json.loads(as_body(params["Payload"]).read()))
        return {"StatusCode": 202}

    def publish(self, call: Call, params: Params) -> dict[str, Any]:
        """SNS's Publish."""
        self.messages.append(params["Message"])
        return {"MessageId": "1"}


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Received:
    """The stand-ins of Lambda and SNS."""
    made = Received()
    functions = {("lambda", "Invoke"): made.invoke, ("sns", "Publish"): made.publish}
    real = registry.find
    monkeypatch.setattr(
        "boatyard.api.invoke.registry.find",
        lambda service, operation: functions.get((service, operation)) or real(service, operation),
    )
    return made


@pytest.fixture
def events(started: Installation, received: Received) -> Callable[..., dict[str, Any]]:
    """EventBridge's operations."""
    call = started.root_call()

    def operation(name: str, **params: Any) -> dict[str, Any]:
        return call.invoke("events", name, **params)

    return operation


def until(ready: Callable[[], Any]) -> Any:
    """What ready() answers as soon as it is true."""
    deadline = time.monotonic() + LIMIT
    while not (answer := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return answer


def entry(detail: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An entry of PutEvents."""
    return {"Source": "shop", "DetailType": "Order", "Detail": json.dumps(detail), **more}
