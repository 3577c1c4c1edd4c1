"""The CloudFormation resource types of EventBridge: AWS::Events::Rule and AWS::Events::EventBus."""

from __future__ import annotations

import json
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import (
    PropertyRule,
    ResourceRequest,
    ResourceState,
    ResourceType,
    resource_type,
)

_TEXT = PropertyRule(str)
_TAGS = PropertyRule(list, members={"Key": _TEXT, "Value": _TEXT})
_TARGET = {
    "Id": PropertyRule(str, required=True),
    "Arn": PropertyRule(str, required=True),
    "RoleArn": _TEXT,
    "Input": _TEXT,
    "InputPath": _TEXT,
    "InputTransformer": PropertyRule(
        dict, members={"InputPathsMap": PropertyRule(dict), "InputTemplate": PropertyRule(str, required=True)}
    ),
    "RetryPolicy": PropertyRule(
        dict, members={"MaximumRetryAttempts": PropertyRule(int), "MaximumEventAgeInSeconds": PropertyRule(int)}
    ),
}


@resource_type("AWS::Events::Rule")
class RuleResource(ResourceType):
    """A rule with its targets. Ref is its name, BUS|NAME on a custom bus; GetAtt Arn."""

    properties = {
        "Name": PropertyRule(str, immutable=True),
        "EventBusName": PropertyRule(str, immutable=True),
        "EventPattern": PropertyRule(object),
        "ScheduleExpression": _TEXT,
        "State": _TEXT,
        "Description": _TEXT,
        "RoleArn": _TEXT,
        "Targets": PropertyRule(list, members=_TARGET),
        "Tags": _TAGS,
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the rule and its targets; a name that is taken is refused, because PutRule would overwrite it."""
        name = str(request.properties.get("Name") or request.name(64))
        if not request.resumed and _is_there(call, name, _bus(request.properties)):
            raise ApiError(
                "AlreadyExists", f"Resource of type 'AWS::Events::Rule' with identifier '{name}' already exists."
            )
        return self._put(call, request, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the rule again, its targets, and take those that are no longer there."""
        name = str(request.physical_id).rpartition("|")[2]
        before = {target["Id"] for target in request.previous.get("Targets", [])}
        gone = sorted(before - {target["Id"] for target in request.properties.get("Targets", [])})
        if gone:
            call.client("events").remove_targets(Rule=name, Ids=gone, **_bus(request.properties))
        return self._put(call, request, name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Take its targets and delete it."""
        events, bus = call.client("events"), _bus(request.properties)
        name = str(request.physical_id).rpartition("|")[2]
        try:
            targets = events.list_targets_by_rule(Rule=name, **bus)["Targets"]
            if targets:
                events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets], **bus)
            events.delete_rule(Name=name, **bus)
        except ApiError as error:
            if error.code != "ResourceNotFoundException":
                raise

    def _put(self, call: Call, request: ResourceRequest, name: str) -> ResourceState:
        properties, events, bus = request.properties, call.client("events"), _bus(request.properties)
        rule: dict[str, Any] = {
            member: properties[member]
            for member in ("ScheduleExpression", "State", "Description", "RoleArn")
            if member in properties
        }
        if "EventPattern" in properties:
            pattern = properties["EventPattern"]
            rule["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
        tags = {**request.tags, **{tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}}
        wanted = [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")]
        if wanted:
            rule["Tags"] = wanted
        arn = events.put_rule(Name=name, **rule, **bus)["RuleArn"]
        if properties.get("Targets"):
            targets = [_target(target) for target in properties["Targets"]]
            events.put_targets(Rule=name, Targets=targets, **bus)
        bus_name = properties.get("EventBusName", "default")
        physical = name if bus_name == "default" else f"{bus_name}|{name}"
        return ResourceState(physical, {"Arn": arn})


def _is_there(call: Call, name: str, bus: dict[str, str]) -> bool:
    try:
        call.client("events").describe_rule(Name=name, **bus)
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return False
    return True


def _bus(properties: dict[str, Any]) -> dict[str, str]:
    return {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}


def _target(given: dict[str, Any]) -> dict[str, Any]:
    """A template's target: numbers that were written as text become numbers."""
    target = dict(given)
    if "RetryPolicy" in target:
        target["RetryPolicy"] = {name: int(value) for name, value in target["RetryPolicy"].items()}
    return target


@resource_type("AWS::Events::EventBus")
class EventBusResource(ResourceType):
    """A custom bus. Ref is its name; GetAtt Arn and Name."""

    properties = {"Name": PropertyRule(str, required=True, immutable=True), "Description": _TEXT, "Tags": _TAGS}
    attributes = frozenset({"Arn", "Name"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the bus."""
        name = request.properties["Name"]
        described = {"Description": request.properties["Description"]} if "Description" in request.properties else {}
        try:
            call.client("events").create_event_bus(Name=name, Tags=request.properties.get("Tags", []), **described)
        except ApiError as error:
            if error.code != "ResourceAlreadyExistsException" or not request.resumed:
                raise
        return _bus_state(call, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change description and tags."""
        name, description = str(request.physical_id), request.properties.get("Description")
        call.client("events").update_event_bus(Name=name, Description=description)
        state = _bus_state(call, name)
        tags = request.properties.get("Tags", [])
        if tags:
            call.client("events").tag_resource(ResourceARN=state.attributes["Arn"], Tags=tags)
        return state

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the bus."""
        call.client("events").delete_event_bus(Name=str(request.physical_id))


def _bus_state(call: Call, name: str) -> ResourceState:
    arn = call.client("events").describe_event_bus(Name=name)["Arn"]
    return ResourceState(name, {"Arn": arn, "Name": name})
