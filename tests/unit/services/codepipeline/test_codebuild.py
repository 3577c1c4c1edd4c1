"""The CodeBuild action: what a build is started with, what becomes of its end."""

from __future__ import annotations

import json
import threading
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.events import emit
from boatyard.api.installation import Installation

from .conftest import Pipelines, Services, action, make_role, until


def build_stage(outputs: tuple[str, ...] = ("Image",), **configuration: str) -> dict[str, Any]:
    build = action(
        "Build",
        "Build",
        "CodeBuild",
        {"ProjectName": "images", **configuration},
        inputArtifacts=[{"name": "Code"}],
        outputArtifacts=[{"name": name} for name in outputs],
        namespace="BuildVariables",
    )
    return {"name": "Build", "actions": [build]}


class Builds:
    """A CodeBuild with one build, which ends when the test says so."""

    def __init__(self, installation: Installation, services: Services) -> None:
        self.installation = installation
        self.build: dict[str, Any] = {"id": "images:1", "buildStatus": "IN_PROGRESS", "projectName": "images"}
        self.stopped = threading.Event()
        services.set("codebuild", "StartBuild", lambda call, params: {"build": self.build})
        services.set("codebuild", "BatchGetBuilds", lambda call, params: {"builds": [self.build]})
        services.set("codebuild", "StopBuild", self.stop)

    def stop(self, call: Call, params: Params) -> dict[str, Any]:
        """StopBuild."""
        self.stopped.set()
        return {"build": self.build}

    def end(self, status: str, **more: Any) -> None:
        """End the build and send the event of it."""
        self.build = {**self.build, "buildStatus": status, **more}
        with self.installation.database.transaction() as tx:
            emit(
                self.installation,
                tx,
                source="aws.codebuild",
                detail_type="CodeBuild Build State Change",
                detail={"build-id": "arn:aws:codebuild:us-east-1:000000000000:build/images:1", "build-status": status},
                account="000000000000",
                region="us-east-1",
            )


def test_a_build_gets_the_artifact_and_passes_on_what_it_exported(
    pipelines: Pipelines, services: Services, installation: Installation
) -> None:
    builds = Builds(installation, services)
    variables = [{"name": "COMMIT", "value": "#{SourceVariables.VersionId}", "type": "PLAINTEXT"}]
    pipelines.create(build_stage(EnvironmentVariables=json.dumps(variables)))
    until(lambda: pipelines.action("Build", "Build").get("externalExecutionId") == "images:1")
    builds.end("SUCCEEDED", exportedEnvironmentVariables=[{"name": "TAG", "value": "7"}])
    pipelines.wait_for("Succeeded")
    started = services.asked("codebuild", "StartBuild")[0]
    source = services.asked("s3", "CopyObject")[0]["Key"]
    assert started["sourceVersion"] == f"arn:aws:s3:::artifacts/{source}"
    assert started["environmentVariablesOverride"] == [{"name": "COMMIT", "value": "v1", "type": "PLAINTEXT"}]
    detail = pipelines.actions()[0]
    assert detail["output"]["outputVariables"] == {"TAG": "7"}
    location = detail["output"]["outputArtifacts"][0]["s3location"]
    assert started["artifactsOverride"]["location"] == f"arn:aws:s3:::{location['bucket']}/{location['key']}"


def test_a_failed_build_fails_the_action_with_the_phase_that_failed(
    pipelines: Pipelines, services: Services, installation: Installation
) -> None:
    builds = Builds(installation, services)
    pipelines.create(build_stage(()))
    until(lambda: pipelines.action("Build", "Build").get("externalExecutionId"))
    context = {"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 1"}
    phases = [
        {"phaseType": "INSTALL", "phaseStatus": "SUCCEEDED"},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [context]},
    ]
    builds.end("FAILED", phases=phases)
    pipelines.wait_for("Failed")
    message = pipelines.action("Build", "Build")["errorDetails"]["message"]
    assert "Build terminated with state: FAILED" in message
    assert "Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: exit status 1" in message


def test_abandoning_stops_the_build(pipelines: Pipelines, services: Services, installation: Installation) -> None:
    builds = Builds(installation, services)
    pipelines.create(build_stage())
    until(lambda: pipelines.action("Build", "Build").get("externalExecutionId"))
    execution = pipelines.executions()[0]["pipelineExecutionId"]
    pipelines("StopPipelineExecution", pipelineName="line", pipelineExecutionId=execution, abandon=True)
    assert builds.stopped.wait(120)


def test_a_build_with_several_outputs_has_secondary_artifacts(
    pipelines: Pipelines, services: Services, installation: Installation
) -> None:
    builds = Builds(installation, services)
    pipelines.create(build_stage(("One", "Two")))
    until(lambda: services.asked("codebuild", "StartBuild"))
    started = services.asked("codebuild", "StartBuild")[0]
    assert [item["artifactIdentifier"] for item in started["secondaryArtifactsOverride"]] == ["One", "Two"]
    assert "artifactsOverride" not in started
    builds.end("SUCCEEDED")
    pipelines.wait_for("Succeeded")


def test_an_action_works_in_a_role_of_its_own_that_the_pipelines_role_may_take_on(
    pipelines: Pipelines, services: Services, installation: Installation
) -> None:
    callers: list[str] = []

    def start(call: Call, params: Params) -> dict[str, Any]:
        callers.append(call.principal.arn)
        return {"build": builds.build}

    builds = Builds(installation, services)
    services.set("codebuild", "StartBuild", start)
    own = make_role(installation, "builder", {"AWS": pipelines.role})
    stage = build_stage()
    stage["actions"][0]["roleArn"] = own
    pipelines.create(stage)
    until(lambda: callers)
    builds.end("SUCCEEDED")
    pipelines.wait_for("Succeeded")
    assert callers[0].startswith("arn:aws:sts::000000000000:assumed-role/builder/")


def test_a_role_that_cannot_be_taken_on_is_a_permission_error(
    pipelines: Pipelines, services: Services, installation: Installation
) -> None:
    Builds(installation, services)
    stage = build_stage()
    stage["actions"][0]["roleArn"] = make_role(installation, "closed", {"Service": "lambda.amazonaws.com"})
    pipelines.create(stage)
    pipelines.wait_for("Failed")
    assert pipelines.action("Build", "Build")["errorDetails"]["code"] == "PermissionError"
