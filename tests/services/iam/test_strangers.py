"""A user without a single permission at the doors that are not operations, and at one of each protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from boatyard.identity.git_password import sign
from tests.server import ACCOUNT, REGION, RunningServer, unique


@pytest.fixture(scope="module")
def stranger(server: RunningServer) -> dict[str, str]:
    """The keys of a user whom no policy names."""
    iam, name = server.client("iam"), unique("stranger")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("s3", "list_buckets", "AccessDenied"),
        ("iam", "list_roles", "AccessDenied"),
        ("cloudwatch", "list_metrics", "AccessDenied"),
        ("sns", "list_topics", "AuthorizationError"),
        ("kms", "list_keys", "AccessDeniedException"),
        ("lambda", "list_functions", "AccessDeniedException"),
        ("codepipeline", "list_pipelines", "AccessDeniedException"),
    ],
)
def test_every_protocol_says_so(
    server: RunningServer, stranger: dict[str, str], service: str, method: str, code: str
) -> None:
    with pytest.raises(ClientError, match="is not authorized to perform") as denied:
        getattr(server.client(service, **stranger), method)()
    assert denied.value.response["Error"]["Code"] == code


def test_a_presigned_url_opens_what_its_signer_may(
    server: RunningServer, stranger: dict[str, str], client: Callable[..., Any]
) -> None:
    bucket = unique("private")
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    named = {"Bucket": bucket, "Key": "k"}
    for method in ("get_object", "put_object", "delete_object"):
        url = server.client("s3", **stranger).generate_presigned_url(method, Params=named)
        verb = method.partition("_")[0].upper()
        assert requests.request(verb, url, data=b"y" if verb == "PUT" else None, timeout=60).status_code == 403
    assert requests.get(f"{server.url}/{bucket}/k", timeout=60).status_code == 403
    assert client("s3").get_object(**named)["Body"].read() == b"x"


def test_git_and_the_registry_ask(server: RunningServer, stranger: dict[str, str], client: Callable[..., Any]) -> None:
    name = unique("code")
    client("codecommit").create_repository(repositoryName=name)
    path = f"/v1/repos/{name}"
    key, secret = stranger["aws_access_key_id"], stranger["aws_secret_access_key"]
    for service in ("git-upload-pack", "git-receive-pack"):
        password = sign(secret, REGION, "127.0.0.1", path)
        address = f"{server.url}{path}/info/refs?service={service}"
        refused = requests.get(address, auth=(key, password), timeout=60)
        assert (refused.status_code, "is not authorized to perform" in refused.text) == (403, True), refused.text
    with pytest.raises(ClientError, match="ecr:GetAuthorizationToken"):
        server.client("ecr", **stranger).get_authorization_token()
    for path in ("/v2/", "/v2/_catalog", f"/v2/{name}/manifests/latest"):
        assert requests.get(f"{server.url}{path}", timeout=60).status_code == 401
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:Get*", "Resource": "*"}]}
    assert _with_token(server, stranger, allowed, name) == 403


def _with_token(server: RunningServer, stranger: dict[str, str], policy: dict[str, Any], name: str) -> int:
    """The registry's answer to somebody who may log in to it, and no more."""
    user = server.client("sts", **stranger).get_caller_identity()["Arn"].rpartition("/")[2]
    server.client("iam").put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(policy))
    server.client("ecr").create_repository(repositoryName=name)
    token = server.client("ecr", **stranger).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    server.client("iam").delete_user_policy(UserName=user, PolicyName="p")
    headers = {"Authorization": f"Basic {token}", "Host": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"}
    return requests.get(f"{server.url}/v2/{name}/tags/list", headers=headers, timeout=60).status_code
