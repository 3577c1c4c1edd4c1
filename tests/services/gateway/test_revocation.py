"""What was taken away counts for the next request, whatever the server keeps in memory, and with several clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique

THREADS = 4


def refusal(function: Callable[..., Any], **params: Any) -> str:
    """The error code of a call, or nothing."""
    try:
        function(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def everywhere(clients: list[Any], method: str, **params: Any) -> set[str]:
    """What all clients are answered when they ask at the same time."""
    codes: list[str] = []
    threads = [
        threading.Thread(target=lambda each=each: codes.append(refusal(getattr(each, method), **params)))
        for each in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(codes) == len(clients)
    return set(codes)


@pytest.fixture
def bucket(server: RunningServer) -> str:
    """A bucket with an object."""
    s3, name = server.client("s3"), unique("revocation")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"one")
    return name


def allow(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def test_a_users_policy_key_and_object(server: RunningServer, bucket: str) -> None:
    iam, s3, name = server.client("iam"), server.client("s3"), unique("reader")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow("s3:GetObject", "s3:ListBucket"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    secret = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    clients = [server.client("s3", **secret) for _ in range(THREADS)]
    read = {"Bucket": bucket, "Key": "k"}
    assert everywhere(clients, "get_object", **read) == {""}
    s3.put_object(**read, Body=b"two")
    assert {each.get_object(**read)["Body"].read() for each in clients} == {b"two"}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow("s3:ListBucket"))
    assert everywhere(clients, "get_object", **read) == {"AccessDenied"}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow("s3:GetObject", "s3:ListBucket"))
    assert everywhere(clients, "get_object", **read) == {""}
    s3.delete_object(**read)
    assert everywhere(clients, "get_object", **read) == {"NoSuchKey"}
    s3.delete_bucket(Bucket=bucket)
    assert everywhere(clients, "get_object", **read) == {"NoSuchBucket"}
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert everywhere(clients, "get_object", **read) == {"InvalidAccessKeyId"}


def test_a_roles_sessions(server: RunningServer, bucket: str) -> None:
    iam, name, user = server.client("iam"), unique("role"), unique("user")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow("s3:PutObject"))
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=allow("sts:AssumeRole"))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    sts = server.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def client(**session: str) -> Any:
        given = sts.assume_role(RoleArn=arn, RoleSessionName="s1", **session)["Credentials"]
        return server.client(
            "s3",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    clients = [client() for _ in range(THREADS)]
    narrow = client(Policy=allow("s3:GetObject"))
    write = {"Bucket": bucket, "Key": "new", "Body": b"x" * 1000}
    assert everywhere(clients, "put_object", **write) == {""}
    assert everywhere([narrow, *clients], "put_object", **write) == {"", "AccessDenied"}
    assert refusal(narrow.put_object, **write) == "AccessDenied"
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow("s3:GetObject"))
    assert everywhere(clients, "put_object", **write) == {"AccessDenied"}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow("s3:PutObject"))
    assert everywhere(clients, "put_object", **write) == {""}
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    assert everywhere(clients, "put_object", **write) == {"InvalidAccessKeyId"}


def test_small_objects_that_are_put_at_the_same_time_are_all_there(server: RunningServer, bucket: str) -> None:
    """Also where some of them are refused in the transaction that they share."""
    clients = [server.client("s3") for _ in range(8)]
    refused: list[str] = []

    def put(number: int) -> None:
        for round_ in range(6):
            body = f"{number} {round_}".encode()
            clients[number].put_object(Bucket=bucket, Key=f"{number}/{round_}", Body=body)
            refused.append(refusal(clients[number].put_object, Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*"))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["PreconditionFailed"] * 48
    for number in range(8):
        for round_ in range(6):
            got = clients[0].get_object(Bucket=bucket, Key=f"{number}/{round_}")["Body"].read()
            assert got == f"{number} {round_}".encode()
    assert clients[0].get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
