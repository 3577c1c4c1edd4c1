"""Records as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.services.codepipeline.records import ActionExecution, Execution, Pipeline


def present(**members: Any) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def _shared(execution: Execution) -> dict[str, Any]:
    return present(
        pipelineExecutionId=execution.id,
        status=execution.status,
        statusSummary=execution.status_summary,
        trigger={"triggerType": execution.trigger_type, "triggerDetail": execution.trigger_detail},
        executionMode=execution.mode,
        executionType="STANDARD",
    )


def execution(execution: Execution) -> dict[str, Any]:
    """An execution as GetPipelineExecution shows it."""
    names = ("name", "revisionId", "revisionChangeIdentifier", "revisionSummary", "revisionUrl")
    revisions = []
    for item in execution.revisions:
        shown = {name: item[name] for name in names if item.get(name)}
        if "created" in item:
            shown["created"] = datetime.fromisoformat(item["created"])
        revisions.append(shown)
    variables = [{"name": name, "resolvedValue": value} for name, value in execution.variables.items()]
    return {
        "pipelineName": execution.pipeline,
        "pipelineVersion": execution.version,
        "artifactRevisions": revisions,
        **({"variables": variables} if variables else {}),
        **_shared(execution),
    }


def summary(execution: Execution) -> dict[str, Any]:
    """An execution as ListPipelineExecutions shows it."""
    names = ("actionName", "revisionId", "revisionSummary", "revisionUrl")
    stopped = None if execution.stop_reason is None else {"reason": execution.stop_reason}
    return {
        **_shared(execution),
        **present(
            startTime=execution.started,
            lastUpdateTime=execution.updated,
            sourceRevisions=[{name: item[name] for name in names if item.get(name)} for item in execution.revisions],
            stopTrigger=stopped,
        ),
    }


def artifacts(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Artifacts with where they lie."""
    return [{"name": item["name"], "s3location": {"bucket": item["bucket"], "key": item["key"]}} for item in items]


def errors(action: ActionExecution) -> dict[str, str] | None:
    """Why an action failed, None if it did not."""
    if action.error_code is None:
        return None
    return {"code": action.error_code, "message": action.error_message or action.error_code}


def action_detail(action: ActionExecution, pipeline: Pipeline) -> dict[str, Any]:
    """An action execution as ListActionExecutions shows it."""
    declaration = action.declaration
    result = present(
        externalExecutionId=action.external_id,
        externalExecutionSummary=action.summary,
        externalExecutionUrl=action.external_url,
        errorDetails=errors(action),
        logStreamARN=action.log_stream_arn,
    )
    return present(
        pipelineExecutionId=action.execution,
        actionExecutionId=action.id,
        pipelineVersion=action.version,
        stageName=action.stage,
        actionName=action.action,
        startTime=action.started,
        lastUpdateTime=action.updated,
        updatedBy=action.updated_by,
        status=action.status,
        input=present(
            actionTypeId=declaration["actionTypeId"],
            configuration=declaration.get("configuration", {}),
            resolvedConfiguration=action.configuration,
            roleArn=declaration.get("roleArn"),
            region=action.region,
            inputArtifacts=artifacts(action.inputs),
            namespace=declaration.get("namespace"),
        ),
        output=present(
            outputArtifacts=artifacts(action.outputs) if action.status == "Succeeded" else [],
            executionResult=result,
            outputVariables=action.variables,
        ),
    )


def action_state(action: ActionExecution) -> dict[str, Any]:
    """An action execution as GetPipelineState shows it."""
    token = action.token if action.status == "InProgress" else None
    return present(
        actionExecutionId=action.id,
        status=action.status,
        summary=action.summary,
        lastStatusChange=action.updated if action.status != "InProgress" else action.started,
        token=token,
        lastUpdatedBy=action.updated_by,
        externalExecutionId=action.external_id,
        externalExecutionUrl=action.external_url,
        percentComplete=action.percent,
        errorDetails=errors(action),
        logStreamARN=action.log_stream_arn,
    )
