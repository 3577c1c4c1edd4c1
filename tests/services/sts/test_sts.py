"""STS with a real client: assumed credentials sign, need their token, and outlive a crash."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.server import ACCOUNT, RunningServer, unique
from tests.services.iam.test_iam import TRUST


def _user(server: RunningServer) -> dict[str, str]:
    """The keys of a new user who may assume roles."""
    iam, name = server.client("iam"), unique("user")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def _assume(server: RunningServer, name: str) -> dict[str, str]:
    server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    given = server.client("sts", **_user(server)).assume_role(RoleArn=role, RoleSessionName="me", DurationSeconds=900)
    credentials = given["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def test_assumed_credentials_need_their_token(server: RunningServer) -> None:
    name = unique("role")
    keys = _assume(server, name)
    own = server.client("sts", **keys)
    assert own.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/me"
    forged = server.client("sts", **{**keys, "aws_session_token": "forged"})
    with pytest.raises(ClientError) as refused:
        forged.get_caller_identity()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    del keys["aws_session_token"]
    with pytest.raises(ClientError) as refused:
        server.client("sts", **keys).get_caller_identity()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_assumed_credentials_outlive_a_crash(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    keys = _assume(server, "Worker")
    server.kill()
    server.start()
    arn = server.client("sts", **keys).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/me"


def test_a_role_that_does_not_trust_the_caller_is_refused(server: RunningServer) -> None:
    name = unique("role")
    trust = json.dumps(TRUST).replace(ACCOUNT, "111111111111")
    server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError, match="Roles may not be assumed by root accounts"):
        server.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="me")
    sts = server.client("sts", **_user(server))
    with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole") as refused:
        sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="me")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
