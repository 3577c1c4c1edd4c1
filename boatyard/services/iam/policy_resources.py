"""CloudFormation's AWS::IAM::Policy, ManagedPolicy and the policies of one role, user or group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type
from boatyard.services.iam.resource_properties import document, ignore_missing, taken_up

_KINDS = ("Role", "User", "Group")


def _holders(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(kind, name) for kind in _KINDS for name in properties.get(f"{kind}s", [])]


@resource_type("AWS::IAM::Policy")
class PolicyResource(ResourceType):
    """One inline policy put into several roles, users and groups (CloudFormation: AWS::IAM::Policy)."""

    properties = {
        "PolicyName": PropertyRule(str, required=True),
        "PolicyDocument": PropertyRule(object, required=True),
        "Roles": PropertyRule(list),
        "Users": PropertyRule(list),
        "Groups": PropertyRule(list),
    }
    attributes = frozenset({"Id"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the policy into every entity named."""
        if not _holders(request.properties):
            raise ApiError("ValidationError", "At least one of [Groups,Roles,Users] must be non-empty.", status=400)
        self._put(call, request.properties)
        name = request.name(64)
        return ResourceState(name, {"Id": name})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the new policy in, and take the old one out where it is no longer wanted."""
        self._put(call, request.properties)
        wanted = set(_holders(request.properties))
        renamed = request.previous.get("PolicyName") != request.properties["PolicyName"]
        gone = [holder for holder in _holders(request.previous) if renamed or holder not in wanted]
        self._delete(call, gone, request.previous.get("PolicyName", ""))
        return ResourceState(str(request.physical_id), {"Id": request.physical_id})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Take the policy out of every entity."""
        self._delete(call, _holders(request.properties), request.properties["PolicyName"])

    @staticmethod
    def _put(call: Call, properties: Mapping[str, Any]) -> None:
        for kind, name in _holders(properties):
            params = {f"{kind}Name": name, "PolicyName": properties["PolicyName"]}
            text = document(properties["PolicyDocument"])
            call.invoke("iam", f"Put{kind}Policy", **params, PolicyDocument=text)

    @staticmethod
    def _delete(call: Call, holders: list[tuple[str, str]], policy: str) -> None:
        for kind, name in holders:
            ignore_missing(call, f"Delete{kind}Policy", **{f"{kind}Name": name, "PolicyName": policy})


class _OneHolderPolicy(ResourceType):
    """An inline policy of one entity."""

    kind = ""

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the policy in."""
        properties = request.properties
        holder = {f"{self.kind}Name": properties[f"{self.kind}Name"], "PolicyName": properties["PolicyName"]}
        text = document(properties.get("PolicyDocument", {}))
        call.invoke("iam", f"Put{self.kind}Policy", **holder, PolicyDocument=text)
        return ResourceState(f"{properties['PolicyName']}|{properties[f'{self.kind}Name']}")

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Put the new policy in the place of the old."""
        return self.create(call, request)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Take the policy out."""
        properties = request.properties
        holder = {f"{self.kind}Name": properties[f"{self.kind}Name"], "PolicyName": properties["PolicyName"]}
        ignore_missing(call, f"Delete{self.kind}Policy", **holder)


def _one_holder(kind: str) -> dict[str, PropertyRule]:
    return {
        "PolicyName": PropertyRule(str, required=True, immutable=True),
        f"{kind}Name": PropertyRule(str, required=True, immutable=True),
        "PolicyDocument": PropertyRule(object, required=True),
    }


@resource_type("AWS::IAM::RolePolicy")
class RolePolicyResource(_OneHolderPolicy):
    """An inline policy of a role (CloudFormation: AWS::IAM::RolePolicy)."""

    kind = "Role"
    properties = _one_holder("Role")


@resource_type("AWS::IAM::UserPolicy")
class UserPolicyResource(_OneHolderPolicy):
    """An inline policy of a user (CloudFormation: AWS::IAM::UserPolicy)."""

    kind = "User"
    properties = _one_holder("User")


@resource_type("AWS::IAM::GroupPolicy")
class GroupPolicyResource(_OneHolderPolicy):
    """An inline policy of a group (CloudFormation: AWS::IAM::GroupPolicy)."""

    kind = "Group"
    properties = _one_holder("Group")


@resource_type("AWS::IAM::ManagedPolicy")
class ManagedPolicyResource(ResourceType):
    """A customer's managed policy, attached (CloudFormation: AWS::IAM::ManagedPolicy)."""

    properties = {
        "ManagedPolicyName": PropertyRule(str, immutable=True),
        "Description": PropertyRule(str, immutable=True),
        "Path": PropertyRule(str, immutable=True),
        "PolicyDocument": PropertyRule(object, required=True),
        "Roles": PropertyRule(list),
        "Users": PropertyRule(list),
        "Groups": PropertyRule(list),
    }
    attributes = frozenset({"PolicyArn", "PolicyId", "DefaultVersionId", "AttachmentCount", "IsAttachable"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the policy and attach it; a failure leaves no policy behind."""
        properties = request.properties
        name = properties.get("ManagedPolicyName") or request.name(128)
        path = properties.get("Path", "/")
        arn = f"arn:aws:iam::{call.account}:policy{path}{name}"
        try:
            call.invoke(
                "iam",
                "CreatePolicy",
                PolicyName=name,
                Path=path,
                PolicyDocument=document(properties["PolicyDocument"]),
                Description=properties.get("Description"),
            )
        except ApiError as error:
            taken_up(call, error, request.resumed or "ManagedPolicyName" not in properties)
        try:
            self._attach(call, arn, properties)
        except ApiError:
            self._detach(call, arn, _holders(properties))
            call.invoke("iam", "DeletePolicy", PolicyArn=arn)
            raise
        return self._state(call, arn)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Add a version as the default, dropping the oldest of five, and attach and detach."""
        arn = str(request.physical_id)
        if request.previous.get("PolicyDocument") != request.properties["PolicyDocument"]:
            versions = call.invoke("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]
            others = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
            if len(versions) >= 5:
                call.invoke("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=others[-1])
            text = document(request.properties["PolicyDocument"])
            call.invoke("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
        self._attach(call, arn, request.properties)
        wanted = set(_holders(request.properties))
        self._detach(call, arn, [item for item in _holders(request.previous) if item not in wanted])
        return self._state(call, arn)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Detach the policy and delete it with its versions."""
        arn = str(request.physical_id)
        self._detach(call, arn, _holders(request.properties))
        try:
            versions = call.invoke("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]
        except ApiError as error:
            if error.code == "NoSuchEntity":
                return
            raise
        for version in versions:
            if not version["IsDefaultVersion"]:
                call.invoke("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])
        ignore_missing(call, "DeletePolicy", PolicyArn=arn)

    @staticmethod
    def _attach(call: Call, arn: str, properties: Mapping[str, Any]) -> None:
        for kind, name in _holders(properties):
            call.invoke("iam", f"Attach{kind}Policy", **{f"{kind}Name": name, "PolicyArn": arn})

    @staticmethod
    def _detach(call: Call, arn: str, holders: list[tuple[str, str]]) -> None:
        for kind, name in holders:
            ignore_missing(call, f"Detach{kind}Policy", **{f"{kind}Name": name, "PolicyArn": arn})

    @staticmethod
    def _state(call: Call, arn: str) -> ResourceState:
        policy = call.invoke("iam", "GetPolicy", PolicyArn=arn)["Policy"]
        attributes = {
            "PolicyArn": arn,
            **{name: policy[name] for name in ("PolicyId", "DefaultVersionId", "AttachmentCount", "IsAttachable")},
        }
        return ResourceState(arn, attributes)
