"""Templates, functions and a buildspec as they were written in 2019 run to production, unmodified."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boatyard.api.git_configuration import git_environment
from tests.journeys.conftest import until
from tests.server import REGION, RunningServer

HERE = Path(__file__).with_name("templates_of_2019")
ID = "jdd"
DATA = {
    "train/train.csv": b"setosa,5.1,3.5,1.4,0.2\nversicolor,7,3.2,4.7,1.4\nvirginica,6.3,3.3,6,2.5\n",
    "smoketest/smoketest.csv": b"setosa,5.0,3.5,1.3,0.3\nvirginica,5.8,2.7,5.1,1.9\n",
    "validation/validation.csv": b"setosa,5.2,3.5,1.5,0.2\nversicolor,5.9,3.2,4.8,1.8\n",
}
STAGES = ["Source", "Build", "TrainModel", "DeployModel-Dev", "DeployModel-Test", "DeployModel-Prod"]
Clients = Callable[..., Any]


def stack(client: Clients, name: str, template: str, **parameters: str) -> dict[str, str]:
    """Creates a stack: its outputs."""
    cloudformation = client("cloudformation")
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(HERE / template).read_text(),
        Parameters=given,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    created = until(ended, f"the stack {name}")
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]
    assert created["StackStatus"] == "CREATE_COMPLETE", reasons
    return {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}


def push(server: RunningServer, directory: Path, address: str) -> None:
    """Commits the model's code to master, as git of 2019 named it, and pushes it."""
    environment = server.environment(HOME=str(directory), **git_environment(server.url))
    work = directory / "work"
    for command in (
        ["clone", "--quiet", address, str(work)],
        ["-C", str(work), "checkout", "--quiet", "-B", "master"],
        ["-C", str(work), f"--work-tree={HERE}", "add", "model"],
        ["-C", str(work), "-c", "user.name=Jane", "-c", "user.email=jane@example.com", "commit", "-qm", "Initial"],
        ["-C", str(work), "push", "--quiet", "origin", "master"],
    ):
        done = subprocess.run(["git", *command], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def actions(client: Clients, pipeline: str, execution: str) -> list[dict[str, Any]]:
    """An execution's actions, the first one first."""
    found: list[dict[str, Any]] = client("codepipeline").list_action_executions(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution}
    )["actionExecutionDetails"]
    return found[::-1]


def messages(client: Clients, group: str) -> list[str]:
    """Everything in a log group."""
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]


def test_an_old_lab_runs_to_production(server: RunningServer, client: Clients, tmp_path: Path) -> None:
    prepared = stack(client, "OldPrepare", "prepare.yml", UniqueID=ID)
    for source in (HERE / "functions").glob("*.py"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(source, source.name)
        key = f"{source.stem.capitalize()}.py.zip"
        client("s3").put_object(Bucket=prepared["CodeBucket"], Key=key, Body=packed.getvalue())
    made = stack(client, "OldPipeline", "pipeline.yml", UniqueID=ID, CodeBucket=prepared["CodeBucket"])
    for key, content in DATA.items():
        client("s3").put_object(Bucket=made["DataBucket"], Key=key, Body=content)
    push(server, tmp_path, prepared["CloneUrl"])

    pipelines, pipeline = client("codepipeline"), made["Pipeline"]

    def delivered() -> dict[str, Any] | None:
        # The execution that the pipeline's creation starts finds no branch and fails, as on AWS.
        found = pipelines.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
        pushed = [each for each in found if each["trigger"]["triggerType"] != "CreatePipeline"]
        return dict(pushed[0]) if pushed and pushed[0]["status"] != "InProgress" else None

    execution = until(delivered, "the pipeline")
    details = actions(client, pipeline, execution["pipelineExecutionId"])
    story = [(each["actionName"], each["status"], each["output"].get("executionResult")) for each in details]
    assert execution["status"] == "Succeeded", story
    assert list(dict.fromkeys(each["stageName"] for each in details)) == STAGES

    (endpoint,) = client("sagemaker").list_endpoints(NameContains="Prod")["Endpoints"]
    runtime = client("sagemaker-runtime")
    row = b"virginica,5.8,2.7,5.1,1.9"
    answer = runtime.invoke_endpoint(EndpointName=endpoint["EndpointName"], ContentType="text/csv", Body=row)
    assert answer["Body"].read() == b"virginica\n"
    status = messages(client, f"/aws/lambda/Old-Status-{ID}")
    assert sum(message.startswith("[AGAIN] Deployment") for message in status) >= 3
    assert any("python3.6 is not available here" in message for message in status)
    built = messages(client, f"/aws/codebuild/{made['Project']}")
    assert any("aws/codebuild/python:3.7.1-1.7.0 is not run here" in message for message in built)
    assert any(message.startswith("FROM ubuntu:16.04: using") for message in built)
    assert client("ecr").describe_images(repositoryName=f"old-{ID}")["imageDetails"][0]["imageTags"] == ["latest"]
    assert REGION in endpoint["EndpointArn"]
