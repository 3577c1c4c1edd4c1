"""The EventBridge events that CodePipeline sends at every change of state, stored with the change itself."""

from __future__ import annotations

from typing import Any

from boatyard.api.events import emit
from boatyard.api.installation import Installation
from boatyard.services.codepipeline.naming import pipeline_arn
from boatyard.services.codepipeline.records import ActionExecution, Execution
from boatyard.state.database import Transaction

_STATES = {
    "InProgress": "STARTED",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Stopped": "STOPPED",
    "Stopping": "STOPPING",
    "Superseded": "SUPERSEDED",
    "Cancelled": "CANCELED",
    "Abandoned": "ABANDONED",
    "Resumed": "RESUMED",
}


def pipeline_changed(installation: Installation, tx: Transaction, execution: Execution, status: str) -> None:
    """Sends "CodePipeline Pipeline Execution State Change".

    Follows CodePipeline's user guide, "Monitoring CodePipeline events".
    """
    detail: dict[str, Any] = {
        "execution-trigger": {
            "trigger-type": execution.trigger_type,
            "trigger-detail": execution.trigger_detail,
        }
    }
    if status == "Stopped" and execution.stop_reason:
        detail["stop-execution-comments"] = execution.stop_reason
    _send(installation, tx, "Pipeline", execution, status, detail)


def stage_changed(installation: Installation, tx: Transaction, execution: Execution, stage: str, status: str) -> None:
    """Sends "CodePipeline Stage Execution State Change"."""
    _send(installation, tx, "Stage", execution, status, {"stage": stage})


def action_changed(
    installation: Installation, tx: Transaction, execution: Execution, action: ActionExecution, status: str
) -> None:
    """Sends "CodePipeline Action Execution State Change"."""
    detail: dict[str, Any] = {
        "stage": action.stage,
        "action": action.action,
        "action-execution-id": action.id,
        "region": action.region,
        "type": action.declaration["actionTypeId"],
        "input-artifacts": [_artifact(item) for item in action.inputs],
    }
    result = {
        "external-execution-id": action.external_id,
        "external-execution-url": action.external_url,
        "external-execution-summary": action.error_message or action.summary,
        "error-code": action.error_code,
    }
    result = {key: value for key, value in result.items() if value}
    if result:
        detail["execution-result"] = result
    if status == "Succeeded":
        detail["output-artifacts"] = [_artifact(item) for item in action.outputs]
    _send(installation, tx, "Action", execution, status, detail)


def _artifact(item: dict[str, Any]) -> dict[str, Any]:
    return {"name": item["name"], "s3location": {"bucket": item["bucket"], "key": item["key"]}}


def _send(
    installation: Installation,
    tx: Transaction,
    kind: str,
    execution: Execution,
    status: str,
    detail: dict[str, Any],
) -> None:
    emit(
        installation,
        tx,
        source="aws.codepipeline",
        detail_type=f"CodePipeline {kind} Execution State Change",
        detail={
            "pipeline": execution.pipeline,
            "execution-id": execution.id,
            "state": _STATES[status],
            "version": float(execution.version),
            **detail,
        },
        resources=[pipeline_arn(execution.account, execution.region, execution.pipeline)],
        account=execution.account,
        region=execution.region,
    )
