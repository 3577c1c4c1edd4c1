"""Keys whose time is over: of users and roles that were deleted, made inactive, of sessions with another's token."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique

CALLS = {"s3": "list_buckets", "logs": "describe_log_groups", "sts": "get_caller_identity", "lambda": "list_functions"}
NO_SUCH_KEY = {
    "s3": ("InvalidAccessKeyId", 403),
    "logs": ("UnrecognizedClientException", 400),
    "sts": ("InvalidClientTokenId", 403),
    "lambda": ("UnrecognizedClientException", 403),
}
BAD_TOKEN = NO_SUCH_KEY | {"s3": ("InvalidToken", 400)}


def _keys(credentials: Any) -> dict[str, str]:
    """boto3's arguments for an access key or for temporary credentials."""
    keys = {"aws_access_key_id": credentials["AccessKeyId"], "aws_secret_access_key": credentials["SecretAccessKey"]}
    return keys | ({"aws_session_token": credentials["SessionToken"]} if "SessionToken" in credentials else {})


def _user(server: RunningServer) -> tuple[str, dict[str, str]]:
    iam, name = server.client("iam"), unique("user")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(document))
    return name, _keys(iam.create_access_key(UserName=name)["AccessKey"])


def _assert_all(server: RunningServer, keys: dict[str, str], expected: dict[str, tuple[str, int]]) -> None:
    for service, method in CALLS.items():
        with pytest.raises(ClientError) as refused:
            getattr(server.client(service, **keys), method)()
        response = refused.value.response
        told = (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"])
        assert told == expected[service], service


def _assert_works(server: RunningServer, keys: dict[str, str]) -> None:
    for service, method in CALLS.items():
        getattr(server.client(service, **keys), method)()


def test_a_key_that_was_made_inactive_and_deleted(server: RunningServer) -> None:
    name, keys = _user(server)
    key = {"UserName": name, "AccessKeyId": keys["aws_access_key_id"]}
    _assert_works(server, keys)
    server.client("iam").update_access_key(**key, Status="Inactive")
    _assert_all(server, keys, NO_SUCH_KEY)
    server.client("iam").update_access_key(**key, Status="Active")
    _assert_works(server, keys)
    server.client("iam").delete_access_key(**key)
    _assert_all(server, keys, NO_SUCH_KEY)


def test_the_session_of_a_user_that_was_deleted(server: RunningServer) -> None:
    iam = server.client("iam")
    name, keys = _user(server)
    session = _keys(server.client("sts", **keys).get_session_token()["Credentials"])
    server.client("sts", **session).get_caller_identity()
    iam.delete_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"])
    iam.delete_user_policy(UserName=name, PolicyName="all")
    iam.delete_user(UserName=name)
    _assert_all(server, session, NO_SUCH_KEY)
    # Another user of that name is another user.
    iam.create_user(UserName=name)
    _assert_all(server, session, NO_SUCH_KEY)


def test_the_session_of_a_role_that_was_deleted(server: RunningServer) -> None:
    iam, name = server.client("iam"), unique("role")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    _, keys = _user(server)
    assumed = server.client("sts", **keys).assume_role(RoleArn=arn, RoleSessionName="session")
    session = _keys(assumed["Credentials"])
    server.client("sts", **session).get_caller_identity()
    iam.delete_role(RoleName=name)
    _assert_all(server, session, NO_SUCH_KEY)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    _assert_all(server, session, NO_SUCH_KEY)


def test_tokens_of_other_sessions_and_no_token(server: RunningServer) -> None:
    _, keys = _user(server)
    sts = server.client("sts", **keys)
    first, second = (_keys(sts.get_session_token()["Credentials"]) for _ in range(2))
    _assert_all(server, first | {"aws_session_token": second["aws_session_token"]}, BAD_TOKEN)
    _assert_all(server, {name: first[name] for name in keys}, BAD_TOKEN)
    _assert_all(server, keys | {"aws_session_token": second["aws_session_token"]}, BAD_TOKEN)
    _assert_all(server, first | {"aws_session_token": first["aws_session_token"][:-1]}, BAD_TOKEN)


def test_a_session_that_has_ended(server: RunningServer) -> None:
    """AWS's shortest session lasts 15 minutes: this one's end is put into the past where it is kept."""
    session = _keys(server.client("sts").get_session_token()["Credentials"])
    _assert_works(server, session)
    statement = "UPDATE identity_temporary_credentials SET record = json_set(record, '$.expires', ?) WHERE id = ?"
    with closing(sqlite3.connect(server.data_directory / "state.db", timeout=120)) as database, database:
        database.execute(statement, ("2020-01-01T00:00:00Z", session["aws_access_key_id"]))
    # The server keeps what it has read until it writes to the same table: nobody else is to write there.
    server.client("sts").get_session_token()
    ended = {
        "s3": ("ExpiredToken", 400),
        "logs": ("ExpiredTokenException", 400),
        "sts": ("ExpiredToken", 403),
        "lambda": ("ExpiredTokenException", 403),
    }
    _assert_all(server, session, ended)
