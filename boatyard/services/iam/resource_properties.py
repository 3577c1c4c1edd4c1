"""What IAM's resource types share: documents, inline and attached policies and tags brought to what a template says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest

POLICIES = PropertyRule(
    list, members={"PolicyName": PropertyRule(str, True), "PolicyDocument": PropertyRule(object, True)}
)
TAGS = PropertyRule(list)


def document(value: Any) -> str:
    """A policy document as JSON text, from what a template has: an object, or text."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def ignore_missing(call: Call, operation: str, **params: Any) -> None:
    """An IAM operation for which it is as good that the entity is not there."""
    try:
        call.invoke("iam", operation, **params)
    except ApiError as error:
        if error.code != "NoSuchEntity":
            raise


def set_inline(call: Call, kind: str, name: str, properties: Mapping[str, Any], previous: Mapping[str, Any]) -> None:
    """Brings an entity's inline policies from `previous` to `properties`. `kind` is Role, User or Group."""
    wanted = {item["PolicyName"]: item["PolicyDocument"] for item in properties.get("Policies", [])}
    for policy, content in wanted.items():
        params = {f"{kind}Name": name, "PolicyName": policy, "PolicyDocument": document(content)}
        call.invoke("iam", f"Put{kind}Policy", **params)
    for item in previous.get("Policies", []):
        if item["PolicyName"] not in wanted:
            ignore_missing(call, f"Delete{kind}Policy", **{f"{kind}Name": name, "PolicyName": item["PolicyName"]})


def set_attached(call: Call, kind: str, name: str, properties: Mapping[str, Any], previous: Mapping[str, Any]) -> None:
    """Brings an entity's managed policies from `previous` to `properties`."""
    wanted = properties.get("ManagedPolicyArns", [])
    for arn in previous.get("ManagedPolicyArns", []):
        if arn not in wanted:
            ignore_missing(call, f"Detach{kind}Policy", **{f"{kind}Name": name, "PolicyArn": arn})
    for arn in wanted:
        call.invoke("iam", f"Attach{kind}Policy", **{f"{kind}Name": name, "PolicyArn": arn})


def set_boundary(call: Call, kind: str, name: str, properties: Mapping[str, Any]) -> None:
    """Sets an entity's permissions boundary, or takes it away."""
    boundary = properties.get("PermissionsBoundary")
    if boundary:
        call.invoke("iam", f"Put{kind}PermissionsBoundary", **{f"{kind}Name": name, "PermissionsBoundary": boundary})
    else:
        call.invoke("iam", f"Delete{kind}PermissionsBoundary", **{f"{kind}Name": name})


def wanted_tags(request: ResourceRequest) -> list[dict[str, str]]:
    """The stack's tags with the resource's own; those that AWS keeps to itself are left out."""
    found = request.tags | tag_lists.to_dict(request.properties.get("Tags"))
    return tag_lists.to_list({key: value for key, value in found.items() if not key.startswith("aws:")})


def set_tags(call: Call, kind: str, reference: dict[str, str], request: ResourceRequest) -> None:
    """Brings an entity's tags to what the template and the stack say."""
    wanted = wanted_tags(request)
    keys = {tag["Key"] for tag in wanted}
    there = call.invoke("iam", f"List{kind}Tags", **reference)["Tags"]
    gone = [tag["Key"] for tag in there if tag["Key"] not in keys]
    if gone:
        call.invoke("iam", f"Untag{kind}", **reference, TagKeys=gone)
    if wanted:
        call.invoke("iam", f"Tag{kind}", **reference, Tags=wanted)


def taken_up(call: Call, error: ApiError, generated: bool) -> bool:
    """Whether a name that is taken was made by this very request before a crash; raises the error otherwise."""
    if error.code == "EntityAlreadyExists" and generated:
        return True
    raise error
