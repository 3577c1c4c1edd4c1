"""The Lambda invoke action: the event, the report, calling again, errors, silence."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import Any

import pytest

from boatyard.api.bodies import BytesBody, as_body
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.identity import credentials
from boatyard.services.codepipeline import wakeups
from boatyard.settings import Settings

from .conftest import Pipelines, Services, action, make_role, until


def invoke_stage(**more: Any) -> dict[str, Any]:
    settings = {"FunctionName": "train", "UserParameters": '{"depth": 3}'}
    train = action(
        "Train",
        "Invoke",
        "Lambda",
        settings,
        inputArtifacts=[{"name": "Code"}],
        outputArtifacts=[{"name": "Job"}],
        namespace="Training",
        **more,
    )
    return {"name": "Train", "actions": [train]}


class Function:
    """A function: what it was given, and what it does."""

    def __init__(self, services: Services, behaviour: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.behaviour = behaviour
        services.set("lambda", "Invoke", self.invoke)

    def invoke(self, call: Call, params: Params) -> dict[str, Any]:
        event = json.loads(as_body(params["Payload"]).read())["CodePipeline.job"]
        self.events.append(event)
        answer = self.behaviour(call, event)
        return answer or {"StatusCode": 200, "Payload": BytesBody(b"null")}


def test_the_function_gets_the_job_and_reports_success(pipelines: Pipelines, services: Services) -> None:
    def succeed(call: Call, event: dict[str, Any]) -> None:
        call.invoke(
            "codepipeline",
            "PutJobSuccessResult",
            jobId=event["id"],
            outputVariables={"name": "job-1"},
            executionDetails={"summary": "trained", "externalExecutionId": "job-1"},
        )

    function = Function(services, succeed)
    after = action("Tell", "Invoke", "Lambda", {"FunctionName": "tell", "UserParameters": "#{Training.name}"})
    pipelines.create(invoke_stage(), {"name": "Tell", "actions": [after]})
    pipelines.wait_for("Succeeded")
    event, told = function.events
    assert event["accountId"] == "000000000000"
    data = event["data"]
    assert data["actionConfiguration"]["configuration"] == {"FunctionName": "train", "UserParameters": '{"depth": 3}'}
    copied = services.asked("s3", "CopyObject")[0]
    assert data["inputArtifacts"] == [
        {
            "name": "Code",
            "revision": "v1",
            "location": {"type": "S3", "s3Location": {"bucketName": "artifacts", "objectKey": copied["Key"]}},
        }
    ]
    assert data["outputArtifacts"][0]["location"]["s3Location"]["objectKey"].startswith("line/Job/")
    assert "continuationToken" not in data
    assert told["data"]["actionConfiguration"]["configuration"]["UserParameters"] == "job-1"
    state = pipelines.action("Train", "Train")
    assert (state["summary"], state["status"]) == ("trained", "Succeeded")


@pytest.mark.parametrize("authorization", ["enforce"])
def test_the_credentials_are_real_and_reach_the_artifacts_only(
    pipelines: Pipelines, services: Services, installation: Installation
) -> None:
    found: list[credentials.Credential] = []

    def look(call: Call, event: dict[str, Any]) -> None:
        given = event["data"]["artifactCredentials"]
        credential = credentials.find(installation, given["accessKeyId"])
        assert credential is not None
        assert (credential.secret_access_key, credential.session_token) == (
            given["secretAccessKey"],
            given["sessionToken"],
        )
        found.append(credential)
        call.invoke("codepipeline", "PutJobSuccessResult", jobId=event["id"])

    function = Function(services, look)
    pipelines.create(invoke_stage())
    pipelines.wait_for("Succeeded")
    session = found[0].principal.session
    assert session is not None
    assert session.role_arn == pipelines.role
    data = function.events[0]["data"]
    source, target = (data[kind][0]["location"]["s3Location"] for kind in ("inputArtifacts", "outputArtifacts"))
    limited = dataclasses.replace(pipelines.call, principal=found[0].principal)

    def may(operation: str, place: dict[str, str]) -> bool:
        try:
            limited.authorize("s3", operation, {"Bucket": place["bucketName"], "Key": place["objectKey"]})
        except ApiError as error:
            return error.code != "AccessDenied"
        return True

    other = {"bucketName": "artifacts", "objectKey": "line/Other/1234567"}
    assert [may("GetObject", place) for place in (source, target, other)] == [True, False, False]
    assert [may("PutObject", place) for place in (source, target, other)] == [False, True, False]


def test_a_continuation_token_leads_to_another_job(pipelines: Pipelines, services: Services) -> None:
    def ask_twice(call: Call, event: dict[str, Any]) -> None:
        more: dict[str, Any] = {}
        if event["data"].get("continuationToken") != "second":
            more = {"continuationToken": "second" if "continuationToken" in event["data"] else "first"}
        call.invoke("codepipeline", "PutJobSuccessResult", jobId=event["id"], **more)
        wakeups.something_changed(call.installation)

    function = Function(services, ask_twice)
    pipelines.create(invoke_stage())
    pipelines.wait_for("Succeeded")
    tokens = [event["data"].get("continuationToken") for event in function.events]
    assert tokens == [None, "first", "second"]
    assert len({event["id"] for event in function.events}) == 3


def test_a_reported_failure_fails_the_action(pipelines: Pipelines, services: Services) -> None:
    def fail(call: Call, event: dict[str, Any]) -> None:
        details = {"type": "JobFailed", "message": "accuracy 0.4 is below 0.9"}
        call.invoke("codepipeline", "PutJobFailureResult", jobId=event["id"], failureDetails=details)

    Function(services, fail)
    pipelines.create(invoke_stage())
    pipelines.wait_for("Failed")
    error = pipelines.action("Train", "Train")["errorDetails"]
    assert error == {"code": "JobFailed", "message": "accuracy 0.4 is below 0.9"}


def test_a_function_that_ends_with_an_error_fails_the_action_with_its_message(
    pipelines: Pipelines, services: Services
) -> None:
    payload = b'{"errorType": "KeyError", "errorMessage": "no depth"}'
    Function(services, lambda call, event: {"FunctionError": "Unhandled", "Payload": BytesBody(payload)})
    pipelines.create(invoke_stage())
    pipelines.wait_for("Failed")
    message = pipelines.action("Train", "Train")["errorDetails"]["message"]
    assert "KeyError: no depth" in message
    assert "/aws/lambda/train" in message


@pytest.mark.parametrize("lambda_action_timeout_seconds", [0.5])
def test_a_silent_function_fails_after_the_time_out(pipelines: Pipelines, services: Services) -> None:
    Function(services, lambda call, event: None)
    pipelines.create(invoke_stage())
    pipelines.wait_for("Failed")
    message = pipelines.action("Train", "Train")["errorDetails"]["message"]
    assert "failed to return a result" in message


def test_a_job_is_known_until_it_has_ended(pipelines: Pipelines, services: Services) -> None:
    released = threading.Event()
    function = Function(services, lambda call, event: released.wait(60) and None)
    pipelines.create(invoke_stage())
    until(lambda: function.events)
    job = function.events[0]["id"]
    details = pipelines("GetJobDetails", jobId=job)["jobDetails"]
    assert details["data"]["pipelineContext"]["action"]["name"] == "Train"
    pipelines("PutJobSuccessResult", jobId=job)
    pipelines.wait_for("Succeeded")
    released.set()
    with pytest.raises(ApiError, match="InvalidJobStateException"):
        pipelines("PutJobSuccessResult", jobId=job)
    with pytest.raises(ApiError, match="JobNotFoundException"):
        pipelines("PutJobSuccessResult", jobId="00000000-0000-4000-8000-000000000000")


def test_a_function_that_cannot_be_called_says_why(pipelines: Pipelines, services: Services) -> None:
    def missing(call: Call, params: Params) -> dict[str, Any]:
        raise ApiError("ResourceNotFoundException", "Function not found: train")

    services.set("lambda", "Invoke", missing)
    pipelines.create(invoke_stage())
    pipelines.wait_for("Failed")
    error = pipelines.action("Train", "Train")["errorDetails"]
    assert error["code"] == "ConfigurationError"
    assert "Function not found" in error["message"]


def test_a_job_that_a_stop_cut_off_is_called_again_at_the_next_start(settings: Settings, services: Services) -> None:
    stopped = threading.Event()
    function = Function(services, lambda call, event: stopped.wait(60) and None)
    before = Installation(settings)
    before.start()
    pipelines = Pipelines(before, make_role(before, "pipeline", {"Service": "codepipeline.amazonaws.com"}))
    pipelines.create(invoke_stage())
    until(lambda: function.events)
    before.close()
    stopped.set()

    def succeed(call: Call, event: dict[str, Any]) -> None:
        call.invoke("codepipeline", "PutJobSuccessResult", jobId=event["id"])

    function.behaviour = succeed
    after = Installation(settings)
    after.start()
    try:
        Pipelines(after, pipelines.role).wait_for("Succeeded")
    finally:
        after.close()
    assert len({event["id"] for event in function.events}) == 1
    assert len(services.asked("s3", "CopyObject")) == 1
