"""What Lambda's unit tests share: a role, functions, and instances without containers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.services.lambda_.invocations import pool
from boatyard.services.lambda_.invocations.instance import InstanceFailed, Invocation, Outcome
from boatyard.services.lambda_.records import Function
from tests.unit.services.workloads import service_role, zipped


class FakeInstances:
    """What the instances have been asked; `answers` and `failures` are used up one by one."""

    def __init__(self) -> None:
        self.made: list[FakeInstance] = []
        self.invocations: list[tuple[str, bytes, str]] = []
        self.outcomes: list[Outcome | Exception] = []
        self.go = threading.Event()
        self.go.set()


class FakeInstance:
    """An instance that answers at once, or when it may go on."""

    def __init__(self, shared: FakeInstances, function: Function) -> None:
        self.shared = shared
        self.function = function
        self.id = str(len(shared.made))
        self.network = "fake"
        self.address = f"10.0.0.{len(shared.made)}"
        self.broken = False
        self.stopped = False
        self.idle_since = time.monotonic()
        shared.made.append(self)

    @property
    def alive(self) -> bool:
        """As long as it is not broken."""
        return not self.broken

    def start(self) -> None:
        """There is nothing to start."""

    def invoke(self, invocation: Invocation) -> Outcome:
        self.shared.invocations.append((self.function.version, invocation.payload, invocation.arn))
        assert self.shared.go.wait(120)
        outcome = self.shared.outcomes.pop(0) if self.shared.outcomes else Outcome(b'"fine"')
        if isinstance(outcome, Exception):
            raise outcome
        self.idle_since = time.monotonic()
        return outcome

    def log_failed_start(self, invocation: Invocation, outcome: Outcome) -> None:
        """Nothing is logged."""

    def tail(self) -> bytes:
        return b"the log"

    def let_go(self) -> None:
        """Nobody waits."""

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def instances(started: Installation, monkeypatch: pytest.MonkeyPatch) -> FakeInstances:
    """The instances of the installation's pool."""
    shared = FakeInstances()
    monkeypatch.setattr(pool, "Instance", lambda installation, function: FakeInstance(shared, function))
    monkeypatch.setattr(pool.Pool, "drop_network", lambda self, function: None)
    return shared


@pytest.fixture
def role(call: Call) -> str:
    """A role that Lambda may assume."""
    return service_role(call, "lambda", "functions")


def package(text: str = "def handler(event, context): pass\n", name: str = "m.py") -> bytes:
    """A zip with one module."""
    return zipped({name: text})


@pytest.fixture
def create(call: Call, role: str) -> Callable[..., dict[str, Any]]:
    """Creates a function: create("name", Timeout=5)."""

    def make(name: str = "f", **settings: Any) -> dict[str, Any]:
        request = {"Runtime": "python3.11", "Role": role, "Handler": "m.handler", "Code": {"ZipFile": package()}}
        answer: dict[str, Any] = call.invoke("lambda", "CreateFunction", FunctionName=name, **request | settings)
        return answer

    return make


def failed(kind: str = "Boom") -> Outcome:
    """An outcome of a function that failed."""
    return Outcome(json.dumps({"errorType": kind}).encode(), "Unhandled")


def cannot_start() -> InstanceFailed:
    """A function that cannot be loaded."""
    return InstanceFailed(failed("Runtime.ImportModuleError"))


def no_engine() -> ApiError:
    """No container is to be had."""
    return ApiError("ServiceException", "no container", status=500)
