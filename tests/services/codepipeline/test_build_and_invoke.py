"""A push runs through a real build and a real function: artifacts, credentials, variables, continuation."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from collections.abc import Callable
from typing import Any

from tests.server import unique

from .lines import action, role, succeeded

FUNCTION = """
import io, json, zipfile
import boto3

def handler(event, context):
    job = event["CodePipeline.job"]
    data = job["data"]
    pipeline = boto3.client("codepipeline")
    if "continuationToken" not in data:
        pipeline.put_job_success_result(jobId=job["id"], continuationToken="again")
        return
    keys = data["artifactCredentials"]
    s3 = boto3.client(
        "s3",
        aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"],
        aws_session_token=keys["sessionToken"],
    )
    def place(kind):
        found = data[kind][0]["location"]["s3Location"]
        return {"Bucket": found["bucketName"], "Key": found["objectKey"]}
    body = s3.get_object(**place("inputArtifacts"))["Body"].read()
    built = zipfile.ZipFile(io.BytesIO(body)).read("out/built.txt").decode()
    s3.put_object(**place("outputArtifacts"), Body=json.dumps({"built": built, "token": data["continuationToken"]}))
    pipeline.put_job_success_result(
        jobId=job["id"],
        executionDetails={"summary": data["actionConfiguration"]["configuration"]["UserParameters"]},
        outputVariables={"built": built.strip()},
    )
"""
BUILDSPEC = """
version: 0.2
env:
  exported-variables: [GREETING]
phases:
  build:
    commands:
      - export GREETING="hello $(cat name.txt) $COMMIT"
      - mkdir out && cat name.txt > out/built.txt
artifacts:
  files: ["out/*"]
"""


def test_a_push_is_built_and_the_function_gets_what_was_built(client: Callable[..., Any]) -> None:
    name = unique("train")
    arn = role(client, name)
    client("s3").create_bucket(Bucket=name)
    code = client("codecommit")
    code.create_repository(repositoryName=name)
    head = commit(code, name, {"buildspec.yml": BUILDSPEC, "name.txt": "first\n"})
    make_function(client, name, arn)
    make_project(client, name, arn)
    make_pipeline(client, name, arn)
    succeeded(client, name)
    details = client("codepipeline").list_action_executions(pipelineName=name)["actionExecutionDetails"]
    done = {item["actionName"]: item for item in details}
    assert done["Pull"]["output"]["outputVariables"]["CommitId"] == head
    assert done["Pull"]["output"]["outputVariables"]["AuthorDate"].endswith("Z")
    assert done["Build"]["output"]["outputVariables"] == {"GREETING": f"hello first {head}"}
    assert done["Train"]["output"]["executionResult"]["externalExecutionSummary"] == f"hello first {head}"
    assert done["Train"]["output"]["outputVariables"] == {"built": "first"}
    place = done["Train"]["output"]["outputArtifacts"][0]["s3location"]
    written = client("s3").get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    assert json.loads(written) == {"built": "first\n", "token": "again"}
    pulled = done["Pull"]["output"]["outputArtifacts"][0]["s3location"]
    described = client("s3").head_object(Bucket=pulled["bucket"], Key=pulled["key"])
    assert described["ServerSideEncryption"] == "aws:kms"
    second = commit(code, name, {"name.txt": "second\n"}, head)
    execution = succeeded(client, name, 1)
    assert execution["sourceRevisions"][0]["revisionId"] == second


def commit(code: Any, repository: str, files: dict[str, str], parent: str | None = None) -> str:
    """A commit on main, which is a push."""
    put = [{"filePath": path, "fileContent": content.encode()} for path, content in files.items()]
    more = {"parentCommitId": parent} if parent else {}
    answer = code.create_commit(repositoryName=repository, branchName="main", putFiles=put, **more)
    return str(answer["commitId"])


def make_function(client: Callable[..., Any], name: str, arn: str) -> None:
    """The function that a pipeline calls."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", textwrap.dedent(FUNCTION))
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=arn,
        Handler="main.handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=60,
    )


def make_project(client: Callable[..., Any], name: str, arn: str) -> None:
    """The build project."""
    client("codebuild").create_project(
        name=name,
        source={"type": "CODEPIPELINE"},
        artifacts={"type": "CODEPIPELINE"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=arn,
    )


def make_pipeline(client: Callable[..., Any], name: str, arn: str) -> None:
    """Source, build, function."""
    variables = json.dumps([{"name": "COMMIT", "value": "#{Pull.CommitId}"}])
    stages = [
        action(
            "Pull",
            "Source",
            "CodeCommit",
            {"RepositoryName": name, "BranchName": "main"},
            outputArtifacts=[{"name": "Code"}],
            namespace="Pull",
        ),
        action(
            "Build",
            "Build",
            "CodeBuild",
            {"ProjectName": name, "EnvironmentVariables": variables},
            inputArtifacts=[{"name": "Code"}],
            outputArtifacts=[{"name": "Built"}],
            namespace="Build",
        ),
        action(
            "Train",
            "Invoke",
            "Lambda",
            {"FunctionName": name, "UserParameters": "#{Build.GREETING}"},
            inputArtifacts=[{"name": "Built"}],
            outputArtifacts=[{"name": "Trained"}],
        ),
    ]
    client("codepipeline").create_pipeline(
        pipeline={
            "name": name,
            "roleArn": arn,
            "artifactStore": {"type": "S3", "location": name},
            "stages": [{"name": stage["name"], "actions": [stage]} for stage in stages],
        }
    )
