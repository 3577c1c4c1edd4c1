"""CloudFormation's AWS::IAM::User, Group, UserToGroupAddition and AccessKey."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type
from boatyard.identity import credentials
from boatyard.services.iam.resource_properties import (
    POLICIES,
    TAGS,
    ignore_missing,
    set_attached,
    set_boundary,
    set_inline,
    set_tags,
    taken_up,
    wanted_tags,
)


def _set_groups(call: Call, user: str, wanted: list[str], before: list[str]) -> None:
    for group in wanted:
        call.invoke("iam", "AddUserToGroup", UserName=user, GroupName=group)
    for group in before:
        if group not in wanted:
            ignore_missing(call, "RemoveUserFromGroup", UserName=user, GroupName=group)


@resource_type("AWS::IAM::User")
class UserResource(ResourceType):
    """A user with its policies and groups (CloudFormation: AWS::IAM::User)."""

    properties = {
        "UserName": PropertyRule(str, immutable=True),
        "Path": PropertyRule(str, immutable=True),
        "Groups": PropertyRule(list),
        "ManagedPolicyArns": PropertyRule(list),
        "PermissionsBoundary": PropertyRule(str),
        "Policies": POLICIES,
        "Tags": TAGS,
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the user, its policies and memberships."""
        properties = request.properties
        name = properties.get("UserName") or request.name(64)
        params = {"UserName": name, "Path": properties.get("Path"), "Tags": wanted_tags(request) or None}
        try:
            call.invoke("iam", "CreateUser", **params)
        except ApiError as error:
            taken_up(call, error, request.resumed or "UserName" not in properties)
        try:
            return self._shape(call, request, name, {})
        except ApiError:
            self._undo(call, name, properties)
            raise

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change policies, memberships, boundary and tags."""
        name = str(request.physical_id)
        set_tags(call, "User", {"UserName": name}, request)
        return self._shape(call, request, name, request.previous)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the user with what the template gave it."""
        self._undo(call, str(request.physical_id), request.properties)

    @staticmethod
    def _shape(call: Call, request: ResourceRequest, name: str, previous: dict[str, Any]) -> ResourceState:
        set_inline(call, "User", name, request.properties, previous)
        set_attached(call, "User", name, request.properties, previous)
        set_boundary(call, "User", name, request.properties)
        _set_groups(call, name, request.properties.get("Groups", []), previous.get("Groups", []))
        user = call.invoke("iam", "GetUser", UserName=name)["User"]
        return ResourceState(user["UserName"], {"Arn": user["Arn"]})

    @staticmethod
    def _undo(call: Call, name: str, properties: dict[str, Any]) -> None:
        set_inline(call, "User", name, {}, properties)
        set_attached(call, "User", name, {}, properties)
        _set_groups(call, name, [], properties.get("Groups", []))
        ignore_missing(call, "DeleteUser", UserName=name)


@resource_type("AWS::IAM::Group")
class GroupResource(ResourceType):
    """A group with its policies (CloudFormation: AWS::IAM::Group)."""

    properties = {
        "GroupName": PropertyRule(str, immutable=True),
        "Path": PropertyRule(str, immutable=True),
        "ManagedPolicyArns": PropertyRule(list),
        "Policies": POLICIES,
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the group and its policies."""
        properties = request.properties
        name = properties.get("GroupName") or request.name(128)
        try:
            call.invoke("iam", "CreateGroup", GroupName=name, Path=properties.get("Path"))
        except ApiError as error:
            taken_up(call, error, request.resumed or "GroupName" not in properties)
        try:
            return self._shape(call, request, name, {})
        except ApiError:
            self._undo(call, name, properties)
            raise

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change the policies."""
        return self._shape(call, request, str(request.physical_id), request.previous)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the group with the policies that the template gave it."""
        self._undo(call, str(request.physical_id), request.properties)

    @staticmethod
    def _shape(call: Call, request: ResourceRequest, name: str, previous: dict[str, Any]) -> ResourceState:
        set_inline(call, "Group", name, request.properties, previous)
        set_attached(call, "Group", name, request.properties, previous)
        group = call.invoke("iam", "GetGroup", GroupName=name)["Group"]
        return ResourceState(group["GroupName"], {"Arn": group["Arn"]})

    @staticmethod
    def _undo(call: Call, name: str, properties: dict[str, Any]) -> None:
        set_inline(call, "Group", name, {}, properties)
        set_attached(call, "Group", name, {}, properties)
        ignore_missing(call, "DeleteGroup", GroupName=name)


@resource_type("AWS::IAM::UserToGroupAddition")
class UserToGroupAdditionResource(ResourceType):
    """Users put into a group (CloudFormation: AWS::IAM::UserToGroupAddition)."""

    properties = {
        "GroupName": PropertyRule(str, required=True),
        "Users": PropertyRule(list, required=True),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the users in."""
        for user in request.properties["Users"]:
            call.invoke("iam", "AddUserToGroup", GroupName=request.properties["GroupName"], UserName=user)
        return ResourceState(request.physical_id or request.name(64))

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the new users in and take the old ones out."""
        state = self.create(call, request)
        before, now = request.previous, request.properties
        for user in before.get("Users", []):
            if before.get("GroupName") != now["GroupName"] or user not in now["Users"]:
                ignore_missing(call, "RemoveUserFromGroup", GroupName=before["GroupName"], UserName=user)
        return state

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Take the users out."""
        group = request.properties["GroupName"]
        for user in request.properties["Users"]:
            ignore_missing(call, "RemoveUserFromGroup", GroupName=group, UserName=user)


@resource_type("AWS::IAM::AccessKey")
class AccessKeyResource(ResourceType):
    """A user's access key (CloudFormation: AWS::IAM::AccessKey)."""

    properties = {
        "UserName": PropertyRule(str, required=True, immutable=True),
        "Serial": PropertyRule(int, immutable=True),
        "Status": PropertyRule(str),
    }
    attributes = frozenset({"SecretAccessKey"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the key; its secret is an attribute."""
        name = request.properties["UserName"]
        key = call.invoke("iam", "CreateAccessKey", UserName=name)["AccessKey"]
        if request.properties.get("Status", "Active") != "Active":
            self._set_status(call, request, key["AccessKeyId"])
        return ResourceState(key["AccessKeyId"], {"SecretAccessKey": key["SecretAccessKey"]})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Switch the key on or off."""
        key_id = str(request.physical_id)
        self._set_status(call, request, key_id)
        secret = credentials.secret_of(call.installation, key_id)
        return ResourceState(key_id, {"SecretAccessKey": secret})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the key."""
        name, key_id = request.properties["UserName"], str(request.physical_id)
        ignore_missing(call, "DeleteAccessKey", UserName=name, AccessKeyId=key_id)

    @staticmethod
    def _set_status(call: Call, request: ResourceRequest, key_id: str) -> None:
        call.invoke(
            "iam",
            "UpdateAccessKey",
            UserName=request.properties["UserName"],
            AccessKeyId=key_id,
            Status=request.properties.get("Status", "Active"),
        )
