"""Policies hold for git and for the registry as they do for the API."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

from tests.server import RunningServer
from tests.services.codecommit.conftest import Git
from tests.services.ecr.registry_client import Registry, digest_of

ALLOWED = [
    "codecommit:GitPull",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
]


def test_a_user_may_do_what_its_policy_says_and_no_more(scratch: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = scratch(authorization="enforce")
    iam = server.client("iam")
    iam.create_user(UserName="reader")
    resources = [
        "arn:aws:codecommit:us-east-1:000000000000:model",
        "arn:aws:ecr:us-east-1:000000000000:repository/model",
    ]
    statements = [
        {"Effect": "Allow", "Action": ALLOWED, "Resource": resources},
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "codecommit:GitPush",
            "Resource": "arn:aws:codecommit:us-east-1:000000000000:branches",
        },
        {
            "Effect": "Deny",
            "Action": "codecommit:GitPush",
            "Resource": "*",
            "Condition": {
                "StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
                "Null": {"codecommit:References": "false"},
            },
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    for name in ("model", "other", "branches"):
        server.client("codecommit").create_repository(repositoryName=name)
        server.client("ecr").create_repository(repositoryName=name)

    git = Git(
        server,
        tmp_path,
        AWS_ACCESS_KEY_ID=key["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"],
    )
    git("ls-remote", f"{server.url}/v1/repos/model")
    code, output = git.attempt("ls-remote", f"{server.url}/v1/repos/other")
    assert (code, "codecommit:GitPull" in output) == (128, True), output
    git("init", "--quiet", "work")
    git.directory = tmp_path / "work"
    git.commit(a=b"1")
    code, output = git.attempt("push", f"{server.url}/v1/repos/model", "HEAD:main")
    assert (code, "codecommit:GitPush" in output) == (128, True), output
    git("push", f"{server.url}/v1/repos/branches", "HEAD:feature")
    code, output = git.attempt("push", f"{server.url}/v1/repos/branches", "HEAD:other", "HEAD:main")
    assert (code, "remote rejected" in output, "explicit deny" in output) == (1, True, True), output
    branches = server.client("codecommit").list_branches(repositoryName="branches")["branches"]
    assert branches == ["feature"]

    ecr = server.client("ecr", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().removeprefix("AWS:")
    digest = digest_of(b"none")
    reader = Registry(server.url, "model", password)
    assert reader.ask("HEAD", f"blobs/{digest}").status_code == 404
    assert reader.error(reader.ask("POST", "blobs/uploads/")) == (403, "DENIED")
    other = Registry(server.url, "other", password)
    assert other.error(other.ask("GET", f"blobs/{digest}")) == (403, "DENIED")
