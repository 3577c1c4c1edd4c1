"""Going back: an update cancelled, a roll-back continued, or asked for where it was left out."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.timestamps import now
from boatyard.services.cloudformation.deployment.journal import new_operation
from boatyard.services.cloudformation.operations.stacks import require_stack
from boatyard.services.cloudformation.records import OPERATIONS, RESOURCES, STACKS, Stack
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.workflow import begin, cancel


def cancel_update_stack(call: Call, params: Params) -> None:
    """Stop an update and roll it back (AWS: CancelUpdateStack)."""
    stack = require_stack(call, params["StackName"])
    with call.installation.database.transaction() as tx:
        current = STACKS.get(tx, *stack.key)
        if current is None or current.status != "UPDATE_IN_PROGRESS" or current.operation is None:
            raise invalid(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
        cancel(call, tx, stack.id, current.operation)


def continue_update_rollback(call: Call, params: Params) -> dict[str, Any]:
    """Try again to roll an update back, leaving out ResourcesToSkip (AWS: ContinueUpdateRollback)."""
    stack = require_stack(call, params["StackName"])
    if params.get("ForceRollback"):
        raise invalid("boatyard does not support the parameter ForceRollback in CloudFormation:ContinueUpdateRollback.")
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise invalid(
            f"Stack:{stack.id} is in {stack.status} state and can not continue rollback; only a stack in "
            "UPDATE_ROLLBACK_FAILED can."
        )
    _roll_back(
        call, stack, params, "CONTINUE_ROLLBACK", "UPDATE_ROLLBACK_IN_PROGRESS", params.get("ResourcesToSkip", [])
    )
    return {}


def rollback_stack(call: Call, params: Params) -> dict[str, Any]:
    """Roll back a creation or an update that was left where it failed (AWS: RollbackStack)."""
    stack = require_stack(call, params["StackName"])
    if stack.status == "CREATE_FAILED":
        _roll_back(call, stack, params, "CREATE", "ROLLBACK_IN_PROGRESS", [])
    elif stack.status == "UPDATE_FAILED":
        _roll_back(call, stack, params, "CONTINUE_ROLLBACK", "UPDATE_ROLLBACK_IN_PROGRESS", [])
    else:
        raise invalid(
            f"Stack:{stack.id} is in {stack.status} state and can not be rolled back; only a stack in CREATE_FAILED or "
            "UPDATE_FAILED can."
        )
    return {"StackId": stack.id}


def _roll_back(call: Call, stack: Stack, params: Params, kind: str, status: str, skip: list[str]) -> None:
    """Begin an operation that takes over what the last one did to the resources, and undoes it."""
    assert stack.operation is not None
    with call.installation.database.transaction() as tx:
        current, before = STACKS.get(tx, *stack.key), OPERATIONS.get(tx, stack.id, stack.operation)
        if before is None or current is None or current.status != stack.status:
            raise invalid(f"Stack:{stack.id} was changed by another operation meanwhile; try again.")
        unknown = [name for name in skip if RESOURCES.get(tx, stack.id, name) is None]
        if unknown:
            raise invalid(f"ResourcesToSkip [{', '.join(unknown)}] do not exist in the stack.")
        operation = new_operation(
            call,
            stack,
            kind,
            now(),
            phase="rollback",
            target=before.target,
            client_token=params.get("ClientRequestToken"),
            role_arn=params.get("RoleARN") or before.role_arn,
            skip=list(skip),
            reason=before.reason or stack.status_reason,
        )
        for resource in RESOURCES.select(tx, {"stack_id": stack.id}):
            if resource.operation == before.id:
                RESOURCES.put(tx, msgspec.structs.replace(resource, operation=operation.id))
        begin(call, tx, operation, status)
