"""What is kept in memory of identities: a change that was acknowledged counts for the next request."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.identity import credentials
from boatyard.identity.credentials import Credential
from boatyard.identity.principals import Principal
from boatyard.identity.sessions import assume_role
from boatyard.settings import Settings
from tests.unit.identity.conftest import ACCOUNT, trust

ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}}
)
NOTHING = ALLOW.replace("GetParameter", "PutParameter")
TAGGED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
        },
    }
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same settings, with policies enforced."""
    return settings.model_copy(update={"authorization": "enforce"})


@pytest.fixture
def parameter(call: Call) -> str:
    """A parameter that is asked for."""
    call.invoke("ssm", "PutParameter", Name="/p", Value="v", Type="String")
    return "/p"


def may(call: Call, principal: Principal) -> bool:
    try:
        replace(call, principal=principal).invoke("ssm", "GetParameter", Name="/p")
    except ApiError as error:
        return error.code != "AccessDeniedException"
    return True


def user(call: Call, name: str = "ana") -> Principal:
    made = call.invoke("iam", "CreateUser", UserName=name)["User"]
    return Principal.of_user(ACCOUNT, "/", name, made["UserId"])


def key_of(call: Call, name: str) -> str:
    return str(call.invoke("iam", "CreateAccessKey", UserName=name)["AccessKey"]["AccessKeyId"])


def found(call: Call, key: str) -> Credential | None:
    return credentials.find(call.installation, key)


def session_of(call: Call, **more: Any) -> Principal:
    arn = f"arn:aws:iam::{ACCOUNT}:role/worker"
    return assume_role(call.installation, Principal.of_service("lambda.amazonaws.com", ACCOUNT), arn, "s1", **more)


@pytest.fixture
def role(call: Call) -> str:
    """A role that Lambda may assume, and that may read parameters."""
    document = trust({"Service": "lambda.amazonaws.com"})
    call.invoke("iam", "CreateRole", RoleName="worker", AssumeRolePolicyDocument=document)
    call.invoke("iam", "PutRolePolicy", RoleName="worker", PolicyName="p", PolicyDocument=ALLOW)
    return "worker"


@pytest.mark.usefixtures("parameter")
def test_an_inline_policy_that_is_put_changed_and_deleted(call: Call) -> None:
    ana = user(call)
    assert not may(call, ana)
    call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=ALLOW)
    assert may(call, ana)
    assert may(call, ana)
    call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=NOTHING)
    assert not may(call, ana)
    call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=ALLOW)
    assert may(call, ana)
    call.invoke("iam", "DeleteUserPolicy", UserName="ana", PolicyName="p")
    assert not may(call, ana)


@pytest.mark.usefixtures("parameter")
def test_a_managed_policys_version_and_a_groups_membership(call: Call) -> None:
    ana = user(call)
    arn = call.invoke("iam", "CreatePolicy", PolicyName="m", PolicyDocument=ALLOW)["Policy"]["Arn"]
    call.invoke("iam", "CreateGroup", GroupName="g")
    call.invoke("iam", "AttachGroupPolicy", GroupName="g", PolicyArn=arn)
    assert not may(call, ana)
    call.invoke("iam", "AddUserToGroup", GroupName="g", UserName="ana")
    assert may(call, ana)
    call.invoke("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=NOTHING, SetAsDefault=True)
    assert not may(call, ana)
    call.invoke("iam", "SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
    assert may(call, ana)
    call.invoke("iam", "PutUserPermissionsBoundary", UserName="ana", PermissionsBoundary=arn)
    assert may(call, ana)
    call.invoke("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=NOTHING, SetAsDefault=True)
    assert not may(call, ana)
    call.invoke("iam", "SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
    call.invoke("iam", "RemoveUserFromGroup", GroupName="g", UserName="ana")
    assert not may(call, ana)


@pytest.mark.usefixtures("parameter")
def test_a_tag_that_a_condition_asks_for(call: Call) -> None:
    ana = user(call)
    call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=TAGGED)
    assert not may(call, ana)
    call.invoke("iam", "TagUser", UserName="ana", Tags=[{"Key": "team", "Value": "blue"}])
    assert may(call, ana)
    call.invoke("iam", "UntagUser", UserName="ana", TagKeys=["team"])
    assert not may(call, ana)


def test_a_key_that_is_made_inactive_active_and_deleted(call: Call) -> None:
    user(call)
    key = key_of(call, "ana")
    assert found(call, key) is not None
    call.invoke("iam", "UpdateAccessKey", UserName="ana", AccessKeyId=key, Status="Inactive")
    assert found(call, key) is None
    call.invoke("iam", "UpdateAccessKey", UserName="ana", AccessKeyId=key, Status="Active")
    assert found(call, key) is not None
    call.invoke("iam", "DeleteAccessKey", UserName="ana", AccessKeyId=key)
    assert found(call, key) is None


@pytest.mark.usefixtures("parameter", "role")
def test_sessions_of_one_role_have_each_their_own_policy_and_end_with_it(call: Call) -> None:
    wide, narrow = session_of(call), session_of(call, policy=NOTHING)
    assert may(call, wide)
    assert not may(call, narrow)
    assert may(call, wide)
    key = credentials.issue(call.installation, wide, now() + timedelta(hours=1)).access_key_id
    assert found(call, key) is not None
    call.invoke("iam", "DeleteRolePolicy", RoleName="worker", PolicyName="p")
    assert not may(call, wide)
    call.invoke("iam", "DeleteRole", RoleName="worker")
    assert found(call, key) is None
    document = trust({"Service": "lambda.amazonaws.com"})
    call.invoke("iam", "CreateRole", RoleName="worker", AssumeRolePolicyDocument=document)
    call.invoke("iam", "PutRolePolicy", RoleName="worker", PolicyName="p", PolicyDocument=ALLOW)
    assert not may(call, wide), "the session of a role that is gone must not have what its successor may"
    assert found(call, key) is None


def test_a_user_that_is_made_anew_under_its_name_is_another(call: Call, installation: Installation) -> None:
    first = user(call)
    key = key_of(call, "ana")
    assert found(call, key) is not None
    installation.reset()
    assert found(call, key) is None
    user(call)
    assert found(call, key) is None
    assert first.user_id != ""


@pytest.mark.usefixtures("parameter")
def test_several_threads_see_what_was_acknowledged(call: Call) -> None:
    """`allowed` says what the last acknowledged change made of it, with a moment of neither while it is made."""
    ana = user(call)
    allowed: list[bool | None] = [False]
    turns = [0]
    wrong: list[tuple[bool, bool]] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            turn = turns[0]  # first: what was allowed in it is not changed before the turn is
            before = allowed[0]
            seen = may(call, ana)
            if before is not None and turns[0] == turn and seen is not before:
                wrong.append((before, seen))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(30):
        allowed[0] = None
        turns[0] += 1
        document = ALLOW if turn % 2 == 0 else NOTHING
        call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=document)
        allowed[0] = turn % 2 == 0
    ended.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def statement(effect: str, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "*", **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def reads(call: Call, principal: Principal, **more: Any) -> bool:
    try:
        replace(call, principal=principal, **more).invoke("s3", "GetObject", Bucket="harbour", Key="k")
    except ApiError as error:
        return error.code != "AccessDenied"
    return True


@pytest.fixture
def bucket(call: Call) -> str:
    """A bucket with an object."""
    call.invoke("s3", "CreateBucket", Bucket="harbour")
    call.invoke("s3", "DeletePublicAccessBlock", Bucket="harbour")
    call.invoke("s3", "PutObject", Bucket="harbour", Key="k", Body=b"b")
    return "harbour"


def test_a_bucket_policy_that_is_put_and_deleted(call: Call, bucket: str) -> None:
    ana = user(call)
    call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=document(statement("Allow")))
    here = {"Principal": "*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    for _ in range(2):
        assert [reads(call, ana) for _ in range(3)] == [True] * 3
        call.invoke("s3", "PutBucketPolicy", Bucket=bucket, Policy=document(statement("Deny", **here)))
        assert [reads(call, ana) for _ in range(3)] == [False] * 3
        call.invoke("s3", "DeleteBucketPolicy", Bucket=bucket)
    call.invoke("iam", "DeleteUserPolicy", UserName="ana", PolicyName="p")
    assert not reads(call, ana)
    call.invoke("s3", "PutBucketPolicy", Bucket=bucket, Policy=document(statement("Allow", **here)))
    assert [reads(call, ana) for _ in range(3)] == [True] * 3
    call.invoke("s3", "DeleteBucketPolicy", Bucket=bucket)
    assert not reads(call, ana)


@pytest.mark.usefixtures("bucket")
def test_a_verdict_that_hangs_on_the_request_is_not_kept(call: Call) -> None:
    """Neither where the condition allows nor where it denies, and not for a session by what another one may."""
    ana = user(call)
    near = {"Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
    far = {"Condition": {"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}
    for wanted in (document(statement("Allow", **near)), document(statement("Allow"), statement("Deny", **far))):
        call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=wanted)
        for _ in range(2):
            assert reads(call, ana, source_ip="127.0.0.1")
            assert not reads(call, ana, source_ip="10.0.0.1")


@pytest.mark.usefixtures("role")
def test_a_bucket_policy_that_names_one_session(call: Call, bucket: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/worker"
    first, second = (
        assume_role(call.installation, Principal.of_service("lambda.amazonaws.com", ACCOUNT), arn, name)
        for name in ("first", "second")
    )
    only = {"Principal": {"AWS": first.arn}, "Resource": f"arn:aws:s3:::{bucket}/*"}
    call.invoke("s3", "PutBucketPolicy", Bucket=bucket, Policy=document(statement("Allow", **only)))
    for _ in range(2):
        assert reads(call, first)
        assert not reads(call, second)
