"""The values that a change set changes: what DescribeChangeSet adds to its changes with IncludePropertyValues."""

from __future__ import annotations

import json
from typing import Any

from boatyard.services.cloudformation.comparison import Side
from boatyard.services.cloudformation.records import StackResource
from boatyard.services.cloudformation.templates.functions import function_of
from boatyard.services.cloudformation.templates.parameters import NO_ECHO

KNOWN_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
_OF_RESOURCES = ("BeforeContext", "AfterContext")
_OF_TARGETS = ("Path", "BeforeValue", "AfterValue", "AttributeChangeType")


def with_values(
    changes: list[dict[str, Any]], before: Side | None, after: Side, there: dict[str, StackResource]
) -> list[dict[str, Any]]:
    """The changes, each with its resource's properties before and after, NoEcho values masked.

    Follows "ResourceChange" and "ResourceTargetDefinition" in the CloudFormation API reference. What is known only
    after a resource has been made is told as AWS tells it, by a placeholder.
    """
    secrets = [*(_secrets(before) if before is not None else []), *_secrets(after)]
    new = after.resources()
    return [_with_values(each, new, there, after, secrets) for each in changes]


def without_values(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The changes as they are told without IncludePropertyValues."""
    return [{**each, "ResourceChange": _without(each["ResourceChange"])} for each in changes]


def _secrets(side: Side) -> list[str]:
    values = side.revision.values()
    return [
        values[name].effective for name, each in side.template.parameters.items() if each.no_echo and name in values
    ]


def _with_values(
    change: dict[str, Any],
    new: dict[str, dict[str, Any]],
    there: dict[str, StackResource],
    after: Side,
    secrets: list[str],
) -> dict[str, Any]:
    resource = change["ResourceChange"]
    name = resource["LogicalResourceId"]
    old = there[name].properties if name in there and resource["Action"] != "Add" else {}
    changed = {each["Target"].get("Name") for each in resource["Details"]}
    wanted = {
        key: _later(value) if key in changed or key not in old else old[key] for key, value in new.get(name, {}).items()
    }
    added: dict[str, Any] = {}
    if resource["Action"] != "Add":
        added["BeforeContext"] = _masked({"Properties": old}, secrets)
    if resource["Action"] != "Remove":
        added["AfterContext"] = _masked(_context(after, name, wanted), secrets)
    details = [{**each, "Target": _target(each["Target"], old, wanted, secrets)} for each in resource["Details"]]
    return {**change, "ResourceChange": {**resource, **added, "Details": details}}


def _context(side: Side, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    metadata = side.template.resources[name].metadata
    return {"Properties": properties, **({"Metadata": metadata} if metadata is not None else {})}


def _target(target: dict[str, Any], old: dict[str, Any], new: dict[str, Any], secrets: list[str]) -> dict[str, Any]:
    key = target.get("Name")
    if key is None:
        return target
    values = {"BeforeValue": _masked(old[key], secrets)} if key in old else {}
    if key in new:
        values["AfterValue"] = _masked(new[key], secrets)
    kind = "Modify" if len(values) == 2 else "Add" if key in new else "Remove"
    return {**target, "Path": f"/Properties/{key}", "AttributeChangeType": kind, **values}


def _later(value: Any) -> Any:
    if function_of(value) is not None:
        return KNOWN_LATER
    if isinstance(value, dict):
        return {key: _later(each) for key, each in value.items()}
    return [_later(each) for each in value] if isinstance(value, list) else value


def _masked(value: Any, secrets: list[str]) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    for secret in filter(None, secrets):
        text = text.replace(secret, NO_ECHO).replace(json.dumps(secret)[1:-1], NO_ECHO)
    return text


def _without(resource: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in resource.items() if name not in _OF_RESOURCES}
    targets = [
        {name: value for name, value in each["Target"].items() if name not in _OF_TARGETS}
        for each in resource["Details"]
    ]
    details = [{**each, "Target": target} for each, target in zip(resource["Details"], targets, strict=True)]
    return {**plain, "Details": details}
