"""Denials: each reason in AWS's words, with the code and status of the service's protocol, and no more than that."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.identity.enforcement import access_denied
from boatyard.identity.principals import Principal
from boatyard.identity.records import Role, User
from boatyard.identity.sessions import assume_role
from boatyard.services import PACKAGES
from boatyard.settings import Settings
from tests.unit.identity.conftest import ACCOUNT, trust

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
NOT_S3 = {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same settings, with policies enforced."""
    return settings.model_copy(update={"authorization": "enforce"})


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    ("own", "boundary", "session", "bucket", "because"),
    [
        (NOT_S3, None, None, None, "because no identity-based policy allows the s3:GetObject action"),
        (ALL, NOT_S3, None, None, "because no permissions boundary allows the s3:GetObject action"),
        (ALL, None, NOT_S3, None, "because no session policy allows the s3:GetObject action"),
        (DENY, None, None, None, "with an explicit deny in an identity-based policy"),
        (ALL, DENY, None, None, "with an explicit deny in a permissions boundary"),
        (ALL, None, DENY, None, "with an explicit deny in a session policy"),
        (ALL, ALL, ALL, DENY, "with an explicit deny in a resource-based policy"),
    ],
)
def test_every_reason(
    call: Call, make_role: Callable[..., Role], own: Any, boundary: Any, session: Any, bucket: Any, because: str
) -> None:
    edge = None
    if boundary:
        asked = {"PolicyName": "edge", "PolicyDocument": document(boundary)}
        edge = call.invoke("iam", "CreatePolicy", **asked)["Policy"]["Arn"]
    role = make_role("R", trust({"AWS": ACCOUNT}), inline={"p": document(own)}, boundary=edge)
    policy = document(session) if session else None
    worker = replace(call, principal=assume_role(call.installation, call.principal, role.arn, "me", policy=policy))
    call.invoke("s3", "CreateBucket", Bucket="box")
    if bucket:
        statement = bucket | {"Principal": "*", "Resource": "arn:aws:s3:::box/*"}
        call.invoke("s3", "PutBucketPolicy", Bucket="box", Policy=document(statement))
    with pytest.raises(ApiError) as denied:
        worker.invoke("s3", "GetObject", Bucket="box", Key="k")
    assert (denied.value.code, denied.value.status) == ("AccessDenied", 403)
    assert denied.value.message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/R/me is not authorized to perform: s3:GetObject on resource:"
        f' "arn:aws:s3:::box/k" {because}'
    )


def test_whoever_signs_nothing_is_told_nothing(call: Call) -> None:
    call.invoke("s3", "CreateBucket", Bucket="box")
    nobody = replace(call, principal=Principal.anonymous(ACCOUNT))
    for key in ("k", "none"):
        with pytest.raises(ApiError) as denied:
            nobody.invoke("s3", "GetObject", Bucket="box", Key=key)
        assert (denied.value.code, denied.value.message) == ("AccessDenied", "Access Denied")


def test_a_ciphertext_does_not_tell_its_key(call: Call, make_user: Callable[..., User]) -> None:
    made = make_user("ana")
    ana = replace(call, principal=Principal.of_user(ACCOUNT, "/", "ana", made.id))
    key = call.invoke("kms", "CreateKey")["KeyMetadata"]["Arn"]
    blob = call.invoke("kms", "Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(ApiError, match="on the resource associated with this ciphertext because no") as denied:
        ana.invoke("kms", "Decrypt", CiphertextBlob=blob)
    assert key not in denied.value.message
    with pytest.raises(ApiError, match=f"on resource: {key} because"):
        ana.invoke("kms", "Decrypt", CiphertextBlob=blob, KeyId=key)


def test_a_key_without_a_word_for_the_caller(call: Call, make_user: Callable[..., User]) -> None:
    made = make_user("ana", inline={"p": document(ALL)})
    ana = replace(call, principal=Principal.of_user(ACCOUNT, "/", "ana", made.id))
    own = ALL | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/other"}}
    make_user("other")
    key = call.invoke("kms", "CreateKey", Policy=document(own), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]
    with pytest.raises(ApiError, match="because no resource-based policy allows the kms:DescribeKey action"):
        ana.invoke("kms", "DescribeKey", KeyId=key["KeyId"])


CODES = {
    **dict.fromkeys(("s3", "iam", "sts", "cloudformation", "cloudwatch"), ("AccessDenied", 403)),
    **dict.fromkeys(("lambda", "sagemaker-runtime"), ("AccessDeniedException", 403)),
    "sns": ("AuthorizationError", 403),
}
"""The others speak JSON, where AWS answers AccessDeniedException with the status 400."""


@pytest.mark.parametrize("service", PACKAGES)
def test_codes_of_services(service: str) -> None:
    error = access_denied(service, "no")
    assert (error.code, error.status) == CODES.get(service, ("AccessDeniedException", 400))


def test_sns_writes_its_name_large(call: Call, make_user: Callable[..., User]) -> None:
    made = make_user("ana")
    ana = replace(call, principal=Principal.of_user(ACCOUNT, "/", "ana", made.id))
    with pytest.raises(ApiError) as denied:
        ana.invoke("sns", "ListTopics")
    assert denied.value.message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: SNS:ListTopics on resource: *"
        " because no identity-based policy allows the SNS:ListTopics action"
    )
