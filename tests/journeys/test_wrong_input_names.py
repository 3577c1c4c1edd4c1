"""Names that are too long, not ASCII or tricks with paths: refused with the service's error, and nothing is made."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.server import ACCOUNT, RunningServer, unique

Clients = Callable[..., Any]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nobody"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/model:latest"
TRUST = '{"Version": "2012-10-17", "Statement": []}'
NAMES = ("x" * 600, "модель", "../../escaped", "a\0b")
PROJECT = {
    "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "aws/x", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": ROLE,
}
FUNCTION = {"Runtime": "python3.12", "Role": ROLE, "Handler": "a.b", "Code": {"ZipFile": b"x"}}
CASES: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("cloudformation", "create_stack", "StackName", {"TemplateBody": "Resources: {}"}, "ValidationError"),
    ("codebuild", "create_project", "name", PROJECT, "InvalidInputException"),
    ("codecommit", "create_repository", "repositoryName", {}, "InvalidRepositoryNameException ValidationException"),
    ("ecr", "create_repository", "repositoryName", {}, "InvalidParameterException"),
    ("events", "put_rule", "Name", {"ScheduleExpression": "rate(1 day)"}, "ValidationException"),
    ("iam", "create_role", "RoleName", {"AssumeRolePolicyDocument": TRUST}, "ValidationError"),
    ("lambda", "create_function", "FunctionName", FUNCTION, "ValidationException"),
    ("sagemaker", "create_endpoint", "EndpointName", {"EndpointConfigName": "c"}, "ValidationException"),
    (
        "sagemaker",
        "create_model",
        "ModelName",
        {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": IMAGE}},
        "ValidationException",
    ),
    ("sns", "create_topic", "Name", {}, "InvalidParameter"),
]


@pytest.fixture(scope="module")
def unchecked(server: RunningServer) -> Callable[[str], Any]:
    """A client that sends what boto3 itself would refuse."""
    return lambda service: server.client(service, config=Config(parameter_validation=False))


@pytest.mark.parametrize(("service", "operation", "member", "others", "codes"), CASES, ids=[c[1] for c in CASES])
def test_names_are_refused(
    unchecked: Callable[[str], Any], service: str, operation: str, member: str, others: dict[str, Any], codes: str
) -> None:
    client = unchecked(service)
    for name in NAMES:
        with pytest.raises(ClientError) as caught:
            getattr(client, operation)(**{member: name, **others})
        assert caught.value.response["Error"]["Code"] in codes.split(), name
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_paths_stay_where_they_belong(client: Clients, server: RunningServer) -> None:
    name = unique("paths")
    s3, code = client("s3"), client("codecommit")
    s3.create_bucket(Bucket=name)
    for key in ("../../escaped", "/escaped", "a/../../escaped"):
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == key.encode()
    assert len(s3.list_objects_v2(Bucket=name)["Contents"]) == 3
    code.create_repository(repositoryName=name)
    for path in ("../escaped", ".git/hooks/escaped", "a/../../escaped"):
        with pytest.raises(ClientError, match="InvalidPathException"):
            code.put_file(repositoryName=name, branchName="main", fileContent=b"x", filePath=path)
    assert code.list_branches(repositoryName=name)["branches"] == []
    # os.walk passes over folders that other work removes meanwhile.
    for folder, folders, files in os.walk(server.data_directory.parent):
        assert [each for each in folders + files if each.startswith("escaped")] == [], folder
        if Path(folder) == server.data_directory and "engine" in folders:
            folders.remove("engine")


def test_a_functions_archive_cannot_leave_its_folder(client: Clients) -> None:
    name = unique("slip")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", "")
        archive.writestr("../../../slipped.py", "")
    code = {"ZipFile": packed.getvalue()}
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        client("lambda").create_function(
            FunctionName=name, Runtime="python3.12", Role=role, Handler="main.handler", Code=code
        )
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("lambda").get_function(FunctionName=name)
