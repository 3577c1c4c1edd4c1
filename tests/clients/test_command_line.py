"""The AWS CLI, as a person types it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.cases import AWS_CLI, case
from tests.clients.conftest import Shell
from tests.server import ACCOUNT, unique

TEMPLATE = """
Parameters: {Days: {Type: Number, Default: 7}}
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: !Ref Days}}
  Bucket: {Type: AWS::S3::Bucket}
Outputs: {Bucket: {Value: !Ref Bucket}, Group: {Value: !Ref Group}}
"""


def aws(shell: Shell, *arguments: str) -> Any:
    """What the CLI answers, read from its JSON where it is JSON."""
    said = shell(AWS_CLI.program("aws"), *arguments)
    return json.loads(said) if said.startswith(("{", "[", '"')) else said


@case(AWS_CLI, "`s3 mb`, `cp`, `sync`, `ls`, `presign`, `mv`, `rm`, `rb`; files of several parts")
def test_files_go_to_s3_and_come_back(shell: Shell, tmp_path: Path) -> None:
    bucket = unique("files")
    there = f"s3://{bucket}"
    (tmp_path / "here" / "deep").mkdir(parents=True)
    large = os.urandom(20 * 1024 * 1024)
    (tmp_path / "here" / "large.bin").write_bytes(large)
    (tmp_path / "here" / "deep" / "ünï code+&.txt").write_text("words")
    aws(shell, "s3", "mb", there)
    aws(shell, "s3", "sync", "here", f"{there}/kept", "--no-progress")
    listed = aws(shell, "s3", "ls", f"{there}/", "--recursive", "--summarize")
    assert "kept/deep/ünï code+&.txt" in listed
    assert "Total Objects: 2" in listed
    assert "upload" not in aws(shell, "s3", "sync", "here", f"{there}/kept", "--no-progress")
    aws(shell, "s3", "sync", f"{there}/kept", "back", "--no-progress")
    assert (tmp_path / "back" / "large.bin").read_bytes() == large
    assert (tmp_path / "back" / "deep" / "ünï code+&.txt").read_text() == "words"
    aws(shell, "s3", "mv", f"{there}/kept/large.bin", f"{there}/moved.bin", "--no-progress")
    shell("curl", "-sf", "-o", "fetched", aws(shell, "s3", "presign", f"{there}/moved.bin"))
    assert (tmp_path / "fetched").read_bytes() == large
    assert shell(AWS_CLI.program("aws"), "s3", "cp", f"{there}/kept/deep/ünï code+&.txt", "-") == "words"
    aws(shell, "s3", "rb", there, "--force")
    assert bucket not in aws(shell, "s3", "ls")


@case(AWS_CLI, "`cloudformation validate-template`, `deploy`, `wait`, `--query`, `delete-stack`")
def test_a_template_is_deployed_and_deleted(shell: Shell, tmp_path: Path) -> None:
    stack = unique("stack")
    (tmp_path / "template.yml").write_text(TEMPLATE)
    valid = aws(shell, "cloudformation", "validate-template", "--template-body", "file://template.yml")
    assert valid["Parameters"][0]["ParameterKey"] == "Days"
    deploy = ("cloudformation", "deploy", "--stack-name", stack, "--template-file", "template.yml")
    assert f"Successfully created/updated stack - {stack}" in aws(shell, *deploy)
    aws(shell, *deploy, "--parameter-overrides", "Days=14")
    group = aws(
        shell,
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        stack,
        "--query",
        "Stacks[0].Outputs[?OutputKey=='Group'].OutputValue | [0]",
    )
    days = ("--log-group-name-prefix", group, "--query", "logGroups[0].retentionInDays", "--output", "text")
    assert aws(shell, "logs", "describe-log-groups", *days) == "14"
    aws(shell, "cloudformation", "delete-stack", "--stack-name", stack)
    aws(shell, "cloudformation", "wait", "stack-delete-complete", "--stack-name", stack)
    gone = shell.attempt(AWS_CLI.program("aws"), "cloudformation", "describe-stacks", "--stack-name", stack)
    assert gone.returncode == 255
    assert f"Stack with id {stack} does not exist" in gone.stdout


@case(
    AWS_CLI, "a profile with `role_arn` and `source_profile`: the CLI assumes the role; what it may not do is refused"
)
def test_a_profile_assumes_a_role(shell: Shell, client: Callable[..., Any]) -> None:
    role, bucket = unique("reader"), unique("read")
    aws(shell, "iam", "create-user", "--user-name", role)
    key = aws(shell, "iam", "create-access-key", "--user-name", role)["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = aws(shell, "iam", "create-role", "--role-name", role, "--assume-role-policy-document", document)["Role"][
        "Arn"
    ]
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    aws(shell, "iam", "put-user-policy", "--user-name", role, "--policy-name", "be", "--policy-document", document)
    policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    aws(shell, "iam", "attach-role-policy", "--role-name", role, "--policy-arn", policy)
    aws(shell, "iam", "wait", "role-exists", "--role-name", role)
    client("s3").create_bucket(Bucket=bucket)
    configuration = shell.directory / "configuration"
    configuration.write_text(
        f"[profile reader]\nrole_arn = {arn}\nsource_profile = base\n[profile base]\n"
        f"aws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del shell.environment[variable]
    shell.environment |= {"AWS_CONFIG_FILE": str(configuration), "AWS_PROFILE": "reader"}
    assert f":assumed-role/{role}/" in aws(shell, "sts", "get-caller-identity", "--query", "Arn")
    assert bucket in aws(shell, "s3", "ls")
    refused = shell.attempt(AWS_CLI.program("aws"), "s3", "mb", f"s3://{bucket}-mine")
    assert refused.returncode == 1
    assert "AccessDenied" in refused.stdout


@case(AWS_CLI, "`lambda create-function`, `invoke` with a payload file, `logs filter-log-events`")
def test_a_function_is_made_and_invoked(shell: Shell, tmp_path: Path) -> None:
    name = unique("hello")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws(shell, "iam", "create-role", "--role-name", name, "--assume-role-policy-document", document)["Role"][
        "Arn"
    ]
    policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    aws(shell, "iam", "attach-role-policy", "--role-name", name, "--policy-arn", policy)
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n    print('seen')\n    return event['words'].upper()\n"
    )
    shell("python3", "-m", "zipfile", "-c", "app.zip", "app.py")
    function = ("--function-name", name)
    made = ("--runtime", "python3.12", "--handler", "app.handler", "--role", role, "--zip-file", "fileb://app.zip")
    aws(shell, "lambda", "create-function", *function, *made)
    aws(shell, "lambda", "wait", "function-active-v2", *function)
    (tmp_path / "event.json").write_text('{"words": "grüße"}')
    answer = aws(shell, "lambda", "invoke", *function, "--payload", "fileb://event.json", "answer.json")
    assert answer["StatusCode"] == 200
    assert json.loads((tmp_path / "answer.json").read_text()) == "GRÜSSE"
    events = ("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{name}", "--query", "events[].message")
    deadline = time.monotonic() + 120
    while "seen" not in str(said := shell.attempt(AWS_CLI.program("aws"), *events).stdout):
        assert time.monotonic() < deadline, said


@case(AWS_CLI, "what boatyard does not do (`ec2 describe-instances`)", works=False)
def test_what_is_not_done_is_refused_by_name(shell: Shell) -> None:
    refused = shell.attempt(AWS_CLI.program("aws"), "ec2", "describe-instances")
    assert refused.returncode == 255
    assert "boatyard does not do ec2:DescribeInstances" in refused.stdout
