"""Templates that other tools make and deploy: the SAM CLI and the AWS CDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.cases import AWS_CLI, CDK, SAM, case
from tests.clients.early import Early, begun_early
from tests.clients.programs import node_variables
from tests.clients.shell import Shell
from tests.server import RunningServer, unique

SERVERLESS = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.12, Timeout: 20}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, CodeUri: source, Policies: [AWSLambdaBasicExecutionRole]}
Outputs: {Name: {Value: !Ref Hello}}
"""
PLAIN = """
Resources: {Group: {Type: AWS::Logs::LogGroup}}
Outputs: {Name: {Value: !Ref Group}}
"""


def deploy(shell: Shell, stack: str, *options: str) -> str:
    """`sam deploy`."""
    quiet = ("--no-progressbar", "--no-confirm-changeset", "--capabilities", "CAPABILITY_IAM")
    return shell(SAM.program("sam"), "deploy", "--stack-name", stack, "--resolve-s3", *quiet, *options)


@begun_early("test_sam_validates_deploys_invokes_and_deletes")
def serverless(shell: Shell, server: RunningServer) -> tuple[str, str]:
    """The names of a stack that the SAM CLI has made and deleted, and of one that it has made."""
    sam, stack, plain = SAM.program("sam"), unique("serverless"), unique("plain")
    place = shell.directory
    (place / "source").mkdir()
    (place / "source" / "app.py").write_text("def handler(event, context):\n    return event['words'].upper()\n")
    (place / "template.yaml").write_text(SERVERLESS)
    (place / "plain.yaml").write_text(PLAIN)
    assert "is a valid SAM Template" in shell(sam, "validate")
    assert f"Successfully created/updated stack - {stack}" in deploy(shell, stack)
    assert "up to date" in deploy(shell, stack, "--no-fail-on-empty-changeset")
    answer = shell(sam, "remote", "invoke", "Hello", "--stack-name", stack, "--event", '{"words": "heard"}')
    assert '"HEARD"' in answer
    assert f"Successfully created/updated stack - {plain}" in deploy(shell, plain, "--template-file", "plain.yaml")
    shell(sam, "delete", "--stack-name", stack, "--no-prompts")
    return stack, plain


@case(SAM, "`validate`, `deploy --resolve-s3` of AWS::Serverless and of plain templates, `remote invoke`, `delete`")
def test_sam_validates_deploys_invokes_and_deletes(early: Early, client: Callable[..., Any]) -> None:
    stack, plain = early.result(serverless)
    names = {each["StackName"] for each in client("cloudformation").describe_stacks()["Stacks"]}
    assert plain in names
    assert stack not in names


@begun_early("test_a_synthesised_template_is_deployed")
def synthesised(shell: Shell, server: RunningServer) -> tuple[str, Path]:
    """The name and the template of the CDK app's stack."""
    stack = unique("cdk")
    shell.environment |= node_variables()
    shell.script("cdk_app.py", "cdk", "out", stack)
    return stack, shell.directory / "out" / f"{stack}.template.json"


@case(CDK, "a synthesised template (bucket, function, grants, topic, repository with a rule), deployed by the AWS CLI; "
           "`BootstraplessSynthesizer`")  # fmt: skip
def test_a_synthesised_template_is_deployed(shell: Shell, client: Callable[..., Any], early: Early) -> None:
    stack, template = early.result(synthesised)
    options = ("--template-file", str(template), "--capabilities", "CAPABILITY_IAM")
    shell(AWS_CLI.program("aws"), "cloudformation", "deploy", "--stack-name", stack, *options)
    (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
    answer = client("lambda").invoke(FunctionName=outputs["Function"])
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert json.loads(answer["Payload"].read()) == outputs["Bucket"]
    assert client("s3").get_object(Bucket=outputs["Bucket"], Key="seen")["Body"].read() == b"by the function"
