"""Executions: run to their end, wait at doors, supersede one another, stop, retry."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError

from .conftest import Pipelines, Services, action, approval, until


def start(pipelines: Pipelines, **more: Any) -> str:
    return str(pipelines("StartPipelineExecution", name="line", **more)["pipelineExecutionId"])


def waiting_at(pipelines: Pipelines, stage: str, execution: str) -> Any:
    return until(lambda: pipelines.stage(stage).get("inboundExecution", {}).get("pipelineExecutionId") == execution)


def inside(pipelines: Pipelines, stage: str, execution: str) -> Any:
    wanted = {"pipelineExecutionId": execution, "status": "InProgress", "type": "STANDARD"}
    return until(lambda: pipelines.stage(stage).get("latestExecution") == wanted)


def test_creation_starts_an_execution_that_runs_to_succeeded(pipelines: Pipelines, services: Services) -> None:
    pipelines.create(approval())
    pipelines.decide("Gate", "Ask", summary="ship it")
    done = pipelines.wait_for("Succeeded")
    assert done["trigger"]["triggerType"] == "CreatePipeline"
    assert done["sourceRevisions"][0]["revisionId"] == "v1"
    copied = services.asked("s3", "CopyObject")[0]
    assert copied["CopySource"] == "sources/code.zip?versionId=v1"
    assert copied["Key"].startswith("line/Code/")
    assert copied["ServerSideEncryption"] == "aws:kms"
    assert pipelines.action("Gate", "Ask")["summary"] == "ship it"
    whole = pipelines("GetPipelineExecution", pipelineName="line", pipelineExecutionId=done["pipelineExecutionId"])
    assert whole["pipelineExecution"]["artifactRevisions"][0]["name"] == "Code"


def test_a_rejected_approval_fails_the_execution_and_a_retry_asks_again(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    pipelines.decide("Gate", "Ask", "Rejected", "not yet")
    failed = pipelines.wait_for("Failed")
    assert pipelines.action("Gate", "Ask")["errorDetails"] == {"code": "JobFailed", "message": "not yet"}
    assert pipelines.stage("Gate")["latestExecution"]["status"] == "Failed"
    pipelines(
        "RetryStageExecution",
        pipelineName="line",
        stageName="Gate",
        pipelineExecutionId=failed["pipelineExecutionId"],
        retryMode="FAILED_ACTIONS",
    )
    pipelines.decide("Gate", "Ask")
    pipelines.wait_for("Succeeded")
    assert [item["actionName"] for item in pipelines.actions()] == ["Ask", "Ask", "Fetch"]


def test_a_token_is_good_for_one_answer(pipelines: Pipelines) -> None:
    pipelines.create(approval(), approval("Again", "Second"))
    token = until(lambda: pipelines.action("Gate", "Ask").get("token"))
    answer = {
        "pipelineName": "line",
        "stageName": "Gate",
        "actionName": "Ask",
        "result": {"status": "Approved", "summary": ""},
    }
    with pytest.raises(ApiError, match="InvalidApprovalTokenException"):
        pipelines("PutApprovalResult", **answer, token="00000000-0000-4000-8000-000000000000")
    pipelines("PutApprovalResult", **answer, token=token)
    with pytest.raises(ApiError, match="ApprovalAlreadyCompletedException"):
        pipelines("PutApprovalResult", **answer, token=token)


def test_the_newer_execution_replaces_the_older_that_waits(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    first = pipelines.executions()[0]["pipelineExecutionId"]
    inside(pipelines, "Gate", first)
    second = start(pipelines)
    waiting_at(pipelines, "Gate", second)
    third = start(pipelines)
    superseded = pipelines.wait_for("Superseded", 1)
    assert superseded["pipelineExecutionId"] == second
    pipelines.decide("Gate", "Ask")
    inside(pipelines, "Gate", third)
    pipelines.decide("Gate", "Ask")
    pipelines.wait_for("Succeeded", 2)


def test_queued_executions_all_run_in_order(pipelines: Pipelines) -> None:
    pipelines.create(approval(), pipelineType="V2", executionMode="QUEUED")
    second, third = start(pipelines), start(pipelines)
    for execution in (pipelines.executions()[0]["pipelineExecutionId"], second, third):
        inside(pipelines, "Gate", execution)
        pipelines.decide("Gate", "Ask")
    pipelines.wait_for("Succeeded", 2)
    assert {item["status"] for item in pipelines.executions()} == {"Succeeded"}


def test_parallel_executions_do_not_wait_for_each_other(pipelines: Pipelines) -> None:
    pipelines.create(approval(), pipelineType="V2", executionMode="PARALLEL")
    start(pipelines)

    def asked() -> list[dict[str, Any]]:
        return [item for item in pipelines.actions() if item["actionName"] == "Ask"]

    until(lambda: len(asked()) == 2)
    assert {item["status"] for item in asked()} == {"InProgress"}


def test_a_shut_door_holds_executions_until_it_is_opened(pipelines: Pipelines) -> None:
    pipelines.create(approval(), approval("Again", "Second"))
    door = {"pipelineName": "line", "stageName": "Second", "transitionType": "Inbound"}
    pipelines("DisableStageTransition", **door, reason="Freeze")
    pipelines.decide("Gate", "Ask")
    waiting_at(pipelines, "Second", pipelines.executions()[0]["pipelineExecutionId"])
    assert pipelines.stage("Second")["inboundTransitionState"]["disabledReason"] == "Freeze"
    pipelines("EnableStageTransition", **door)
    pipelines.decide("Second", "Again")
    pipelines.wait_for("Succeeded")


def test_stop_and_wait_lets_the_running_action_finish(pipelines: Pipelines) -> None:
    pipelines.create(approval(), approval("Again", "Second"))
    execution = pipelines.executions()[0]["pipelineExecutionId"]
    inside(pipelines, "Gate", execution)
    until(lambda: pipelines.action("Gate", "Ask").get("token"))
    stop = {"pipelineName": "line", "pipelineExecutionId": execution}
    pipelines("StopPipelineExecution", **stop, reason="enough")
    with pytest.raises(ApiError, match="DuplicatedStopRequestException"):
        pipelines("StopPipelineExecution", **stop)
    assert pipelines.stage("Gate")["latestExecution"]["status"] == "Stopping"
    pipelines.decide("Gate", "Ask")
    stopped = pipelines.wait_for("Stopped")
    assert stopped["stopTrigger"] == {"reason": "enough"}
    with pytest.raises(ApiError, match="PipelineExecutionNotStoppableException"):
        pipelines("StopPipelineExecution", **stop)


def test_abandon_ends_the_running_action_at_once(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    execution = pipelines.executions()[0]["pipelineExecutionId"]
    until(lambda: pipelines.action("Gate", "Ask").get("token"))
    pipelines("StopPipelineExecution", pipelineName="line", pipelineExecutionId=execution, abandon=True)
    pipelines.wait_for("Stopped")
    assert pipelines.action("Gate", "Ask")["status"] == "Abandoned"


def test_actions_of_one_run_order_run_together_and_later_ones_after(pipelines: Pipelines) -> None:
    gate = {
        "name": "Gate",
        "actions": [
            action("One", "Approval", "Manual", {}, runOrder=1),
            action("Two", "Approval", "Manual", {}, runOrder=1),
            action("Three", "Approval", "Manual", {}, runOrder=2),
        ],
    }
    pipelines.create(gate)
    until(lambda: pipelines.action("Gate", "One").get("token") and pipelines.action("Gate", "Two").get("token"))
    assert pipelines.action("Gate", "Three") == {}
    pipelines.decide("Gate", "One")
    pipelines.decide("Gate", "Two")
    pipelines.decide("Gate", "Three")
    pipelines.wait_for("Succeeded")


def test_a_missing_object_fails_the_source_with_a_way_out(pipelines: Pipelines, services: Services) -> None:
    def missing(call: Any, params: Any) -> dict[str, Any]:
        raise ApiError("404", "Not Found", status=404)

    services.set("s3", "HeadObject", missing)
    pipelines.create(approval())
    pipelines.wait_for("Failed")
    error = pipelines.action("Source", "Fetch")["errorDetails"]
    assert error["code"] == "ConfigurationError"
    assert "code.zip" in error["message"]
    assert "sources" in error["message"]


def test_variables_reach_later_actions(pipelines: Pipelines, services: Services) -> None:
    services.set("sns", "Publish", lambda call, params: {"MessageId": "1"})
    settings = {
        "NotificationArn": "arn:aws:sns:us-east-1:000000000000:ask",
        "CustomData": "#{SourceVariables.VersionId} by #{codepipeline.PipelineExecutionId} for #{variables.who}",
    }
    stage = {"name": "Gate", "actions": [action("Ask", "Approval", "Manual", settings)]}
    pipelines.create(stage, pipelineType="V2", variables=[{"name": "who", "defaultValue": "everyone"}])
    until(lambda: services.asked("sns", "Publish"))
    execution = pipelines.executions()[0]["pipelineExecutionId"]
    message = services.asked("sns", "Publish")[0]["Message"]
    assert f"v1 by {execution} for everyone" in message
    other = start(pipelines, variables=[{"name": "who", "value": "me"}])
    given = pipelines("GetPipelineExecution", pipelineName="line", pipelineExecutionId=other)
    assert given["pipelineExecution"]["variables"] == [{"name": "who", "resolvedValue": "me"}]


def test_deleting_a_pipeline_ends_what_runs(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    until(lambda: pipelines.action("Gate", "Ask").get("token"))
    execution = pipelines.executions()[0]["pipelineExecutionId"]
    pipelines("DeletePipeline", name="line")
    workflows = pipelines.installation.workflows
    until(lambda: not workflows.running(f"codepipeline/{execution}/1"))
    with pytest.raises(ApiError, match="PipelineNotFoundException"):
        pipelines("GetPipelineState", name="line")


def test_a_retry_of_all_actions_passes_by_the_door_and_those_that_wait_there(pipelines: Pipelines) -> None:
    two = {
        "name": "Gate",
        "actions": [action("One", "Approval", "Manual", {}), action("Two", "Approval", "Manual", {})],
    }
    pipelines.create(two)
    pipelines.decide("Gate", "One")
    pipelines.decide("Gate", "Two", "Rejected")
    first = pipelines.wait_for("Failed")["pipelineExecutionId"]
    pipelines("DisableStageTransition", pipelineName="line", stageName="Gate", transitionType="Inbound", reason="x")
    waiting_at(pipelines, "Gate", start(pipelines))
    pipelines(
        "RetryStageExecution",
        pipelineName="line",
        stageName="Gate",
        pipelineExecutionId=first,
        retryMode="ALL_ACTIONS",
    )
    pipelines.decide("Gate", "One")
    pipelines.decide("Gate", "Two")
    pipelines.wait_for("Succeeded")
    assert pipelines.executions()[1]["status"] == "InProgress"
