"""IAM's CloudFormation resource types: made, changed in place, and deleted without a trace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import ResourceRequest, ResourceState, all_types
from tests.unit.services.iam.test_roles import ACCOUNT, DOCUMENT, S3_FULL, TRUST

Properties = dict[str, Any]


def request(
    properties: Properties, previous: Properties | None = None, physical_id: str | None = None
) -> ResourceRequest:
    return ResourceRequest(
        logical_id="Thing",
        stack_name="stack",
        stack_id=f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/stack/1",
        properties=properties,
        token="token",
        physical_id=physical_id,
        previous=previous or {},
        tags={"stack": "tag", "aws:cloudformation:stack-name": "stack"},
    )


def create(call: Call, kind: str, properties: Properties) -> ResourceState:
    return all_types()[f"AWS::IAM::{kind}"].create(call, request(properties))


def update(call: Call, kind: str, state: ResourceState, before: Properties, after: Properties) -> ResourceState:
    return all_types()[f"AWS::IAM::{kind}"].update(call, request(after, before, state.physical_id))


def delete(call: Call, kind: str, state: ResourceState, properties: Properties) -> None:
    all_types()[f"AWS::IAM::{kind}"].delete(call, request(properties, None, state.physical_id))


def policy(name: str) -> Properties:
    return {"PolicyName": name, "PolicyDocument": json.loads(DOCUMENT)}


def test_a_role_is_made_changed_and_deleted(call: Call) -> None:
    first = {
        "AssumeRolePolicyDocument": json.loads(TRUST),
        "Policies": [policy("one")],
        "ManagedPolicyArns": [S3_FULL],
        "MaxSessionDuration": "7200",
    }
    state = create(call, "Role", first)
    assert state.physical_id.startswith("stack-Thing-")
    assert state.attributes["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/{state.physical_id}"
    assert create(call, "Role", first) == state
    role = call.invoke("iam", "GetRole", RoleName=state.physical_id)["Role"]
    assert (role["MaxSessionDuration"], role["Tags"]) == (7200, [{"Key": "stack", "Value": "tag"}])
    second = first | {"Policies": [policy("two")], "ManagedPolicyArns": []}
    update(call, "Role", state, first, second)
    assert call.invoke("iam", "ListRolePolicies", RoleName=state.physical_id)["PolicyNames"] == ["two"]
    attached = call.invoke("iam", "ListAttachedRolePolicies", RoleName=state.physical_id)
    assert attached["AttachedPolicies"] == []
    delete(call, "Role", state, second)
    delete(call, "Role", state, second)
    assert call.invoke("iam", "ListRoles")["Roles"] == []


def test_a_role_that_cannot_be_finished_leaves_nothing(call: Call) -> None:
    broken = {
        "AssumeRolePolicyDocument": json.loads(TRUST),
        "Policies": [policy("one")],
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/NoSuchPolicy"],
    }
    with pytest.raises(ApiError, match="does not exist or is not attachable"):
        create(call, "Role", broken)
    assert call.invoke("iam", "ListRoles")["Roles"] == []


def test_a_named_role_that_is_there_is_not_taken_over(call: Call) -> None:
    properties = {"AssumeRolePolicyDocument": json.loads(TRUST), "RoleName": "Mine"}
    create(call, "Role", properties)
    with pytest.raises(ApiError, match="already exists"):
        create(call, "Role", properties)


def test_policies_of_roles_and_users(call: Call) -> None:
    role = create(call, "Role", {"AssumeRolePolicyDocument": json.loads(TRUST)})
    user = create(call, "User", {"UserName": "ana", "Policies": [policy("own")]})
    group = create(call, "Group", {"GroupName": "team"})
    members = {"GroupName": group.physical_id, "Users": [user.physical_id]}
    addition = create(call, "UserToGroupAddition", members)
    first = policy("shared") | {"Roles": [role.physical_id], "Users": ["ana"]}
    shared = create(call, "Policy", first)
    second = policy("shared") | {"Roles": [role.physical_id]}
    update(call, "Policy", shared, first, second)
    assert call.invoke("iam", "ListUserPolicies", UserName="ana")["PolicyNames"] == ["own"]
    assert call.invoke("iam", "ListRolePolicies", RoleName=role.physical_id)["PolicyNames"] == ["shared"]
    managed = {"PolicyDocument": json.loads(DOCUMENT), "Roles": [role.physical_id]}
    made = create(call, "ManagedPolicy", managed)
    changed = managed
    for number in range(6):
        after = {"PolicyDocument": json.loads(DOCUMENT) | {"Id": str(number)}, "Users": ["ana"]}
        update(call, "ManagedPolicy", made, changed, after)
        changed = after
    assert len(call.invoke("iam", "ListPolicyVersions", PolicyArn=made.physical_id)["Versions"]) == 5
    delete(call, "ManagedPolicy", made, changed)
    delete(call, "Policy", shared, second)
    profile = create(call, "InstanceProfile", {"Roles": [role.physical_id]})
    delete(call, "InstanceProfile", profile, {"Roles": [role.physical_id]})
    delete(call, "Role", role, {"AssumeRolePolicyDocument": json.loads(TRUST)})
    delete(call, "UserToGroupAddition", addition, members)
    delete(call, "Group", group, {"GroupName": "team"})
    delete(call, "User", user, {"UserName": "ana", "Policies": [policy("own")]})
    assert call.invoke("iam", "ListUsers")["Users"] == []


def test_an_access_key_keeps_its_secret(call: Call) -> None:
    create(call, "User", {"UserName": "ana"})
    properties = {"UserName": "ana", "Status": "Inactive"}
    key = create(call, "AccessKey", properties)
    again = update(call, "AccessKey", key, properties, {"UserName": "ana"})
    assert again == key
    delete(call, "AccessKey", key, {"UserName": "ana"})
    assert call.invoke("iam", "ListAccessKeys", UserName="ana")["AccessKeyMetadata"] == []


def test_a_key_and_its_alias(call: Call) -> None:
    types = all_types()
    key = types["AWS::KMS::Key"].create(call, request({"Description": "mine", "EnableKeyRotation": "true"}))
    named = {"AliasName": "alias/mine", "TargetKeyId": key.physical_id}
    alias = types["AWS::KMS::Alias"].create(call, request(named))
    types["AWS::KMS::Key"].update(call, request({"Enabled": False}, {}, key.physical_id))
    shown = call.invoke("kms", "DescribeKey", KeyId="alias/mine")["KeyMetadata"]
    assert (shown["Arn"], shown["KeyState"]) == (key.attributes["Arn"], "Disabled")
    types["AWS::KMS::Alias"].delete(call, request(named, None, alias.physical_id))
    types["AWS::KMS::Key"].delete(call, request({"PendingWindowInDays": 7}, None, key.physical_id))
    shown = call.invoke("kms", "DescribeKey", KeyId=key.physical_id)["KeyMetadata"]
    assert shown["KeyState"] == "PendingDeletion"
