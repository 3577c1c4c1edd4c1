"""The answers to manual approvals."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.codepipeline import lookup, naming
from boatyard.services.codepipeline.records import ACTIONS, ActionExecution
from boatyard.state.database import Reader


def put_approval_result(call: Call, params: Params) -> dict[str, Any]:
    """Approves or rejects what waits. CodePipeline API Reference: PutApprovalResult."""
    with call.installation.database.transaction() as tx:
        action = _waiting(call, tx, params)
        decision = {"status": params["result"]["status"], "summary": params["result"]["summary"]}
        ACTIONS.put(tx, replace(action, decision=decision, updated_by=call.principal.arn, updated=now()))
        tx.after_commit(partial(call.installation.workflows.notify, naming.action_key(action.id)))
    return {"approvedAt": now()}


def _waiting(call: Call, rx: Reader, params: Params) -> ActionExecution:
    """The approval that the request means; the errors of PutApprovalResult where there is none."""
    pipeline = lookup.pipeline(call, rx, params["pipelineName"])
    stage = lookup.stage(pipeline.declaration, params["stageName"])
    name = params["actionName"]
    declared = next((item for item in stage["actions"] if item["name"] == name), None)
    if declared is None or declared["actionTypeId"]["category"] != "Approval":
        raise ApiError(
            "ActionNotFoundException", f"Stage '{stage['name']}' does not have an approval action with name '{name}'"
        )
    where = {"account": call.account, "region": call.region, "pipeline": pipeline.name, "token": params["token"]}
    for action in ACTIONS.select(rx, where):
        if action.stage == stage["name"] and action.action == name:
            if action.status != "InProgress" or action.decision is not None:
                raise ApiError(
                    "ApprovalAlreadyCompletedException",
                    f"The approval action '{name}' of this token has already been approved or rejected",
                )
            return action
    raise ApiError("InvalidApprovalTokenException", "The approval token is not that of a waiting approval action")
