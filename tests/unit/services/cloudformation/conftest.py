"""A cloud of one resource type, AWS::Test::Thing, to drive the engine with."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from boatyard.api import resource_types
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.resource_types import CreationFailed, PropertyRule, ResourceRequest, ResourceState, ResourceType

FINAL = ("_COMPLETE", "_FAILED")


class Cloud:
    """What exists, and what was done to it in which order."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.story: list[str] = []
        self.broken: dict[str, str] = {}
        """Verb and logical id, as "create A", with the message that it fails with."""
        self.broken_once: dict[str, str] = {}
        """The same, for the first time only."""
        self.gate: dict[str, threading.Event] = {}
        """Verb and logical id with what they wait for."""
        self.begun: dict[str, threading.Event] = {}
        self.lock = threading.Lock()

    def hold(self, step: str) -> None:
        """Let a step wait until it is released."""
        self.gate[step] = threading.Event()
        self.begun[step] = threading.Event()

    def enter(self, step: str) -> None:
        """A step begins: wait, fail or go on as was asked for."""
        if step in self.begun:
            self.begun[step].set()
        if step in self.gate and not self.gate[step].wait(60):
            raise AssertionError(f"{step} was never released")
        if step in self.broken_once:
            raise ApiError("InvalidRequest", self.broken_once.pop(step))
        if step in self.broken:
            raise ApiError("InvalidRequest", self.broken[step])


class Thing(ResourceType):
    """A resource that is a dictionary."""

    properties = {
        "ThingName": PropertyRule(str, immutable=True),
        "Kind": PropertyRule(str, immutable=True),
        "Value": PropertyRule(str),
        "Count": PropertyRule(int),
        "On": PropertyRule(bool),
        "Needed": PropertyRule(),
        "Parts": PropertyRule(list, members={"Size": PropertyRule(int, required=True)}),
        "HalfMade": PropertyRule(bool),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"Arn", "Value"})

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.type_name = "AWS::Test::Thing"  # type: ignore[misc]

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        self.cloud.enter(f"create {request.logical_id}")
        name = request.properties.get("ThingName") or request.name()
        with self.cloud.lock:
            if name in self.cloud.things:
                raise ApiError("AlreadyExists", f"{name} already exists")
            self.cloud.things[name] = dict(request.properties)
            self.cloud.story.append(f"create {request.logical_id}")
        if request.properties.get("HalfMade"):
            raise CreationFailed("NotReady", f"{name} did not become ready", name)
        return self.state(name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        self.cloud.enter(f"update {request.logical_id}")
        name = str(request.physical_id)
        with self.cloud.lock:
            self.cloud.things[name] = dict(request.properties)
            self.cloud.story.append(f"update {request.logical_id}")
        return self.state(name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        self.cloud.enter(f"delete {request.logical_id}")
        with self.cloud.lock:
            if self.cloud.things.pop(str(request.physical_id), None) is None:
                raise ApiError("ThingNotFound", "no such thing")
            self.cloud.story.append(f"delete {request.logical_id}")

    def state(self, name: str) -> ResourceState:
        """A thing's id and attributes."""
        value = str(self.cloud.things[name].get("Value", ""))
        return ResourceState(name, {"Arn": f"arn:aws:test:::{name}", "Value": value})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An empty cloud whose type CloudFormation knows."""
    made = Cloud()
    resource_types.all_types()
    monkeypatch.setitem(resource_types._types, "AWS::Test::Thing", Thing(made))
    yield made
    for gate in made.gate.values():
        gate.set()


class Formation:
    """CloudFormation as a test uses it."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def create(self, template: Any, name: str = "lab", **params: Any) -> str:
        """Ask for a stack; its id."""
        answer = self.call.invoke(
            "cloudformation", "CreateStack", StackName=name, TemplateBody=text(template), **params
        )
        return str(answer["StackId"])

    def update(self, template: Any, name: str = "lab", **params: Any) -> None:
        """Ask for an update."""
        self.call.invoke("cloudformation", "UpdateStack", StackName=name, TemplateBody=text(template), **params)

    def delete(self, name: str = "lab", **params: Any) -> None:
        """Ask for a deletion."""
        self.call.invoke("cloudformation", "DeleteStack", StackName=name, **params)

    def stack(self, name: str = "lab") -> dict[str, Any]:
        """The stack's description."""
        found: dict[str, Any] = self.call.invoke("cloudformation", "DescribeStacks", StackName=name)["Stacks"][0]
        return found

    def settled(self, name: str = "lab") -> str:
        """Wait until the stack's operations have ended; its status."""
        until(lambda: self._ended(name), f"the stack {name} to settle")
        return str(self.stack(name)["StackStatus"])

    def _ended(self, name: str) -> bool:
        status = str(self.stack(name)["StackStatus"])
        return status.endswith(FINAL) and "IN_PROGRESS" not in status

    def events(self, name: str = "lab") -> list[tuple[str, str]]:
        """Logical ids and statuses, the first event first."""
        answer = self.call.invoke("cloudformation", "DescribeStackEvents", StackName=name)
        return [(each["LogicalResourceId"], each["ResourceStatus"]) for each in reversed(answer["StackEvents"])]

    def reasons(self, name: str = "lab") -> str:
        """All the events' reasons."""
        answer = self.call.invoke("cloudformation", "DescribeStackEvents", StackName=name)
        return "\n".join(each.get("ResourceStatusReason", "") for each in answer["StackEvents"])

    def resources(self, name: str = "lab") -> dict[str, str]:
        """Physical ids by logical id."""
        answer = self.call.invoke("cloudformation", "DescribeStackResources", StackName=name)
        return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in answer["StackResources"]}

    def outputs(self, name: str = "lab") -> dict[str, str]:
        """The outputs' values."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack(name)["Outputs"]}


def until(ready: Callable[[], bool], what: str) -> None:
    """Wait for a condition with a generous limit."""
    waiting = threading.Event()
    for _ in range(6000):
        if ready():
            return
        waiting.wait(0.02)
    raise AssertionError(f"waited two minutes for {what}")


def text(template: Any) -> str:
    """A template as text."""
    return template if isinstance(template, str) else json.dumps(template)


def things(**members: dict[str, Any]) -> dict[str, Any]:
    """A template of AWS::Test::Thing resources, given by their properties."""
    return {
        "Resources": {
            name: {"Type": "AWS::Test::Thing", "Properties": properties} for name, properties in members.items()
        }
    }


@pytest.fixture
def formation(cloud: Cloud, started: Installation, call: Call) -> Formation:
    """CloudFormation over the test cloud."""
    return Formation(call)
