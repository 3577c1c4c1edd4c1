"""CloudFormation's AWS::KMS::Key and AWS::KMS::Alias."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


@resource_type("AWS::KMS::Key")
class KeyResource(ResourceType):
    """A symmetric key (CloudFormation: AWS::KMS::Key)."""

    properties = {
        "BypassPolicyLockoutSafetyCheck": PropertyRule(bool),
        "Description": PropertyRule(str),
        "Enabled": PropertyRule(bool),
        "EnableKeyRotation": PropertyRule(bool),
        "KeyPolicy": PropertyRule(object),
        "KeySpec": PropertyRule(str, immutable=True),
        "KeyUsage": PropertyRule(str, immutable=True),
        "MultiRegion": PropertyRule(bool, immutable=True),
        "Origin": PropertyRule(str, immutable=True),
        "PendingWindowInDays": PropertyRule(int),
        "RotationPeriodInDays": PropertyRule(int),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"Arn", "KeyId"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the key."""
        properties = request.properties
        tags = tag_lists.to_list(_tags(request), "TagKey", "TagValue")
        params = {
            "Description": properties.get("Description"),
            "KeySpec": properties.get("KeySpec"),
            "KeyUsage": properties.get("KeyUsage"),
            "Origin": properties.get("Origin"),
            "Policy": _policy(properties),
            "Tags": tags or None,
        }
        if _true(properties.get("BypassPolicyLockoutSafetyCheck")):
            params["BypassPolicyLockoutSafetyCheck"] = True
        if _true(properties.get("MultiRegion")):
            params["MultiRegion"] = True
        key = call.invoke("kms", "CreateKey", **params)["KeyMetadata"]
        self._set_use(call, key["KeyId"], properties)
        return ResourceState(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change policy, description, rotation, tags, and whether it is enabled."""
        key_id, properties = str(request.physical_id), request.properties
        call.invoke("kms", "EnableKey", KeyId=key_id)
        call.invoke("kms", "UpdateKeyDescription", KeyId=key_id, Description=properties.get("Description", ""))
        policy = _policy(properties)
        if policy is not None:
            bypass = _true(properties.get("BypassPolicyLockoutSafetyCheck"))
            call.invoke("kms", "PutKeyPolicy", KeyId=key_id, Policy=policy, BypassPolicyLockoutSafetyCheck=bypass)
        wanted = _tags(request)
        there = call.invoke("kms", "ListResourceTags", KeyId=key_id)["Tags"]
        gone = [tag["TagKey"] for tag in there if tag["TagKey"] not in wanted]
        if gone:
            call.invoke("kms", "UntagResource", KeyId=key_id, TagKeys=gone)
        if wanted:
            call.invoke("kms", "TagResource", KeyId=key_id, Tags=tag_lists.to_list(wanted, "TagKey", "TagValue"))
        self._set_use(call, key_id, properties)
        arn = call.invoke("kms", "DescribeKey", KeyId=key_id)["KeyMetadata"]["Arn"]
        return ResourceState(key_id, {"Arn": arn, "KeyId": key_id})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Schedule the key's deletion."""
        days = int(request.properties.get("PendingWindowInDays", 30))
        try:
            call.invoke("kms", "ScheduleKeyDeletion", KeyId=str(request.physical_id), PendingWindowInDays=days)
        except ApiError as error:
            if error.code not in ("NotFoundException", "KMSInvalidStateException"):
                raise

    @staticmethod
    def _set_use(call: Call, key_id: str, properties: Mapping[str, Any]) -> None:
        if _true(properties.get("EnableKeyRotation")):
            days = int(properties.get("RotationPeriodInDays", 365))
            call.invoke("kms", "EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=days)
        else:
            call.invoke("kms", "DisableKeyRotation", KeyId=key_id)
        if not _true(properties.get("Enabled", True)):
            call.invoke("kms", "DisableKey", KeyId=key_id)


def _policy(properties: Mapping[str, Any]) -> str | None:
    policy = properties.get("KeyPolicy")
    if policy is None or isinstance(policy, str):
        return policy
    return json.dumps(policy, default=str)


def _tags(request: ResourceRequest) -> dict[str, str]:
    found = request.tags | tag_lists.to_dict(request.properties.get("Tags"))
    return {key: value for key, value in found.items() if not key.startswith("aws:")}


@resource_type("AWS::KMS::Alias")
class AliasResource(ResourceType):
    """A name for a key (CloudFormation: AWS::KMS::Alias)."""

    properties = {
        "AliasName": PropertyRule(str, required=True, immutable=True),
        "TargetKeyId": PropertyRule(str, required=True),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Give the key its name."""
        call.invoke("kms", "CreateAlias", **request.properties)
        return ResourceState(request.properties["AliasName"])

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Point the name at another key."""
        call.invoke("kms", "UpdateAlias", **request.properties)
        return ResourceState(request.properties["AliasName"])

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Take the name away."""
        try:
            call.invoke("kms", "DeleteAlias", AliasName=str(request.physical_id))
        except ApiError as error:
            if error.code != "NotFoundException":
                raise
