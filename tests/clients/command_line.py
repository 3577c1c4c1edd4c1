"""What a person types with the AWS CLI, for either of its versions: `aws(...)` runs one command."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

from tests.clients.shell import Shell
from tests.server import ACCOUNT, unique

FILES = "`s3 mb`, `cp`, `sync`, `ls`, `presign`, `mv`, `rm`, `rb`; files of several parts"
TEMPLATES = "`cloudformation validate-template`, `deploy`, `wait`, `--query`, `delete-stack`"
PROFILES = "a profile with `role_arn` and `source_profile`: the CLI assumes the role; what it may not do is refused"
FUNCTIONS = "`lambda create-function`, `invoke` with a payload file, `logs filter-log-events`"
REFUSALS = "what boatyard does not do (`ec2 describe-instances`)"
TEMPLATE = """
Parameters: {Days: {Type: Number, Default: 7}}
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: !Ref Days}}
  Bucket: {Type: AWS::S3::Bucket}
Outputs: {Bucket: {Value: !Ref Bucket}, Group: {Value: !Ref Group}}
"""


class Aws:
    """One version of the CLI in a shell. `on_errors` is the exit status that an error of a service gives."""

    def __init__(self, program: str, shell: Shell, on_errors: int) -> None:
        self.program = program
        self.on_errors = on_errors
        self.shell = shell
        self.directory = shell.directory

    def __call__(self, *arguments: str) -> Any:
        """What the CLI answers, read from its JSON where it is JSON."""
        said = self.shell(self.program, *arguments)
        return json.loads(said) if said.startswith(("{", "[", '"')) else said

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return self.shell.attempt(self.program, *arguments)


def files_go_to_s3_and_come_back(aws: Aws) -> None:
    """Files by `aws s3`, one of them of several parts and one with a name beyond ASCII."""
    here = aws.directory
    bucket = unique("files")
    there = f"s3://{bucket}"
    (here / "here" / "deep").mkdir(parents=True)
    large = os.urandom(20 * 1024 * 1024)
    (here / "here" / "large.bin").write_bytes(large)
    (here / "here" / "deep" / "ünï code+&.txt").write_text("words")
    aws("s3", "mb", there)
    aws("s3", "sync", "here", f"{there}/kept", "--no-progress")
    listed = aws("s3", "ls", f"{there}/", "--recursive", "--summarize")
    assert "kept/deep/ünï code+&.txt" in listed
    assert "Total Objects: 2" in listed
    assert "upload" not in aws("s3", "sync", "here", f"{there}/kept", "--no-progress")
    aws("s3", "sync", f"{there}/kept", "back", "--no-progress")
    assert (here / "back" / "large.bin").read_bytes() == large
    assert (here / "back" / "deep" / "ünï code+&.txt").read_text() == "words"
    aws("s3", "mv", f"{there}/kept/large.bin", f"{there}/moved.bin", "--no-progress")
    aws.shell("curl", "-sf", "-o", "fetched", aws("s3", "presign", f"{there}/moved.bin"))
    assert (here / "fetched").read_bytes() == large
    assert aws("s3", "cp", f"{there}/kept/deep/ünï code+&.txt", "-") == "words"
    aws("s3", "rb", there, "--force")
    assert bucket not in aws("s3", "ls")


def a_template_is_deployed_and_deleted(aws: Aws) -> None:
    """A stack by `aws cloudformation deploy`, made, changed and deleted."""
    stack = unique("stack")
    (aws.directory / "template.yml").write_text(TEMPLATE)
    valid = aws("cloudformation", "validate-template", "--template-body", "file://template.yml")
    assert valid["Parameters"][0]["ParameterKey"] == "Days"
    deploy = ("cloudformation", "deploy", "--stack-name", stack, "--template-file", "template.yml")
    assert f"Successfully created/updated stack - {stack}" in aws(*deploy)
    aws(*deploy, "--parameter-overrides", "Days=14")
    group = aws(
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        stack,
        "--query",
        "Stacks[0].Outputs[?OutputKey=='Group'].OutputValue | [0]",
    )
    days = ("--log-group-name-prefix", group, "--query", "logGroups[0].retentionInDays", "--output", "text")
    assert aws("logs", "describe-log-groups", *days) == "14"
    aws("cloudformation", "delete-stack", "--stack-name", stack)
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", stack)
    gone = aws.attempt("cloudformation", "describe-stacks", "--stack-name", stack)
    assert gone.returncode == aws.on_errors
    assert f"Stack with id {stack} does not exist" in gone.stdout


def a_profile_assumes_a_role(aws: Aws, client: Callable[..., Any]) -> None:
    """A role assumed by a profile of the configuration file, which may read and not write."""
    role, bucket, iam = unique("reader"), unique("read"), client("iam")
    aws("iam", "create-user", "--user-name", role)
    key = iam.create_access_key(UserName=role)["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    aws("iam", "put-user-policy", "--user-name", role, "--policy-name", "be", "--policy-document", document)
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    aws("iam", "wait", "role-exists", "--role-name", role)
    client("s3").create_bucket(Bucket=bucket)
    configuration = aws.directory / "configuration"
    configuration.write_text(
        f"[profile reader]\nrole_arn = {arn}\nsource_profile = base\n[profile base]\n"
        f"aws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del aws.shell.environment[variable]
    aws.shell.environment |= {"AWS_CONFIG_FILE": str(configuration), "AWS_PROFILE": "reader"}
    assert f":assumed-role/{role}/" in aws("sts", "get-caller-identity", "--query", "Arn")
    assert bucket in aws("s3", "ls")
    refused = aws.attempt("s3", "mb", f"s3://{bucket}-mine")
    assert refused.returncode == 1
    assert "AccessDenied" in refused.stdout


def a_function_is_made_and_invoked(aws: Aws) -> None:
    """A function from a zip file, invoked with a payload, and its log."""
    here = aws.directory
    name = unique("hello")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", document)["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    aws("iam", "attach-role-policy", "--role-name", name, "--policy-arn", policy)
    (here / "app.py").write_text("def handler(event, context):\n    print('seen')\n    return event['words'].upper()\n")
    aws.shell("python3", "-m", "zipfile", "-c", "app.zip", "app.py")
    function = ("--function-name", name)
    made = ("--runtime", "python3.12", "--handler", "app.handler", "--role", role, "--zip-file", "fileb://app.zip")
    aws("lambda", "create-function", *function, *made)
    aws("lambda", "wait", "function-active-v2", *function)
    (here / "event.json").write_text('{"words": "grüße"}')
    answer = aws("lambda", "invoke", *function, "--payload", "fileb://event.json", "answer.json")
    assert answer["StatusCode"] == 200
    assert json.loads((here / "answer.json").read_text()) == "GRÜSSE"
    events = ("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{name}", "--query", "events[].message")
    deadline = time.monotonic() + 120
    while "seen" not in str(said := aws.attempt(*events).stdout):
        assert time.monotonic() < deadline, said


def what_is_not_done_is_refused_by_name(aws: Aws) -> None:
    """A service that boatyard does not have."""
    refused = aws.attempt("ec2", "describe-instances")
    assert refused.returncode == aws.on_errors
    assert "boatyard does not do ec2:DescribeInstances" in refused.stdout
