"""`boatyard permissions`: a role's use as a real server recorded it, and templates held to it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from boatyard.cli import servers
from boatyard.cli.failures import Failure
from boatyard.cli.main import app
from tests.server import RunningServer
from tests.services.cloudformation.waiting import until

TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"AWS": {"Fn::GetAtt": "User.Arn"}}, "Action": "sts:AssumeRole"},
}
BROAD = {"Version": "2012-10-17", "Statement": [{"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
PUBLISH = {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "Topic"}}
KEPT = {"LeastPrivilege": {"KeepUnused": [{"Action": "sns:Publish", "Reason": "Tells of what went wrong."}]}}


class Lab:
    """A stack with a user who may become a role, and the role at work."""

    def __init__(self, server: RunningServer, directory: Path) -> None:
        self.server = server
        self.template = directory / "template.json"
        self.cloudformation = server.client("cloudformation")
        self.deployed = False

    def deploy(self, policy: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Make the stack, or update it."""
        role: dict[str, Any] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUST,
                "Policies": [{"PolicyName": "work", "PolicyDocument": policy}],
            },
        }
        if metadata:
            role["Metadata"] = metadata
        resources = {"Bucket": {"Type": "AWS::S3::Bucket"}, "Topic": {"Type": "AWS::SNS::Topic"}, "Role": role}
        resources["User"] = {"Type": "AWS::IAM::User"}
        self.template.write_text(json.dumps({"Resources": resources}, indent=2))
        request = {"StackName": "lab", "TemplateBody": self.template.read_text(), "Capabilities": ["CAPABILITY_IAM"]}
        done = "UPDATE_COMPLETE" if self.deployed else "CREATE_COMPLETE"
        (self.cloudformation.update_stack if self.deployed else self.cloudformation.create_stack)(**request)
        until(lambda: self.cloudformation.describe_stacks(StackName="lab")["Stacks"][0]["StackStatus"] == done, done)
        self.deployed = True

    def name(self, logical_id: str) -> str:
        """A resource's name."""
        found = self.cloudformation.describe_stack_resource(StackName="lab", LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def role_client(self, service: str, role: str | None = None) -> Any:
        """A client with the role's credentials (the stack's one unless named), got by the user."""
        iam, user = self.server.client("iam"), self.name("User")
        key = iam.create_access_key(UserName=user)["AccessKey"]
        keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        arn = iam.get_role(RoleName=role or self.name("Role"))["Role"]["Arn"]
        granted = self.server.client("sts", **keys).assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        return self.server.client(
            service,
            aws_access_key_id=granted["AccessKeyId"],
            aws_secret_access_key=granted["SecretAccessKey"],
            aws_session_token=granted["SessionToken"],
        )


@pytest.fixture
def lab(scratch: Callable[..., RunningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A server that enforces policies, which the command in this process talks to."""
    server = scratch(authorization="enforce")
    for name, value in server.environment().items():
        if name.startswith("BOATYARD_"):
            monkeypatch.setenv(name, value)
    # Clients that are closed with the server.
    monkeypatch.setattr(servers.Running, "client", lambda _, service: server.client(service))
    return Lab(server, tmp_path)


def boatyard(*arguments: str) -> tuple[int, str]:
    """The exit status of `boatyard permissions ARGUMENTS` and what it said."""
    ended = CliRunner().invoke(app, ["permissions", *arguments])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.exit_code, ended.output


def test_a_role_is_told_cut_down_to_its_use_and_held_to_it(lab: Lab) -> None:
    lab.deploy(BROAD)
    bucket, role, check = lab.name("Bucket"), lab.name("Role"), ("--check", str(lab.template))
    own = lab.role_client("s3")
    for key in ("in/a", "in/b"):
        own.put_object(Bucket=bucket, Key=key, Body=b"x")
    own.get_object(Bucket=bucket, Key="in/a")
    with pytest.raises(ClientError, match="SNS:ListTopics"):
        lab.role_client("sns").list_topics()

    # Granted too much: the statement, the action and the resource are named, with what to do.
    status, said = boatyard(*check)
    assert status == 1
    assert f"Role ({role}): TOO MUCH; 3 used" in said
    assert "policy work, statement 1 (All): s3:* on * grants " in said
    assert "actions, of which 2 were used: name them: s3:GetObject, s3:PutObject" in said
    assert f"reaches more than was used: name the resource: arn:aws:s3:::{bucket}/in/*" in said

    # Told: used, denied, never needed; and every role is listed.
    told = json.loads(boatyard(role, "--json")[1])
    used = {(each["action"], each["resource"].partition(bucket)[2]): each["times"] for each in told["used"]}
    assert used == {("s3:GetObject", "/in/a"): 1, ("s3:PutObject", "/in/a"): 1, ("s3:PutObject", "/in/b"): 1}
    assert [each["action"] for each in told["denied"]] == ["sns:ListTopics"]
    assert "because no identity-based policy allows the SNS:ListTopics action" in told["denied"][0]["reason"]
    assert {"s3:DeleteBucket", "s3:GetBucketPolicy"} <= set(told["unused"][0]["never_used"])
    said = boatyard(role)[1]
    assert "Denied (1)" in said
    assert "more (--json has them all)" in said
    assert [line.split()[:2] for line in boatyard()[1].splitlines() if line.endswith(role)] == [["3", "1"]]
    assert json.loads(boatyard(f"user/{lab.name('User')}", "--json")[1])["used"][0]["action"] == "sts:AssumeRole"

    # Cut down to the smallest policy, as it is written for a template: the same work goes on, and the check passes.
    smallest = json.loads(boatyard(role, "--format", "template")[1])
    assert {"Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}/in/*"} in [
        each["Resource"] for each in smallest["Statement"]
    ]
    lab.deploy(smallest)
    own = lab.role_client("s3")
    own.put_object(Bucket=bucket, Key="in/b", Body=b"y")
    own.get_object(Bucket=bucket, Key="in/a")
    with pytest.raises(ClientError, match="s3:PutObject"):
        own.put_object(Bucket=bucket, Key="out/a", Body=b"y")
    status, said = boatyard(*check)
    assert (status, "granted what they used" in said) == (0, True), said

    # What one run does not need is kept for a reason, and only so.
    more = {**smallest, "Statement": [*smallest["Statement"], PUBLISH]}
    lab.deploy(more, KEPT)
    status, said = boatyard(*check)
    assert (status, "1 unused and kept for a reason" in said) == (0, True), said
    lab.deploy(more)
    status, said = boatyard(*check)
    assert (status, "policy work, statement 3: sns:Publish on arn:aws:sns:" in said) == (1, True), said
    lab.deploy(more, {"LeastPrivilege": {"KeepUnused": [{"Action": "sns:Publish", "Reason": " "}]}})
    status, said = boatyard(*check)
    assert (status, "KeepUnused of sns:Publish gives no Reason" in said) == (1, True), said
    lab.deploy(smallest, KEPT)
    status, said = boatyard(*check)
    assert (status, "KeepUnused names sns:Publish, which no statement grants" in said) == (1, True), said


def test_a_role_that_is_made_again_starts_from_nothing(lab: Lab) -> None:
    lab.deploy(BROAD)
    iam = lab.server.client("iam")
    user = iam.get_user(UserName=lab.name("User"))["User"]["Arn"]
    statement = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})

    def told() -> tuple[int, list[list[str]]]:
        listed = [line.split()[:2] for line in boatyard()[1].splitlines() if line.endswith(" again")]
        return len(json.loads(boatyard("again", "--json")[1])["denied"]), listed

    iam.create_role(RoleName="again", AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError, match="s3:ListAllMyBuckets"):
        lab.role_client("s3", "again").list_buckets()
    assert told() == (1, [["0", "1"]])
    iam.delete_role(RoleName="again")
    iam.create_role(RoleName="again", AssumeRolePolicyDocument=trust)
    assert told() == (0, [["0", "0"]])


def test_counts_outlive_a_kill(lab: Lab) -> None:
    lab.deploy(BROAD)
    role, own = lab.name("Role"), lab.role_client("s3")
    for _ in range(3):
        own.list_buckets()

    def written() -> bool:
        with contextlib.closing(sqlite3.connect(lab.server.data_directory / "state.db", timeout=60)) as database:
            rows = database.execute("SELECT record FROM identity_uses WHERE action = 's3:ListAllMyBuckets'").fetchall()
        return [json.loads(row[0])["times"] for row in rows] == [3]

    until(written, "the counts are on disk")
    lab.server.kill()
    lab.server.start()
    used = json.loads(boatyard(role, "--json")[1])["used"]
    assert [(each["action"], each["times"]) for each in used] == [("s3:ListAllMyBuckets", 3)]


def test_what_cannot_be_checked_says_why(lab: Lab) -> None:
    with pytest.raises(Failure, match=r"No stack was made from .* There is no stack\. Deploy it"):
        lab.template.write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}")
        boatyard("--check", str(lab.template))
    lab.deploy(BROAD)
    assert boatyard("--check", str(lab.template))[0] == 1
    lab.template.write_text(lab.template.read_text().replace("s3:*", "s3:Get*"))
    with pytest.raises(Failure, match=r"The stack lab was made from another template"):
        boatyard("--check", str(lab.template), "--stack", "lab")
    with pytest.raises(Failure, match="There is no role nobody"):
        boatyard("nobody")
    for nothing in ("", "user/", "x" * 65):
        with pytest.raises(Failure, match="names no role"):
            boatyard(nothing)
    with pytest.raises(Failure, match="cannot be read"):
        boatyard("--check", str(lab.template.with_name("none")))
    with pytest.raises(Failure, match="leave out ROLE"):
        boatyard("role", "--check", str(lab.template))

    # Only the root reads what was used.
    url = lab.role_client("s3").generate_presigned_url("list_buckets").partition("?")[2]
    for address in ("/_boatyard/permissions", f"/_boatyard/permissions?{url}"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(lab.server.url + address, timeout=60)
        refused.value.close()
        assert refused.value.code in (400, 403)
