"""Stacks: create, update, delete, cancel, continue, protect."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from boatyard.api import names
from boatyard.api.arns import arn
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.cloudformation import quotas
from boatyard.services.cloudformation.comparison import Side, is_same
from boatyard.services.cloudformation.deployment.journal import new_operation
from boatyard.services.cloudformation.deployment.scopes import stack_scope
from boatyard.services.cloudformation.operations.submission import (
    Submission,
    check_role,
    refuse_deployment_config,
    refuse_unsupported,
    submit,
    template_text,
)
from boatyard.services.cloudformation.records import (
    CHANGE_SETS,
    OPERATIONS,
    RESOURCES,
    STACKS,
    Operation,
    Revision,
    Stack,
    find_stack,
    live_stacks,
)
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.workflow import begin, cancel
from boatyard.state.database import Reader, Transaction

NAME_PATTERN = "[a-zA-Z][-a-zA-Z0-9]{0,127}"
UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED")
DELETABLE = (
    *UPDATABLE,
    "CREATE_FAILED",
    "CREATE_IN_PROGRESS",
    "DELETE_FAILED",
    "REVIEW_IN_PROGRESS",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_FAILED",
)
NO_UPDATES = "No updates are to be performed."


def create_stack(call: Call, params: Params) -> dict[str, Any]:
    """Create a stack from a template (AWS: CreateStack)."""
    refuse_unsupported("CreateStack", params)
    name = params["StackName"]
    check_name(name)
    if params.get("DisableRollback") is not None and params.get("OnFailure") is not None:
        raise invalid("You can specify either DisableRollback or OnFailure, but not both.")
    token = params.get("ClientRequestToken")
    with call.installation.database.reading() as rx:
        again = repeated(rx, call, name, "CREATE", token)
        if again is not None:
            return {"StackId": again}
        _check_free(rx, call, name)
    stack_id = new_stack_id(call, name)
    submission = submit(call, params, template_text(call, params), name, stack_id)
    moment = now()
    stack = Stack(
        account=call.account,
        region=call.region,
        id=stack_id,
        name=name,
        status="CREATE_IN_PROGRESS",
        created=moment,
        revision=submission.revision,
        timeout_minutes=params.get("TimeoutInMinutes"),
        disable_rollback=bool(params.get("DisableRollback", False)),
        retain_except_on_create=bool(params.get("RetainExceptOnCreate", False)),
        termination_protection=bool(params.get("EnableTerminationProtection", False)),
    )
    operation = new_operation(
        call,
        stack,
        "CREATE",
        moment,
        target=submission.revision,
        client_token=token,
        role_arn=submission.revision.role_arn,
        on_failure=on_failure(params),
        timeout_minutes=params.get("TimeoutInMinutes"),
    )
    with call.installation.database.transaction() as tx:
        _check_free(tx, call, name)
        STACKS.insert(tx, stack)
        quotas.STACKS.check(call.installation, live_stacks(tx, call.account, call.region), more=0)
        begin(call, tx, operation, "CREATE_IN_PROGRESS")
    return {"StackId": stack_id}


def update_stack(call: Call, params: Params) -> dict[str, Any]:
    """Update a stack to a new template or new parameters (AWS: UpdateStack)."""
    refuse_unsupported("UpdateStack", params)
    token = params.get("ClientRequestToken")
    stack = require_stack(call, params["StackName"])
    with call.installation.database.reading() as rx:
        again = repeated(rx, call, stack.name, "UPDATE", token)
    if again is not None:
        return {"StackId": again}
    check_updatable(stack)
    previous = stack.revision.template if stack.revision is not None else None
    text = template_text(call, params, previous)
    submission = submit(call, params, text, stack.name, stack.id, stack)
    retrying = stack.status == "UPDATE_FAILED"
    if not retrying and is_same(side_of(call, stack), side(submission)):
        raise invalid(NO_UPDATES)
    start_update(
        call,
        stack,
        submission.revision,
        token=token,
        on_failure="DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK",
        retain_except_on_create=bool(params.get("RetainExceptOnCreate", False)),
    )
    return {"StackId": stack.id}


def start_update(
    call: Call,
    stack: Stack,
    revision: Revision,
    *,
    token: str | None,
    on_failure: str,
    then: Callable[[Transaction, Operation], None] | None = None,
    **changes: Any,
) -> None:
    """Begin the update of a stack to a revision; `then` does more in the same transaction."""
    moment = now()
    operation = new_operation(
        call,
        stack,
        "UPDATE",
        moment,
        target=revision,
        client_token=token,
        role_arn=revision.role_arn,
        on_failure=on_failure,
    )
    with call.installation.database.transaction() as tx:
        current = STACKS.get(tx, *stack.key)
        if current is None or current.operation != stack.operation:
            raise invalid(f"Stack:{stack.id} was changed by another operation meanwhile; try again.")
        check_updatable(current)
        begin(call, tx, operation, "UPDATE_IN_PROGRESS", updated=moment, **changes)
        if then is not None:
            then(tx, operation)


def delete_stack(call: Call, params: Params) -> None:
    """Delete a stack and its resources (AWS: DeleteStack); one that is not there is no error."""
    if params.get("DeletionMode") == "FORCE_DELETE_STACK":
        raise invalid("boatyard does not support DeletionMode FORCE_DELETE_STACK in CloudFormation:DeleteStack.")
    refuse_deployment_config("DeleteStack", params)
    with call.installation.database.reading() as rx:
        stack = find_stack(rx, call.account, call.region, params["StackName"])
    if stack is None or stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        return
    retain = params.get("RetainResources", [])
    _check_deletable(call, stack, retain)
    if stack.status == "REVIEW_IN_PROGRESS":
        _forget_review(call, stack)
        return
    role = params.get("RoleARN") or (stack.revision.role_arn if stack.revision is not None else None)
    if role is not None:
        check_role(call, role)
    operation = new_operation(
        call,
        stack,
        "DELETE",
        now(),
        target=stack.revision,
        client_token=params.get("ClientRequestToken"),
        role_arn=role,
        retain=list(retain),
    )
    with call.installation.database.transaction() as tx:
        current = STACKS.get(tx, *stack.key)
        if current is None or current.status == "DELETE_IN_PROGRESS":
            return
        if current.status not in DELETABLE:
            raise invalid(f"Stack [{stack.name}] cannot be deleted while in status {current.status}")
        if current.status == "CREATE_IN_PROGRESS" and current.operation is not None:
            cancel(call, tx, stack.id, current.operation)
        operation = msgspec.structs.replace(operation, after=current.operation, previous_status=current.status)
        begin(call, tx, operation, "DELETE_IN_PROGRESS")


def _forget_review(call: Call, stack: Stack) -> None:
    """End a stack that only ever had change sets."""
    with call.installation.database.transaction() as tx:
        for change_set in CHANGE_SETS.select(tx, {"stack_id": stack.id}):
            CHANGE_SETS.delete(tx, change_set.account, change_set.region, change_set.id)
        STACKS.update(
            tx, stack.key, lambda each: msgspec.structs.replace(each, status="DELETE_COMPLETE", deleted=now())
        )


def _check_deletable(call: Call, stack: Stack, retain: list[str]) -> None:
    if stack.termination_protection:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if stack.status not in DELETABLE:
        raise invalid(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
    if not retain:
        return
    if stack.status != "DELETE_FAILED":
        raise invalid(
            f"Invalid operation on stack [{stack.id}]. When you delete a stack, specify which resources to retain "
            "only when the stack is in the DELETE_FAILED state."
        )
    with call.installation.database.reading() as rx:
        unknown = [name for name in retain if RESOURCES.get(rx, stack.id, name) is None]
    if unknown:
        raise invalid(f"The following resources to retain do not exist in the stack: [{', '.join(unknown)}]")


def update_termination_protection(call: Call, params: Params) -> dict[str, Any]:
    """Protect a stack from deletion, or end that (AWS: UpdateTerminationProtection)."""
    stack = require_stack(call, params["StackName"])
    enabled = params["EnableTerminationProtection"]
    with call.installation.database.transaction() as tx:
        STACKS.update(tx, stack.key, lambda each: msgspec.structs.replace(each, termination_protection=enabled))
    return {"StackId": stack.id}


def check_name(name: str) -> None:
    """ApiError ValidationError when a stack or change set cannot have that name."""
    names.check_pattern(name, NAME_PATTERN, "stackName", "ValidationError")


def new_stack_id(call: Call, name: str) -> str:
    """arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID."""
    return arn("cloudformation", f"stack/{name}/{uuid.uuid4()}", call.account, call.region)


def require_stack(call: Call, name_or_id: str) -> Stack:
    """The stack of that name or id; ApiError ValidationError when there is none."""
    with call.installation.database.reading() as rx:
        stack = find_stack(rx, call.account, call.region, name_or_id)
    if stack is None:
        raise invalid(f"Stack [{name_or_id}] does not exist")
    return stack


def check_updatable(stack: Stack) -> None:
    """ApiError ValidationError when the stack's status does not allow an update."""
    if stack.status not in UPDATABLE:
        raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _check_free(rx: Reader, call: Call, name: str) -> None:
    if find_stack(rx, call.account, call.region, name) is not None:
        raise ApiError("AlreadyExistsException", f"Stack [{name}] already exists")


def repeated(rx: Reader, call: Call, name: str, kind: str, token: str | None) -> str | None:
    """The id of the stack for which the same request was made already with that token.

    ApiError TokenAlreadyExistsException when the token was used for something else.
    """
    if token is None:
        return None
    for operation in OPERATIONS.select(rx, {"client_token": token}):
        stack = STACKS.get(rx, call.account, call.region, operation.stack_id)
        if stack is None:
            continue
        if stack.name == name and operation.kind == kind and stack.status != "DELETE_COMPLETE":
            return stack.id
        raise ApiError("TokenAlreadyExistsException", f"The client request token {token} was already used")
    return None


def on_failure(params: Params) -> str:
    """ROLLBACK, DELETE or DO_NOTHING."""
    if params.get("DisableRollback"):
        return "DO_NOTHING"
    return str(params.get("OnFailure", "ROLLBACK"))


def side(submission: Submission) -> Side:
    """A submission as one side of a comparison."""
    return Side(submission.revision, submission.template, submission.scope)


def side_of(call: Call, stack: Stack) -> Side:
    """What a stack is now as one side of a comparison."""
    assert stack.revision is not None
    template = stack.revision.read()
    return Side(stack.revision, template, stack_scope(call, template, stack.revision, stack.name, stack.id))
