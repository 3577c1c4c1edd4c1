"""Enforcement: with it on, callers may do what their policies say, in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.identity.principals import Principal
from boatyard.identity.records import Role, User
from boatyard.identity.sessions import assume_role
from boatyard.settings import Settings
from tests.unit.identity.conftest import ACCOUNT, trust

PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same settings, with policies enforced."""
    return settings.model_copy(update={"authorization": "enforce"})


@pytest.fixture
def installation(settings: Settings) -> Iterator[Installation]:
    """An installation that enforces policies."""
    opened = Installation(settings)
    yield opened
    opened.close()


def allow(*actions: str, resource: str | list[str] = "*", **more: Any) -> dict[str, str]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
    return {"p": json.dumps({"Version": "2012-10-17", "Statement": statement})}


def as_user(call: Call, user: User) -> Call:
    return replace(call, principal=Principal.of_user(ACCOUNT, user.path, user.name, user.id))


def put(call: Call, name: str) -> None:
    call.invoke("ssm", "PutParameter", Name=name, Value="v", Type="String")


def test_root_may_and_a_user_without_policies_may_not(call: Call, make_user: Callable[..., User]) -> None:
    put(call, "/a/b")
    ana = as_user(call, make_user("ana"))
    assert ana.invoke("sts", "GetCallerIdentity")["Arn"].endswith("user/ana")
    with pytest.raises(ApiError) as denied:
        ana.invoke("ssm", "GetParameter", Name="/a/b")
    assert (denied.value.code, denied.value.status) == ("AccessDeniedException", 400)
    assert denied.value.message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: ssm:GetParameter on resource:"
        f" {PARAMETER}/a/b because no identity-based policy allows the ssm:GetParameter action"
    )


def test_a_user_may_what_its_policies_and_groups_say(call: Call, make_user: Callable[..., User]) -> None:
    put(call, "/a/b")
    put(call, "/c")
    call.invoke("iam", "CreateGroup", GroupName="Readers")
    document = allow("ssm:GetParameter", resource=f"{PARAMETER}/c")["p"]
    call.invoke("iam", "PutGroupPolicy", GroupName="Readers", PolicyName="p", PolicyDocument=document)
    ana = as_user(call, make_user("ana", inline=allow("ssm:Get*", resource=f"{PARAMETER}/a/*"), groups=["Readers"]))
    assert ana.invoke("ssm", "GetParameter", Name="/a/b")["Parameter"]["Value"] == "v"
    assert ana.invoke("ssm", "GetParameter", Name="/c")["Parameter"]["Value"] == "v"
    with pytest.raises(ApiError, match="ssm:PutParameter"):
        put(ana, "/a/c")


def test_a_session_policy_and_a_boundary_narrow_a_role(call: Call, make_role: Callable[..., Role]) -> None:
    put(call, "/a")
    boundary = call.invoke(
        "iam", "CreatePolicy", PolicyName="Edge", PolicyDocument=allow("ssm:Get*", "ssm:PutParameter")["p"]
    )["Policy"]["Arn"]
    role = make_role("R", trust({"AWS": ACCOUNT}), inline=allow("ssm:*"), boundary=boundary)
    whole = assume_role(call.installation, call.principal, role.arn, "one")
    narrow = assume_role(call.installation, call.principal, role.arn, "two", policy=allow("ssm:GetParameter")["p"])
    put(replace(call, principal=whole), "/b")
    with pytest.raises(ApiError, match="because no permissions boundary allows the ssm:DeleteParameter action"):
        replace(call, principal=whole).invoke("ssm", "DeleteParameter", Name="/a")
    replace(call, principal=narrow).invoke("ssm", "GetParameter", Name="/a")
    with pytest.raises(ApiError, match="because no session policy allows the ssm:PutParameter action"):
        put(replace(call, principal=narrow), "/c")


def test_a_key_policy_must_let_the_account_or_the_caller(call: Call, make_user: Callable[..., User]) -> None:
    ana = as_user(call, make_user("ana", inline=allow("kms:*")))
    bob = as_user(call, make_user("bob"))
    key = call.invoke("kms", "CreateKey")["KeyMetadata"]["KeyId"]
    blob = ana.invoke("kms", "Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(ApiError, match="kms:Decrypt"):
        bob.invoke("kms", "Decrypt", CiphertextBlob=blob)
    call.invoke("kms", "CreateGrant", KeyId=key, GranteePrincipal=bob.principal.arn, Operations=["Decrypt"])
    assert bob.invoke("kms", "Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"
    statement = {"Effect": "Allow", "Principal": {"AWS": bob.principal.arn}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    call.invoke("kms", "PutKeyPolicy", KeyId=key, Policy=policy, BypassPolicyLockoutSafetyCheck=True)
    with pytest.raises(ApiError, match="because no resource-based policy allows the kms:Decrypt action"):
        ana.invoke("kms", "Decrypt", CiphertextBlob=blob)


def test_a_role_is_assumed_with_the_trust_and_the_permission(
    call: Call, make_user: Callable[..., User], make_role: Callable[..., Role]
) -> None:
    role = make_role("R", trust({"AWS": ACCOUNT}))
    params = {"RoleArn": role.arn, "RoleSessionName": "one"}
    ana = as_user(call, make_user("ana", inline=allow("sts:AssumeRole", resource=role.arn)))
    assert ana.invoke("sts", "AssumeRole", **params)["AssumedRoleUser"]["Arn"].endswith("/R/one")
    with pytest.raises(ApiError, match="not authorized to perform: sts:AssumeRole"):
        as_user(call, make_user("bob")).invoke("sts", "AssumeRole", **params)


def test_a_deleted_roles_session_may_nothing(call: Call, make_role: Callable[..., Role]) -> None:
    put(call, "/a")
    role = make_role("R", trust({"AWS": ACCOUNT}), inline=allow("*"))
    gone = replace(call, principal=assume_role(call.installation, call.principal, role.arn, "one"))
    gone.invoke("ssm", "GetParameter", Name="/a")
    with call.installation.database.transaction() as tx:
        tx.execute("DELETE FROM identity_roles")
    make_role("R", trust({"AWS": ACCOUNT}), inline=allow("*"))
    with pytest.raises(ApiError, match="no identity-based policy"):
        gone.invoke("ssm", "GetParameter", Name="/a")


def test_conditions_on_tags_are_asked(call: Call, make_user: Callable[..., User]) -> None:
    inline = allow("kms:CreateKey", "kms:TagResource", Condition={"StringEquals": {"aws:RequestTag/team": "a"}})
    ana = as_user(call, make_user("ana", inline=inline))
    with pytest.raises(ApiError, match="kms:CreateKey"):
        ana.invoke("kms", "CreateKey")
    ana.invoke("kms", "CreateKey", Tags=[{"TagKey": "team", "TagValue": "a"}])


def test_a_bucket_policy_opens_a_bucket_to_everybody(call: Call, make_user: Callable[..., User]) -> None:
    s3 = call.client("s3")
    s3.create_bucket(Bucket="open-bucket")
    s3.put_object(Bucket="open-bucket", Key="k", Body=b"x")
    nobody = replace(call, principal=Principal.anonymous(ACCOUNT))
    ana = as_user(call, make_user("ana", inline=allow("s3:*")))
    with pytest.raises(ApiError) as denied:
        nobody.invoke("s3", "GetObject", Bucket="open-bucket", Key="k")
    assert (denied.value.code, denied.value.status) == ("AccessDenied", 403)
    objects = "arn:aws:s3:::open-bucket/*"
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": objects},
        {"Effect": "Deny", "Principal": {"AWS": ana.principal.arn}, "Action": "s3:PutObject", "Resource": objects},
    ]
    s3.delete_public_access_block(Bucket="open-bucket")
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    s3.put_bucket_policy(Bucket="open-bucket", Policy=policy)
    assert nobody.invoke("s3", "GetObject", Bucket="open-bucket", Key="k")["ContentLength"] == 1
    with pytest.raises(ApiError, match="with an explicit deny in a resource-based policy"):
        ana.invoke("s3", "PutObject", Bucket="open-bucket", Key="k", Body=b"y")
    with pytest.raises(ApiError):
        nobody.invoke("s3", "PutObject", Bucket="open-bucket", Key="k", Body=b"y")


def test_a_service_needs_a_topics_policy(call: Call) -> None:
    topic = call.invoke("sns", "CreateTopic", Name="t")["TopicArn"]
    events = call.as_service("events.amazonaws.com")
    with pytest.raises(ApiError) as denied:
        events.invoke("sns", "Publish", TopicArn=topic, Message="m")
    assert denied.value.code == "AuthorizationError"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    call.invoke("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    events.invoke("sns", "Publish", TopicArn=topic, Message="m")
