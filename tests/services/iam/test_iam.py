"""IAM with a real client: documents survive the wire, keys sign, errors are the client's own exceptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.server import ACCOUNT, RunningServer, unique

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": {"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b%20c/*"},
}


def test_documents_come_back_as_they_went(client: Callable[..., Any]) -> None:
    iam, name = client("iam"), unique("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), Description="Größe & <mehr>")
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(DOCUMENT))
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["AssumeRolePolicyDocument"], role["Description"]) == (TRUST, "Größe & <mehr>")
    assert iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"] == DOCUMENT
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [item["PolicyName"] for item in attached] == ["AWSLambdaBasicExecutionRole"]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName=name)
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=unique("none"))
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument="{}")


def test_a_users_key_signs_until_it_is_switched_off(server: RunningServer) -> None:
    iam, name = server.client("iam"), unique("user")
    iam.create_user(UserName=name)
    own = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": own})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    sts = server.client("sts", **keys)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    assert server.client("iam", **keys).get_user()["User"]["UserName"] == name
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(sts.exceptions.ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()


def test_paginators_see_every_policy_of_aws(client: Callable[..., Any]) -> None:
    pages = client("iam").get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 20})
    arns = [policy["Arn"] for answer in pages for policy in answer["Policies"]]
    assert len(set(arns)) == len(arns) > 50
    assert "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess" in arns
