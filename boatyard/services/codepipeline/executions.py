"""Executions: start, stop, retry a stage, and their history."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page_of
from boatyard.services.codepipeline import announcements, lifecycle, lookup, views
from boatyard.services.codepipeline.records import ACTIONS, EXECUTIONS, Execution, Pipeline
from boatyard.state.database import Transaction

MAXIMUM_RUNNING = 50
_REVISION_TYPES = {"CodeCommit": ("COMMIT_ID",), "S3": ("S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY")}
_BAD_TOKEN = "InvalidNextTokenException"  # noqa: S105 - an error code


def start_pipeline_execution(call: Call, params: Params) -> dict[str, Any]:
    """Starts an execution from the sources' newest, or the given, revisions.

    CodePipeline API Reference: StartPipelineExecution.
    """
    token = params.get("clientRequestToken")
    with call.installation.database.transaction() as tx:
        pipeline = lookup.pipeline(call, tx, params["name"])
        where = {"account": call.account, "region": call.region, "pipeline": pipeline.name}
        if token:
            for execution in EXECUTIONS.select(tx, where, order="order", descending=True, limit=100):
                if execution.request_token == token:
                    return {"pipelineExecutionId": execution.id}
        running = sum(1 for _ in lifecycle.running(tx, call.account, call.region, pipeline.name))
        if pipeline.declaration["executionMode"] != "SUPERSEDED" and running >= MAXIMUM_RUNNING:
            raise ApiError(
                "ConcurrentPipelineExecutionsLimitExceededException",
                f"The pipeline '{pipeline.name}' has reached the limit of {MAXIMUM_RUNNING} concurrent executions",
            )
        execution = lifecycle.start(
            call.installation,
            tx,
            pipeline,
            _trigger(call),
            variables=_variables(pipeline, params.get("variables", [])),
            overrides=_overrides(pipeline, params.get("sourceRevisions", [])),
            request_token=token,
        )
    return {"pipelineExecutionId": execution.id}


def _trigger(call: Call) -> tuple[str, str]:
    """Who started it: a rule of EventBridge (which says so by its source ARN), or the caller."""
    source = call.source_arn or ""
    if source.startswith("arn:aws:events:"):
        return "CloudWatchEvent", source
    return "StartPipelineExecution", call.principal.arn


def _variables(pipeline: Pipeline, given: list[dict[str, str]]) -> dict[str, str]:
    declared = {item["name"] for item in pipeline.declaration.get("variables", [])}
    for item in given:
        if item["name"] not in declared:
            raise ApiError(
                "ValidationException", f"The pipeline '{pipeline.name}' does not declare the variable '{item['name']}'"
            )
    values = {item["name"]: item["value"] for item in given}
    for item in pipeline.declaration.get("variables", []):
        if "defaultValue" not in item and item["name"] not in values:
            raise ApiError(
                "ValidationException",
                f"The variable '{item['name']}' has no default value, and so must be given at the start",
            )
    return values


def _overrides(pipeline: Pipeline, given: list[dict[str, str]]) -> list[dict[str, str]]:
    sources = {item["name"]: item for item in pipeline.declaration["stages"][0]["actions"]}
    for item in given:
        action = sources.get(item["actionName"])
        if action is None:
            raise ApiError(
                "ValidationException",
                f"The pipeline '{pipeline.name}' does not have a source action with the name '{item['actionName']}'",
            )
        provider = action["actionTypeId"]["provider"]
        if item["revisionType"] not in _REVISION_TYPES[provider]:
            raise ApiError(
                "ValidationException",
                f"The revision type '{item['revisionType']}' is not one of the {provider} action '{action['name']}'",
            )
    return [dict(item) for item in given]


def stop_pipeline_execution(call: Call, params: Params) -> dict[str, Any]:
    """Stops an execution: after its running actions, or by abandoning them.

    CodePipeline API Reference: StopPipelineExecution.
    """
    installation, abandon = call.installation, bool(params.get("abandon", False))
    with installation.database.transaction() as tx:
        pipeline = lookup.pipeline(call, tx, params["pipelineName"])
        code = "PipelineExecutionNotStoppableException"
        execution = lookup.execution(call, tx, pipeline.name, params["pipelineExecutionId"], code)
        if lifecycle.ended(execution):
            raise ApiError(
                code, f"The pipeline execution '{execution.id}' is {execution.status}, and so cannot be stopped"
            )
        if execution.status == "Stopping" and (not abandon or execution.abandon):
            raise ApiError(
                "DuplicatedStopRequestException", f"The pipeline execution '{execution.id}' is already stopping"
            )
        if execution.status != "Stopping":
            announcements.pipeline_changed(installation, tx, execution, "Stopping")
        execution = replace(
            execution, status="Stopping", abandon=abandon, stop_reason=params.get("reason", execution.stop_reason)
        )
        EXECUTIONS.put(tx, execution)
        if abandon:
            lifecycle.abandon_actions(installation, tx, execution)
        lifecycle.wake_pipeline(installation, tx, execution)
    return {"pipelineExecutionId": execution.id}


def retry_stage_execution(call: Call, params: Params) -> dict[str, Any]:
    """Runs a failed stage again: its failed actions or all. CodePipeline API Reference: RetryStageExecution."""
    installation, stage = call.installation, params["stageName"]
    with installation.database.transaction() as tx:
        pipeline = lookup.pipeline(call, tx, params["pipelineName"])
        lookup.stage(pipeline.declaration, stage)
        code = "NotLatestPipelineExecutionException"
        execution = lookup.execution(call, tx, pipeline.name, params["pipelineExecutionId"], code)
        _check_retryable(tx, pipeline, execution, stage)
        for action in lifecycle.actions_of(tx, execution):
            again = params["retryMode"] == "ALL_ACTIONS" or action.status != "Succeeded"
            if action.stage == stage and action.current and again:
                ACTIONS.put(tx, replace(action, current=False))
        execution = replace(
            execution,
            status="InProgress",
            attempt=execution.attempt + 1,
            retry=stage,
            abandon=None,
            stop_reason=None,
            status_summary=None,
        )
        EXECUTIONS.put(tx, execution)
        announcements.pipeline_changed(installation, tx, execution, "Resumed")
        lifecycle.launch(installation, tx, execution)
    return {"pipelineExecutionId": execution.id}


def _check_retryable(tx: Transaction, pipeline: Pipeline, execution: Execution, stage: str) -> None:
    status = execution.stages.get(stage)
    if not lifecycle.ended(execution) or status not in ("Failed", "Stopped") or execution.version != pipeline.version:
        raise ApiError(
            "StageNotRetryableException",
            f"Unable to retry. The stage '{stage}' can't be retried because the pipeline structure or stage state "
            "changed after the stage was not completed; the stage contains no failed actions; one or more actions "
            "are still in progress; or another retry attempt is already in progress.",
        )
    known = lifecycle.stage_of(tx, execution, stage)
    if known.latest_execution != execution.id and execution.mode != "PARALLEL":
        raise ApiError(
            "NotLatestPipelineExecutionException",
            f"The stage '{stage}' has been entered by a later execution, so that '{execution.id}' cannot be retried",
        )


def get_pipeline_execution(call: Call, params: Params) -> dict[str, Any]:
    """One execution. CodePipeline API Reference: GetPipelineExecution."""
    with call.installation.database.reading() as rx:
        pipeline = lookup.pipeline(call, rx, params["pipelineName"])
        code = "PipelineExecutionNotFoundException"
        execution = lookup.execution(call, rx, pipeline.name, params["pipelineExecutionId"], code)
    return {"pipelineExecution": views.execution(execution)}


def list_pipeline_executions(call: Call, params: Params) -> dict[str, Any]:
    """The executions of a pipeline, newest first. CodePipeline API Reference: ListPipelineExecutions."""
    stage = params.get("filter", {}).get("succeededInStage", {}).get("stageName")
    with call.installation.database.reading() as rx:
        pipeline = lookup.pipeline(call, rx, params["pipelineName"])
        where = {"account": call.account, "region": call.region, "pipeline": pipeline.name}
        chosen, token = page_of(
            rx,
            EXECUTIONS,
            where,
            params.get("nextToken"),
            params.get("maxResults", 100),
            order=("order",),
            descending=True,
            keep=lambda item: stage is None or item.stages.get(stage) == "Succeeded",
            code=_BAD_TOKEN,
        )
    return {"pipelineExecutionSummaries": [views.summary(item) for item in chosen], "nextToken": token}


def list_action_executions(call: Call, params: Params) -> dict[str, Any]:
    """The action executions of a pipeline, newest first. CodePipeline API Reference: ListActionExecutions."""
    wanted = params.get("filter", {})
    latest = wanted.get("latestInPipelineExecution", {})
    execution_id = wanted.get("pipelineExecutionId") or latest.get("pipelineExecutionId")
    with call.installation.database.reading() as rx:
        pipeline = lookup.pipeline(call, rx, params["pipelineName"])
        where = {"account": call.account, "region": call.region, "pipeline": pipeline.name}
        if execution_id:
            lookup.execution(call, rx, pipeline.name, execution_id, "PipelineExecutionNotFoundException")
            where["execution"] = execution_id
        chosen, token = page_of(
            rx,
            ACTIONS,
            where,
            params.get("nextToken"),
            params.get("maxResults", 100),
            order=("started", "order"),
            descending=True,
            keep=lambda item: latest.get("startTimeRange") != "Latest" or item.current,
            code=_BAD_TOKEN,
        )
    return {"actionExecutionDetails": [views.action_detail(item, pipeline) for item in chosen], "nextToken": token}
