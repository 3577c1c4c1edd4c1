"""IAM roles, their policies and the conflicts of deleting them."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError

ACCOUNT = "000000000000"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
S3_FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"


def create(call: Call, name: str = "Worker", **more: object) -> None:
    call.invoke("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST, **more)


def refused(call: Call, operation: str, **params: object) -> ApiError:
    with pytest.raises(ApiError) as error:
        call.invoke("iam", operation, **params)
    return error.value


def test_a_role_is_told_as_it_was_made(call: Call) -> None:
    create(call, Path="/service-role/", Description="works", Tags=[{"Key": "team", "Value": "a"}])
    role = call.invoke("iam", "GetRole", RoleName="Worker")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/service-role/Worker"
    assert role["RoleId"].startswith("AROA")
    assert json.loads(unquote(role["AssumeRolePolicyDocument"])) == json.loads(TRUST)
    assert role["Tags"] == [{"Key": "team", "Value": "a"}]
    assert role["MaxSessionDuration"] == 3600
    listed = call.invoke("iam", "ListRoles", PathPrefix="/service-role/")
    assert [item["RoleName"] for item in listed["Roles"]] == ["Worker"]
    assert call.invoke("iam", "ListRoles", PathPrefix="/other/")["Roles"] == []


def test_names_are_taken_whatever_their_case(call: Call) -> None:
    create(call)
    error = refused(call, "CreateRole", RoleName="WORKER", AssumeRolePolicyDocument=TRUST)
    assert (error.code, error.message) == ("EntityAlreadyExists", "Role with name WORKER already exists.")


def test_bad_names_paths_and_documents_are_refused(call: Call) -> None:
    assert "roleName is invalid" in refused(call, "CreateRole", RoleName="a b", AssumeRolePolicyDocument=TRUST).message
    bad_path = refused(call, "CreateRole", RoleName="a", Path="x", AssumeRolePolicyDocument=TRUST)
    assert "path is invalid" in bad_path.message
    assert refused(call, "CreateRole", RoleName="a", AssumeRolePolicyDocument="{}").code == "MalformedPolicyDocument"
    missing = TRUST.replace('"Service": "lambda.amazonaws.com"', f'"AWS": "arn:aws:iam::{ACCOUNT}:role/none"')
    assert (
        "Invalid principal in policy"
        in refused(call, "CreateRole", RoleName="a", AssumeRolePolicyDocument=missing).message
    )
    assert refused(call, "GetRole", RoleName="a").message == "The role with name a cannot be found."


def test_inline_policies(call: Call) -> None:
    create(call)
    call.invoke("iam", "PutRolePolicy", RoleName="Worker", PolicyName="p", PolicyDocument=DOCUMENT)
    got = call.invoke("iam", "GetRolePolicy", RoleName="Worker", PolicyName="p")
    assert unquote(got["PolicyDocument"]) == DOCUMENT
    assert call.invoke("iam", "ListRolePolicies", RoleName="Worker")["PolicyNames"] == ["p"]
    assert refused(call, "DeleteRole", RoleName="Worker").message == (
        "Cannot delete entity, must delete policies first."
    )
    call.invoke("iam", "DeleteRolePolicy", RoleName="Worker", PolicyName="p")
    assert (
        "The role policy with name p cannot be found."
        in refused(call, "GetRolePolicy", RoleName="Worker", PolicyName="p").message
    )
    large = json.dumps({"Version": "2012-10-17", "Id": "x" * 10300, "Statement": json.loads(DOCUMENT)["Statement"]})
    assert (
        refused(call, "PutRolePolicy", RoleName="Worker", PolicyName="p", PolicyDocument=large).code == "LimitExceeded"
    )


def test_managed_policies_of_aws_are_attached(call: Call) -> None:
    create(call)
    call.invoke("iam", "AttachRolePolicy", RoleName="Worker", PolicyArn=S3_FULL)
    call.invoke("iam", "AttachRolePolicy", RoleName="Worker", PolicyArn=S3_FULL)
    attached = call.invoke("iam", "ListAttachedRolePolicies", RoleName="Worker")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonS3FullAccess", "PolicyArn": S3_FULL}]
    entities = call.invoke("iam", "ListEntitiesForPolicy", PolicyArn=S3_FULL)
    assert [item["RoleName"] for item in entities["PolicyRoles"]] == ["Worker"]
    assert call.invoke("iam", "GetPolicy", PolicyArn=S3_FULL)["Policy"]["AttachmentCount"] == 1
    conflict = refused(call, "DeleteRole", RoleName="Worker")
    assert (conflict.code, conflict.status) == ("DeleteConflict", 409)
    call.invoke("iam", "DetachRolePolicy", RoleName="Worker", PolicyArn=S3_FULL)
    call.invoke("iam", "DeleteRole", RoleName="Worker")
    create(call)
    unknown = "arn:aws:iam::aws:policy/NoSuchPolicy"
    assert refused(call, "AttachRolePolicy", RoleName="Worker", PolicyArn=unknown).message == (
        f"Policy {unknown} does not exist or is not attachable."
    )


def test_a_customers_policy_has_versions(call: Call) -> None:
    made = call.invoke("iam", "CreatePolicy", PolicyName="Own", PolicyDocument=DOCUMENT, Description="mine")
    arn = made["Policy"]["Arn"]
    assert refused(call, "CreatePolicy", PolicyName="own", PolicyDocument=DOCUMENT).code == "EntityAlreadyExists"
    for _ in range(4):
        call.invoke("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DOCUMENT, SetAsDefault=True)
    assert "up to 5 versions" in refused(call, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DOCUMENT).message
    assert call.invoke("iam", "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v5"
    assert refused(call, "DeletePolicyVersion", PolicyArn=arn, VersionId="v5").code == "DeleteConflict"
    assert "more than one version" in refused(call, "DeletePolicy", PolicyArn=arn).message
    for number in range(1, 5):
        call.invoke("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=f"v{number}")
    create(call, PermissionsBoundary=arn)
    assert refused(call, "DeletePolicy", PolicyArn=arn).message == "Cannot delete a policy attached to entities."
    call.invoke("iam", "DeleteRolePermissionsBoundary", RoleName="Worker")
    call.invoke("iam", "DeletePolicy", PolicyArn=arn)
    assert refused(call, "GetPolicy", PolicyArn=arn).code == "NoSuchEntity"


def test_instance_profiles_hold_one_role(call: Call) -> None:
    create(call)
    call.invoke("iam", "CreateInstanceProfile", InstanceProfileName="P")
    call.invoke("iam", "AddRoleToInstanceProfile", InstanceProfileName="P", RoleName="Worker")
    profile = call.invoke("iam", "GetInstanceProfile", InstanceProfileName="P")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["Worker"]
    assert "instance profile first" in refused(call, "DeleteRole", RoleName="Worker").message
    call.invoke("iam", "RemoveRoleFromInstanceProfile", InstanceProfileName="P", RoleName="Worker")
    call.invoke("iam", "DeleteInstanceProfile", InstanceProfileName="P")
    call.invoke("iam", "DeleteRole", RoleName="Worker")


def test_service_linked_roles_are_protected(call: Call) -> None:
    made = call.invoke("iam", "CreateServiceLinkedRole", AWSServiceName="sagemaker.amazonaws.com")["Role"]
    assert refused(call, "DeleteRole", RoleName=made["RoleName"]).code == "UnmodifiableEntity"
    task = call.invoke("iam", "DeleteServiceLinkedRole", RoleName=made["RoleName"])["DeletionTaskId"]
    status = call.invoke("iam", "GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    assert status["Status"] == "SUCCEEDED"


def test_lists_come_in_pages(call: Call) -> None:
    for number in range(5):
        create(call, f"Worker{number}")
    names: list[str] = []
    marker = None
    while True:
        answer = call.invoke("iam", "ListRoles", MaxItems=2, Marker=marker)
        names += [role["RoleName"] for role in answer["Roles"]]
        marker = answer.get("Marker")
        assert answer["IsTruncated"] is (marker is not None)
        if marker is None:
            break
    assert names == [f"Worker{number}" for number in range(5)]


def test_the_simulator_judges_a_role(call: Call) -> None:
    create(call)
    call.invoke("iam", "PutRolePolicy", RoleName="Worker", PolicyName="p", PolicyDocument=DOCUMENT)
    answer = call.invoke(
        "iam",
        "SimulatePrincipalPolicy",
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/Worker",
        ActionNames=["s3:GetObject", "iam:GetRole"],
    )
    decisions = [row["EvalDecision"] for row in answer["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny"]
