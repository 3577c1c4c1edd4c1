"""What a pipeline looks like now, and the doors between its stages."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace

from boatyard.api.call import Call, Params
from boatyard.api.errors import not_supported
from boatyard.api.names import check_pattern
from boatyard.api.timestamps import now
from boatyard.services.codepipeline import lifecycle, lookup, naming, views
from boatyard.services.codepipeline.records import EXECUTIONS, STAGES, ActionExecution, Execution, Stage
from boatyard.state.database import Reader

_LOOKED_BACK = 50
_REASON = r"[a-zA-Z0-9!@ \(\)\.\*\?\-]+"


def get_pipeline_state(call: Call, params: Params) -> dict[str, Any]:
    """Stages, their latest executions, doors and actions. CodePipeline API Reference: GetPipelineState."""
    with call.installation.database.reading() as rx:
        pipeline = lookup.pipeline(call, rx, params["name"])
        where = {"account": call.account, "region": call.region, "pipeline": pipeline.name}
        stages = {item.stage: item for item in STAGES.select(rx, where)}
        running = list(lifecycle.running(rx, call.account, call.region, pipeline.name))
        actions = _latest_actions(rx, where, pipeline.declaration["stages"])
    states = []
    for number, declaration in enumerate(pipeline.declaration["stages"]):
        name = declaration["name"]
        known = stages.get(name) or Stage(account=call.account, region=call.region, pipeline=pipeline.name, stage=name)
        shown = _stage_state(number, known, running)
        shown["actionStates"] = [
            _action_state(action, actions.get((name, action["name"]))) for action in declaration["actions"]
        ]
        states.append(shown)
    return {
        "pipelineName": pipeline.name,
        "pipelineVersion": pipeline.version,
        "stageStates": states,
        "created": pipeline.created,
        "updated": pipeline.updated,
    }


def _latest_actions(
    rx: Reader, where: dict[str, str], stages: list[dict[str, Any]]
) -> dict[tuple[str, str], ActionExecution]:
    """The latest execution of each action, looked for in the newest executions of the pipeline."""
    missing = {(stage["name"], action["name"]) for stage in stages for action in stage["actions"]}
    found: dict[tuple[str, str], ActionExecution] = {}
    for execution in EXECUTIONS.select(rx, where, order="order", descending=True, limit=_LOOKED_BACK):
        if not missing:
            break
        for action in reversed(lifecycle.actions_of(rx, execution)):
            place = (action.stage, action.action)
            if place in missing:
                found[place] = action
                missing.discard(place)
    return found


def _stage_state(number: int, stage: Stage, running: list[Execution]) -> dict[str, Any]:
    waiting = [item for item in running if item.waiting_for == stage.stage]
    inbound = [{"pipelineExecutionId": item.id, "status": "InProgress"} for item in waiting]
    latest = None
    if stage.latest_execution is not None:
        stopping = any(item.id == stage.latest_execution and item.status == "Stopping" for item in running)
        status = "Stopping" if stopping and stage.latest_status == "InProgress" else stage.latest_status
        latest = {"pipelineExecutionId": stage.latest_execution, "status": status, "type": "STANDARD"}
    transition = None
    if number > 0:
        transition = views.present(
            enabled=stage.enabled,
            lastChangedBy=stage.changed_by,
            lastChangedAt=stage.changed_at,
            disabledReason=stage.disabled_reason,
        )
    return views.present(
        stageName=stage.stage,
        inboundExecution=inbound[-1] if inbound else None,
        inboundExecutions=inbound,
        inboundTransitionState=transition,
        latestExecution=latest,
    )


def _action_state(declaration: dict[str, Any], action: ActionExecution | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"actionName": declaration["name"]}
    if action is None:
        return shown
    shown["latestExecution"] = views.action_state(action)
    if action.revision is not None:
        shown["currentRevision"] = {
            "revisionId": action.revision["revisionId"],
            "revisionChangeId": action.revision.get("revisionChangeIdentifier") or action.revision["revisionId"][:100],
            "created": datetime.fromisoformat(action.revision["created"]),
        }
        if action.revision.get("revisionUrl"):
            shown["revisionUrl"] = action.revision["revisionUrl"]
    return shown


def disable_stage_transition(call: Call, params: Params) -> dict[str, Any]:
    """Shuts the door into a stage. CodePipeline API Reference: DisableStageTransition."""
    if not re.fullmatch(_REASON, params["reason"]):
        check_pattern(params["reason"], _REASON, "reason")
    _turn(call, params, enabled=False)
    return {}


def enable_stage_transition(call: Call, params: Params) -> dict[str, Any]:
    """Opens the door into a stage; whoever waits there goes in. CodePipeline API Reference: EnableStageTransition."""
    _turn(call, params, enabled=True)
    return {}


def _turn(call: Call, params: Params, *, enabled: bool) -> None:
    if params["transitionType"] != "Inbound":
        operation = "EnableStageTransition" if enabled else "DisableStageTransition"
        raise not_supported("CodePipeline", operation, "transitionType Outbound")
    with call.installation.database.transaction() as tx:
        pipeline = lookup.pipeline(call, tx, params["pipelineName"])
        lookup.stage(pipeline.declaration, params["stageName"])
        known = STAGES.get(tx, call.account, call.region, pipeline.name, params["stageName"]) or Stage(
            account=call.account, region=call.region, pipeline=pipeline.name, stage=params["stageName"]
        )
        changed = replace(
            known,
            enabled=enabled,
            disabled_reason=params.get("reason"),
            changed_by=call.principal.arn,
            changed_at=now(),
        )
        STAGES.put(tx, changed)
        key = naming.pipeline_key(call.account, call.region, pipeline.name)
        tx.after_commit(partial(call.installation.workflows.notify, key))
