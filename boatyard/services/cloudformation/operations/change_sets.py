"""Change sets: what a new template would do to a stack, looked at first and then executed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.arns import arn
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.cloudformation import quotas
from boatyard.services.cloudformation.change_values import with_values, without_values
from boatyard.services.cloudformation.comparison import Side, changes, is_same
from boatyard.services.cloudformation.deployment.journal import STACK_TYPE, new_operation
from boatyard.services.cloudformation.operations.reading import shown_parameters
from boatyard.services.cloudformation.operations.stacks import (
    check_name,
    check_updatable,
    new_stack_id,
    require_stack,
    side,
    side_of,
    start_update,
)
from boatyard.services.cloudformation.operations.submission import refuse_unsupported, submit, template_text
from boatyard.services.cloudformation.records import (
    CHANGE_SETS,
    OPERATIONS,
    STACKS,
    ChangeSet,
    Operation,
    Stack,
    StackEvent,
    StackResource,
    add_event,
    find_stack,
    live_stacks,
    resources_of,
)
from boatyard.services.cloudformation.templates.document import Template
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.workflow import begin, wait_briefly
from boatyard.state.database import Transaction

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
PAGE = 100


def create_change_set(call: Call, params: Params) -> dict[str, Any]:
    """Work out what a template would change (AWS: CreateChangeSet), for a new stack or for one that is there."""
    refuse_unsupported("CreateChangeSet", params)
    kind, name = params.get("ChangeSetType", "UPDATE"), params["ChangeSetName"]
    if kind == "IMPORT":
        raise invalid("boatyard does not support ChangeSetType IMPORT in CloudFormation:CreateChangeSet.")
    check_name(name)
    stack, is_new = _stack_for(call, params["StackName"], kind, name)
    again = _repeated(call, stack, name, params.get("ClientToken"))
    if again is not None:
        return {"Id": again.id, "StackId": stack.id}
    previous = stack.revision.template if stack.revision is not None else None
    text = template_text(call, params, previous)
    submission = submit(call, params, text, stack.name, stack.id, stack, macros_acknowledged=True)
    _check_nested(params, submission.template)
    before = side_of(call, stack) if stack.revision is not None else None
    same = before is not None and is_same(before, side(submission)) and stack.status != "UPDATE_FAILED"
    with call.installation.database.reading() as rx:
        there = resources_of(rx, stack.id)
    change_set = ChangeSet(
        account=call.account,
        region=call.region,
        stack_id=stack.id,
        id=arn("cloudformation", f"changeSet/{name}/{uuid.uuid4()}", call.account, call.region),
        name=name,
        kind=kind,
        created=now(),
        description=params.get("Description"),
        status="FAILED" if same else "CREATE_COMPLETE",
        status_reason=NO_CHANGES if same else None,
        execution_status="UNAVAILABLE" if same else "AVAILABLE",
        client_token=params.get("ClientToken"),
        revision=submission.revision,
        role_arn=submission.revision.role_arn,
        on_failure=params.get("OnStackFailure"),
        imports=bool(params.get("ImportExistingResources", False)),
        changes=[] if same else _changes(before, side(submission), there),
    )
    with call.installation.database.transaction() as tx:
        if is_new:
            if find_stack(tx, call.account, call.region, stack.name) is not None:
                raise ApiError("AlreadyExistsException", f"Stack [{stack.name}] already exists")
            STACKS.insert(tx, stack)
            quotas.STACKS.check(call.installation, live_stacks(tx, call.account, call.region), more=0)
            add_event(tx, _first_event(stack))
        for spent in CHANGE_SETS.select(tx, {"stack_id": stack.id, "name": name}):
            CHANGE_SETS.delete(tx, spent.account, spent.region, spent.id)
        CHANGE_SETS.insert(tx, change_set)
    return {"Id": change_set.id, "StackId": stack.id}


def _changes(before: Side | None, after: Side, there: dict[str, StackResource]) -> list[dict[str, Any]]:
    return with_values(changes(before, after, there), before, after, there)


def _check_nested(params: Params, template: Template) -> None:
    """ApiError ValidationError where IncludeNestedStacks, which the CDK's CLI always gives, would make a difference."""
    nested = [name for name, each in template.resources.items() if each.type == STACK_TYPE]
    if params.get("IncludeNestedStacks") and nested:
        raise invalid(
            "boatyard does not support the parameter IncludeNestedStacks in CloudFormation:CreateChangeSet for a "
            f"template with nested stacks ({', '.join(nested)}): leave it out, or create or update the stack without a "
            "change set (cdk deploy --method=direct)."
        )


def _stack_for(call: Call, name: str, kind: str, change_set_name: str) -> tuple[Stack, bool]:
    """The stack that a change set is for, and whether it is still to be stored."""
    if kind == "UPDATE":
        stack = require_stack(call, name)
        if stack.status == "REVIEW_IN_PROGRESS":
            raise invalid(f"Stack [{name}] does not exist; its change set must be of the type CREATE")
        check_updatable(stack)
        return stack, False
    with call.installation.database.reading() as rx:
        found = find_stack(rx, call.account, call.region, name)
    if found is not None:
        if found.status != "REVIEW_IN_PROGRESS":
            raise invalid(
                f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set_name}]."
            )
        return found, False
    check_name(name)
    made = Stack(
        account=call.account,
        region=call.region,
        id=new_stack_id(call, name),
        name=name,
        status="REVIEW_IN_PROGRESS",
        status_reason="User Initiated",
        created=now(),
    )
    return made, True


def _first_event(stack: Stack) -> StackEvent:
    """The event of a stack that is to be reviewed: the SAM CLI asks for the latest before it executes."""
    return StackEvent(
        stack_id=stack.id,
        sequence=0,
        id=str(uuid.uuid4()),
        time=stack.created,
        logical_id=stack.name,
        physical_id=stack.id,
        type=STACK_TYPE,
        status=stack.status,
        reason=stack.status_reason,
    )


def _repeated(call: Call, stack: Stack, name: str, token: str | None) -> ChangeSet | None:
    with call.installation.database.reading() as rx:
        found = CHANGE_SETS.select(rx, {"stack_id": stack.id, "name": name})
    if not found or found[0].execution_status != "AVAILABLE":
        # The AWS CLI names change sets by the second, and here two deployments fit into one.
        return None
    if token is not None and found[0].client_token == token:
        return found[0]
    raise ApiError("AlreadyExistsException", f"ChangeSet {name} cannot be created due to a name conflict")


def describe_change_set(call: Call, params: Params) -> dict[str, Any]:
    """A change set and its changes (AWS: DescribeChangeSet)."""
    change_set = require_change_set(call, params["ChangeSetName"], params.get("StackName"))
    assert change_set.revision is not None
    chosen, token = page(change_set.changes, params.get("NextToken"), PAGE, code="ValidationError")
    described = {
        **_summary(call, change_set),
        "Parameters": shown_parameters(change_set.revision),
        "NotificationARNs": change_set.revision.notification_arns,
        "RollbackConfiguration": {},
        "Capabilities": change_set.revision.capabilities,
        "Tags": tag_lists.to_list(change_set.revision.tags),
        "Changes": chosen if params.get("IncludePropertyValues") else without_values(chosen),
        "NextToken": token,
        "OnStackFailure": change_set.on_failure,
        "ImportExistingResources": change_set.imports or None,
    }
    return {name: value for name, value in described.items() if value is not None}


def _summary(call: Call, change_set: ChangeSet) -> dict[str, Any]:
    summary = {
        "StackId": change_set.stack_id,
        "StackName": change_set.stack_id.split("/")[1],
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "ExecutionStatus": _execution_status(call, change_set),
        "Status": change_set.status,
        "StatusReason": change_set.status_reason,
        "CreationTime": change_set.created,
        "Description": change_set.description,
        "IncludeNestedStacks": False,
    }
    return {name: value for name, value in summary.items() if value is not None}


def _execution_status(call: Call, change_set: ChangeSet) -> str:
    if change_set.operation is None:
        return change_set.execution_status
    with call.installation.database.reading() as rx:
        operation = OPERATIONS.get(rx, change_set.stack_id, change_set.operation)
        stack = STACKS.get(rx, change_set.account, change_set.region, change_set.stack_id)
    if operation is not None and not operation.ended:
        return "EXECUTE_IN_PROGRESS"
    later = stack is None or stack.operation != change_set.operation
    good = operation is not None and operation.reason is None
    failed = not later and stack is not None and stack.status.endswith("_FAILED")
    return "EXECUTE_COMPLETE" if good and not failed else "EXECUTE_FAILED"


def list_change_sets(call: Call, params: Params) -> dict[str, Any]:
    """A stack's change sets (AWS: ListChangeSets)."""
    stack = require_stack(call, params["StackName"])
    with call.installation.database.reading() as rx:
        found = sorted(CHANGE_SETS.select(rx, {"stack_id": stack.id}), key=lambda each: each.created)
    chosen, token = page(found, params.get("NextToken"), PAGE, code="ValidationError")
    answer: dict[str, Any] = {"Summaries": [_summary(call, each) for each in chosen]}
    return {**answer, "NextToken": token} if token is not None else answer


def delete_change_set(call: Call, params: Params) -> dict[str, Any]:
    """Delete a change set (AWS: DeleteChangeSet); one that is not there is no error."""
    try:
        change_set = require_change_set(call, params["ChangeSetName"], params.get("StackName"))
    except ApiError as error:
        if error.code == "ChangeSetNotFound":
            return {}
        raise
    if _execution_status(call, change_set) == "EXECUTE_IN_PROGRESS":
        raise ApiError("InvalidChangeSetStatus", f"ChangeSet [{change_set.id}] cannot be deleted while it is executed")
    with call.installation.database.transaction() as tx:
        CHANGE_SETS.delete(tx, change_set.account, change_set.region, change_set.id)
    return {}


def execute_change_set(call: Call, params: Params) -> dict[str, Any]:
    """Do what a change set describes (AWS: ExecuteChangeSet)."""
    change_set = require_change_set(call, params["ChangeSetName"], params.get("StackName"))
    if change_set.execution_status != "AVAILABLE":
        raise ApiError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.id}] cannot be executed in its current status of [{change_set.status}] and "
            f"execution status of [{change_set.execution_status}]",
        )
    stack = require_stack(call, change_set.stack_id)
    token = params.get("ClientRequestToken")
    on_failure = "DO_NOTHING" if params.get("DisableRollback") else change_set.on_failure or "ROLLBACK"

    def then(tx: Transaction, operation: Operation) -> None:
        CHANGE_SETS.put(
            tx, msgspec.structs.replace(change_set, execution_status="EXECUTE_IN_PROGRESS", operation=operation.id)
        )

    changes: dict[str, Any] = {
        "change_set_id": change_set.id,
        "retain_except_on_create": bool(params.get("RetainExceptOnCreate", False)),
    }
    assert change_set.revision is not None
    if change_set.kind == "UPDATE":
        start_update(call, stack, change_set.revision, token=token, on_failure=on_failure, then=then, **changes)
    else:
        changes |= {"revision": change_set.revision, "disable_rollback": on_failure == "DO_NOTHING"}
        _start_creation(call, stack, change_set, token, on_failure, then, changes)
    wait_briefly(call, stack.id)
    return {}


def _start_creation(
    call: Call,
    stack: Stack,
    change_set: ChangeSet,
    token: str | None,
    on_failure: str,
    then: Callable[[Transaction, Operation], None],
    changes: dict[str, Any],
) -> None:
    operation = new_operation(
        call,
        stack,
        "CREATE",
        now(),
        target=change_set.revision,
        client_token=token,
        role_arn=change_set.role_arn,
        on_failure=on_failure,
    )
    with call.installation.database.transaction() as tx:
        current = STACKS.get(tx, *stack.key)
        if current is None or current.status != "REVIEW_IN_PROGRESS":
            raise invalid(f"Stack:{stack.id} is not in REVIEW_IN_PROGRESS state any more.")
        begin(call, tx, operation, "CREATE_IN_PROGRESS", **changes)
        then(tx, operation)


def require_change_set(call: Call, name_or_id: str, stack_name: str | None) -> ChangeSet:
    """The change set of that id, or of that name at a stack; ApiError ChangeSetNotFound when there is none."""
    found: ChangeSet | None = None
    with call.installation.database.reading() as rx:
        if name_or_id.startswith("arn:"):
            found = CHANGE_SETS.get(rx, call.account, call.region, name_or_id)
        elif stack_name is None:
            raise invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        else:
            stack = find_stack(rx, call.account, call.region, stack_name)
            if stack is None:
                raise invalid(f"Stack [{stack_name}] does not exist")
            found = next(iter(CHANGE_SETS.select(rx, {"stack_id": stack.id, "name": name_or_id})), None)
    if found is None:
        raise ApiError("ChangeSetNotFound", f"ChangeSet [{name_or_id}] does not exist")
    return found
