"""Policies enforced by a real server: a user gets what its policies say, and AWS's denial in every protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import ACCOUNT, RunningServer


def test_a_user_is_held_to_its_policies(scratch: Callable[..., RunningServer]) -> None:
    server = scratch(authorization="enforce")
    iam = server.client("iam")
    iam.create_user(UserName="ana")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::box/open/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="ana", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    root = server.client("s3")
    root.create_bucket(Bucket="box")
    for name in ("open/x", "shut/x"):
        root.put_object(Bucket="box", Key=name, Body=name.encode())
    own = server.client("s3", **keys)
    assert own.get_object(Bucket="box", Key="open/x")["Body"].read() == b"open/x"

    def denied(service: str, operation: str, **params: Any) -> tuple[str, int, str]:
        with pytest.raises(ClientError) as refused:
            getattr(server.client(service, **keys), operation)(**params)
        answer = refused.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]

    code, status, message = denied("s3", "get_object", Bucket="box", Key="shut/x")
    assert (code, status) == ("AccessDenied", 403)
    assert message.endswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: s3:GetObject on resource:"
        ' "arn:aws:s3:::box/shut/x" because no identity-based policy allows the s3:GetObject action'
    )
    assert denied("iam", "list_users")[:2] == ("AccessDenied", 403)
    assert denied("logs", "describe_log_groups")[:2] == ("AccessDeniedException", 400)
    assert denied("lambda", "list_functions")[:2] == ("AccessDeniedException", 403)
    assert server.client("sts", **keys).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ana"
