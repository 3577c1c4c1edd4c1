"""The AWS CLI's `cloudformation deploy` and `package`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server import RunningServer, unique


def aws(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the AWS CLI."""
    return subprocess.run(
        ["aws", *arguments], env=server.environment(), capture_output=True, text=True, timeout=300, check=False
    )


def test_deploy_creates_updates_and_sees_when_nothing_changes(server: RunningServer, tmp_path: Path) -> None:
    name = unique("deployed")
    file = tmp_path / "template.yml"
    file.write_text(
        "Parameters: {Days: {Type: Number, Default: 7}}\n"
        "Resources:\n  G:\n    Type: AWS::Logs::LogGroup\n    Properties: {RetentionInDays: !Ref Days}\n"
    )
    deploy = ("cloudformation", "deploy", "--stack-name", name, "--template-file", str(file))
    first = aws(server, *deploy)
    assert first.returncode == 0, first.stderr
    assert f"Successfully created/updated stack - {name}" in first.stdout
    again = aws(server, *deploy, "--no-fail-on-empty-changeset")
    assert again.returncode == 0, again.stderr
    assert "No changes to deploy" in again.stdout
    changed = aws(server, *deploy, "--parameter-overrides", "Days=14")
    assert changed.returncode == 0, changed.stderr
    (stack,) = server.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stack["Parameters"] == [{"ParameterKey": "Days", "ParameterValue": "14"}]


def test_package_uploads_nested_templates(server: RunningServer, client: Callable[..., Any], tmp_path: Path) -> None:
    bucket, name = unique("packaged"), unique("nested")
    client("s3").create_bucket(Bucket=bucket)
    (tmp_path / "inner.yml").write_text("Resources: {G: {Type: 'AWS::Logs::LogGroup'}}\n")
    (tmp_path / "outer.yml").write_text(
        "Resources:\n  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: inner.yml}\n"
    )
    packaged = tmp_path / "packaged.yml"
    made = aws(
        server,
        "cloudformation",
        "package",
        "--template-file",
        str(tmp_path / "outer.yml"),
        "--s3-bucket",
        bucket,
        "--output-template-file",
        str(packaged),
    )
    assert made.returncode == 0, made.stderr
    deployed = aws(server, "cloudformation", "deploy", "--stack-name", name, "--template-file", str(packaged))
    assert deployed.returncode == 0, deployed.stderr
    resources = client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    nested = resources[0]["PhysicalResourceId"]
    (inner,) = client("cloudformation").describe_stack_resources(StackName=nested)["StackResources"]
    assert inner["ResourceType"] == "AWS::Logs::LogGroup"


def test_a_serverless_function_is_packaged_and_deployed(
    server: RunningServer, client: Callable[..., Any], tmp_path: Path
) -> None:
    bucket, name = unique("code"), unique("serverless")
    client("s3").create_bucket(Bucket=bucket)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "app.py").write_text("def handler(event, context):\n    return event\n")
    (tmp_path / "template.yml").write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Globals: {Function: {Runtime: python3.12, Timeout: 20}}\n"
        "Resources:\n"
        "  Hello:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties:\n"
        "      Handler: app.handler\n"
        "      CodeUri: source\n"
        "      AutoPublishAlias: live\n"
        "      Policies: [AWSLambdaBasicExecutionRole]\n"
        "Outputs: {Name: {Value: !Ref Hello}, Role: {Value: !GetAtt HelloRole.Arn}}\n"
    )
    packaged = tmp_path / "packaged.yml"
    template = ("--template-file", str(tmp_path / "template.yml"))
    made = aws(
        server, "cloudformation", "package", *template, "--s3-bucket", bucket, "--output-template-file", str(packaged)
    )
    assert made.returncode == 0, made.stderr
    deploy = ("cloudformation", "deploy", "--stack-name", name, "--template-file", str(packaged))
    refused = aws(server, *deploy)
    assert "Requires capabilities : [CAPABILITY_IAM]" in refused.stderr
    deployed = aws(server, *deploy, "--capabilities", "CAPABILITY_IAM")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    (stack,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    function = client("lambda").get_function(FunctionName=outputs["Name"])
    assert function["Configuration"]["Role"] == outputs["Role"]
    assert function["Configuration"]["Timeout"] == 20
    alias = client("lambda").get_alias(FunctionName=outputs["Name"], Name="live")
    assert alias["FunctionVersion"] == "1"
