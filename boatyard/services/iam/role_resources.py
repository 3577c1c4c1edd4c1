"""CloudFormation's AWS::IAM::Role, InstanceProfile and ServiceLinkedRole."""

from __future__ import annotations

import re
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type
from boatyard.services.iam.resource_properties import (
    POLICIES,
    TAGS,
    document,
    ignore_missing,
    set_attached,
    set_boundary,
    set_inline,
    set_tags,
    taken_up,
    wanted_tags,
)


@resource_type("AWS::IAM::Role")
class RoleResource(ResourceType):
    """A role with its policies (CloudFormation: AWS::IAM::Role)."""

    properties = {
        "AssumeRolePolicyDocument": PropertyRule(object, required=True),
        "Description": PropertyRule(str),
        "ManagedPolicyArns": PropertyRule(list),
        "MaxSessionDuration": PropertyRule(int),
        "Path": PropertyRule(str, immutable=True),
        "PermissionsBoundary": PropertyRule(str),
        "Policies": POLICIES,
        "RoleName": PropertyRule(str, immutable=True),
        "Tags": TAGS,
    }
    attributes = frozenset({"Arn", "RoleId"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the role and give it its policies; a failure leaves no role behind."""
        properties = request.properties
        name = properties.get("RoleName") or request.name(64)
        params: dict[str, Any] = {
            "RoleName": name,
            "AssumeRolePolicyDocument": document(properties["AssumeRolePolicyDocument"]),
            "Description": properties.get("Description"),
            "Path": properties.get("Path"),
            "PermissionsBoundary": properties.get("PermissionsBoundary"),
            "Tags": wanted_tags(request) or None,
        }
        if "MaxSessionDuration" in properties:
            params["MaxSessionDuration"] = int(properties["MaxSessionDuration"])
        try:
            call.invoke("iam", "CreateRole", **params)
        except ApiError as error:
            taken_up(call, error, request.resumed or "RoleName" not in properties)
        try:
            set_inline(call, "Role", name, properties, {})
            set_attached(call, "Role", name, properties, {})
        except ApiError:
            self._remove(call, name)
            raise
        return self._state(call, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change trust, policies, description, session duration, boundary and tags."""
        name, properties = str(request.physical_id), request.properties
        trust = document(properties["AssumeRolePolicyDocument"])
        call.invoke("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=trust)
        call.invoke(
            "iam",
            "UpdateRole",
            RoleName=name,
            Description=properties.get("Description", "" if "Description" in request.previous else None),
            MaxSessionDuration=int(properties.get("MaxSessionDuration", 3600)),
        )
        set_boundary(call, "Role", name, properties)
        set_inline(call, "Role", name, properties, request.previous)
        set_attached(call, "Role", name, properties, request.previous)
        set_tags(call, "Role", {"RoleName": name}, request)
        return self._state(call, name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the role with the policies that the template gave it."""
        name = str(request.physical_id)
        set_inline(call, "Role", name, {}, request.properties)
        set_attached(call, "Role", name, {}, request.properties)
        ignore_missing(call, "DeleteRole", RoleName=name)

    @staticmethod
    def _remove(call: Call, name: str) -> None:
        for policy in call.invoke("iam", "ListRolePolicies", RoleName=name)["PolicyNames"]:
            call.invoke("iam", "DeleteRolePolicy", RoleName=name, PolicyName=policy)
        for policy in call.invoke("iam", "ListAttachedRolePolicies", RoleName=name)["AttachedPolicies"]:
            call.invoke("iam", "DetachRolePolicy", RoleName=name, PolicyArn=policy["PolicyArn"])
        call.invoke("iam", "DeleteRole", RoleName=name)

    @staticmethod
    def _state(call: Call, name: str) -> ResourceState:
        role = call.invoke("iam", "GetRole", RoleName=name)["Role"]
        return ResourceState(role["RoleName"], {"Arn": role["Arn"], "RoleId": role["RoleId"]})


@resource_type("AWS::IAM::InstanceProfile")
class InstanceProfileResource(ResourceType):
    """An instance profile with its one role (CloudFormation: AWS::IAM::InstanceProfile)."""

    properties = {
        "InstanceProfileName": PropertyRule(str, immutable=True),
        "Path": PropertyRule(str, immutable=True),
        "Roles": PropertyRule(list, required=True),
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the profile and put the role in."""
        properties = request.properties
        name = properties.get("InstanceProfileName") or request.name(128)
        try:
            call.invoke("iam", "CreateInstanceProfile", InstanceProfileName=name, Path=properties.get("Path"))
        except ApiError as error:
            taken_up(call, error, request.resumed or "InstanceProfileName" not in properties)
        return self._hold(call, name, properties["Roles"])

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put another role in."""
        return self._hold(call, str(request.physical_id), request.properties["Roles"])

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Take the role out and delete the profile."""
        name = str(request.physical_id)
        for role in request.properties.get("Roles", []):
            ignore_missing(call, "RemoveRoleFromInstanceProfile", InstanceProfileName=name, RoleName=role)
        ignore_missing(call, "DeleteInstanceProfile", InstanceProfileName=name)

    @staticmethod
    def _hold(call: Call, name: str, roles: list[str]) -> ResourceState:
        profile = call.invoke("iam", "GetInstanceProfile", InstanceProfileName=name)["InstanceProfile"]
        there = [role["RoleName"] for role in profile["Roles"]]
        for role in there:
            if role not in roles:
                call.invoke("iam", "RemoveRoleFromInstanceProfile", InstanceProfileName=name, RoleName=role)
        for role in roles:
            if role not in there:
                call.invoke("iam", "AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=role)
        return ResourceState(name, {"Arn": profile["Arn"]})


@resource_type("AWS::IAM::ServiceLinkedRole")
class ServiceLinkedRoleResource(ResourceType):
    """A service's own role (CloudFormation: AWS::IAM::ServiceLinkedRole)."""

    properties = {
        "AWSServiceName": PropertyRule(str, required=True, immutable=True),
        "CustomSuffix": PropertyRule(str, immutable=True),
        "Description": PropertyRule(str, immutable=True),
    }
    attributes = frozenset({"RoleName"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the role."""
        try:
            role = call.invoke("iam", "CreateServiceLinkedRole", **request.properties)["Role"]
            name = role["RoleName"]
        except ApiError as error:
            taken = re.search(r"name (\S+) has been taken", error.message)
            if not request.resumed or taken is None:
                raise
            name = taken[1]
        return ResourceState(name, {"RoleName": name})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the role."""
        ignore_missing(call, "DeleteServiceLinkedRole", RoleName=str(request.physical_id))
