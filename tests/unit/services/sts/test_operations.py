"""STS: who am I, and temporary credentials."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.identity import credentials
from boatyard.identity.principals import Principal

ACCOUNT = "000000000000"


def as_user(call: Call) -> Call:
    """The root's call as a user's who may assume any role."""
    made = call.invoke("iam", "CreateUser", UserName="ana")["User"]
    statement = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=document)
    return replace(call, principal=Principal.of_user(ACCOUNT, "/", "ana", made["UserId"]))


def assume(call: Call) -> dict[str, str]:
    statement = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    call.invoke("iam", "CreateRole", RoleName="Operator", AssumeRolePolicyDocument=trust)
    asked = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/Operator", "RoleSessionName": "me"}
    with pytest.raises(ApiError, match="Roles may not be assumed by root accounts"):
        call.invoke("sts", "AssumeRole", **asked)
    answer = as_user(call).invoke("sts", "AssumeRole", **asked)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Operator/me"
    found: dict[str, str] = answer["Credentials"]
    return found


def test_the_root_is_told_who_it_is(call: Call) -> None:
    assert call.invoke("sts", "GetCallerIdentity") == {
        "UserId": ACCOUNT,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
    }


def test_assumed_credentials_stand_for_the_session(call: Call) -> None:
    given = assume(call)
    found = credentials.find(call.installation, given["AccessKeyId"])
    assert found is not None
    assert found.session_token == given["SessionToken"]
    own = replace(call, principal=found.principal)
    identity = own.invoke("sts", "GetCallerIdentity")
    assert identity["Arn"].endswith("assumed-role/Operator/me")
    assert identity["UserId"].endswith(":me")
    with pytest.raises(ApiError, match="session credentials"):
        own.invoke("sts", "GetSessionToken")


def test_tokens_of_root_and_federated_users(call: Call) -> None:
    token = call.invoke("sts", "GetSessionToken")["Credentials"]
    found = credentials.find(call.installation, token["AccessKeyId"])
    assert found is not None
    assert found.principal.is_root
    federated = call.invoke("sts", "GetFederationToken", Name="bob")
    assert federated["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/bob"


def test_an_access_keys_account_is_told(call: Call) -> None:
    given = assume(call)
    assert call.invoke("sts", "GetAccessKeyInfo", AccessKeyId=given["AccessKeyId"]) == {"Account": ACCOUNT}
    with pytest.raises(ApiError, match="invalid"):
        call.invoke("sts", "GetAccessKeyInfo", AccessKeyId="AKIA-not-a-real-key")


@pytest.mark.parametrize("name", ["a\x00b", "a/../b", "a b", "ü" * 4, "arn:aws:iam"])
def test_a_federated_users_name_is_a_part_of_its_arn_and_no_more(call: Call, name: str) -> None:
    with pytest.raises(ApiError, match="at 'name'") as refused:
        call.invoke("sts", "GetFederationToken", Name=name)
    assert refused.value.code == "ValidationError"
