"""What stacks tell: their state, events, resources, outputs; lists of stacks, exports and imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.paging import page, page_of
from boatyard.services.cloudformation.operations.stacks import require_stack
from boatyard.services.cloudformation.records import (
    EVENTS,
    EXPORTS,
    RESOURCES,
    STACKS,
    Revision,
    Stack,
    StackEvent,
    StackResource,
    find_stack,
    importers,
)
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.parameters import NO_ECHO
from boatyard.state.database import Reader

PAGE = 100


def describe_stacks(call: Call, params: Params) -> dict[str, Any]:
    """One stack, or all that have not been deleted (AWS: DescribeStacks)."""
    wanted = params.get("StackName")
    with call.installation.database.reading() as rx:
        if wanted is not None:
            stack = find_stack(rx, call.account, call.region, wanted)
            if stack is None:
                raise invalid(f"Stack with id {wanted} does not exist")
            return {"Stacks": [_described(stack)]}
        chosen, token = _newest_first(rx, {"account": call.account, "region": call.region, "alive": True}, params)
    return _with_token({"Stacks": [_described(stack) for stack in chosen]}, token)


def list_stacks(call: Call, params: Params) -> dict[str, Any]:
    """Summaries of stacks, deleted ones too (AWS: ListStacks)."""
    wanted = params.get("StackStatusFilter")
    where: dict[str, Any] = {"account": call.account, "region": call.region}
    with call.installation.database.reading() as rx:
        chosen, token = _newest_first(rx, where, params, lambda stack: not wanted or stack.status in wanted)
    return _with_token({"StackSummaries": [_summary(stack) for stack in chosen]}, token)


def describe_stack_events(call: Call, params: Params) -> dict[str, Any]:
    """A stack's events, the latest first (AWS: DescribeStackEvents)."""
    stack = require_stack(call, params["StackName"])
    with call.installation.database.reading() as rx:
        where = {"stack_id": stack.id}
        chosen, token = page_of(
            rx, EVENTS, where, params.get("NextToken"), PAGE, descending=True, code="ValidationError"
        )
    return _with_token({"StackEvents": [_event(stack, event) for event in chosen]}, token)


def describe_stack_resource(call: Call, params: Params) -> dict[str, Any]:
    """One resource of a stack (AWS: DescribeStackResource)."""
    stack = require_stack(call, params["StackName"])
    logical_id = params["LogicalResourceId"]
    with call.installation.database.reading() as rx:
        resource = RESOURCES.get(rx, stack.id, logical_id)
    if resource is None:
        raise invalid(f"Resource {logical_id} does not exist for stack {stack.name}")
    detail = _resource(stack, resource, "LastUpdatedTimestamp")
    if resource.metadata is not None:
        detail["Metadata"] = resource.metadata
    return {"StackResourceDetail": detail}


def describe_stack_resources(call: Call, params: Params) -> dict[str, Any]:
    """The resources of a stack, which may be named by one of them (AWS: DescribeStackResources)."""
    physical_id = params.get("PhysicalResourceId")
    if params.get("StackName") is None and physical_id is None:
        raise invalid("Either StackName or PhysicalResourceId must be specified.")
    with call.installation.database.reading() as rx:
        if params.get("StackName") is not None:
            stack = find_stack(rx, call.account, call.region, params["StackName"])
        else:
            stack = _owner_of(call, RESOURCES.select(rx, {"physical_id": physical_id}))
        if stack is None:
            missing = params.get("StackName") or physical_id
            raise invalid(f"Stack with id {missing} does not exist")
        resources = _present(stack, RESOURCES.select(rx, {"stack_id": stack.id}))
    wanted = params.get("LogicalResourceId")
    found = [each for each in resources if wanted in (None, each.logical_id)]
    return {"StackResources": [_resource(stack, each, "Timestamp", with_stack=True) for each in found]}


def _present(stack: Stack, resources: list[StackResource]) -> list[StackResource]:
    """What belongs to the stack; of a stack that was deleted or rolled back, what did."""
    if stack.status in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE"):
        return resources
    return [resource for resource in resources if resource.there]


def _owner_of(call: Call, resources: list[StackResource]) -> Stack | None:
    with call.installation.database.reading() as rx:
        owners = (STACKS.get(rx, call.account, call.region, each.stack_id) for each in resources if each.there)
        return next((stack for stack in owners if stack is not None), None)


def list_stack_resources(call: Call, params: Params) -> dict[str, Any]:
    """Summaries of a stack's resources (AWS: ListStackResources)."""
    stack = require_stack(call, params["StackName"])
    with call.installation.database.reading() as rx:
        resources = _present(stack, RESOURCES.select(rx, {"stack_id": stack.id}))
    chosen, token = page(resources, params.get("NextToken"), PAGE, lambda each: each.logical_id, "ValidationError")
    summaries = [_resource(stack, each, "LastUpdatedTimestamp", with_stack=False) for each in chosen]
    return _with_token({"StackResourceSummaries": summaries}, token)


def list_exports(call: Call, params: Params) -> dict[str, Any]:
    """Every value that the region's stacks export (AWS: ListExports)."""
    with call.installation.database.reading() as rx:
        exports = EXPORTS.select(rx, {"account": call.account, "region": call.region})
    chosen, token = page(exports, params.get("NextToken"), PAGE, lambda each: each.name, "ValidationError")
    listed = [{"ExportingStackId": each.stack_id, "Name": each.name, "Value": each.value} for each in chosen]
    return _with_token({"Exports": listed}, token)


def list_imports(call: Call, params: Params) -> dict[str, Any]:
    """The stacks that use an export (AWS: ListImports)."""
    name = params["ExportName"]
    with call.installation.database.reading() as rx:
        stacks = importers(rx, call.account, call.region, name)
    if not stacks:
        raise invalid(f"Export '{name}' is not imported by any stack.")
    chosen, token = page(sorted(stacks), params.get("NextToken"), PAGE, code="ValidationError")
    return _with_token({"Imports": chosen}, token)


def _newest_first(
    rx: Reader, where: dict[str, Any], params: Params, keep: Callable[[Stack], bool] | None = None
) -> tuple[list[Stack], str | None]:
    token = params.get("NextToken")
    return page_of(
        rx, STACKS, where, token, PAGE, order=("created",), descending=True, keep=keep, code="ValidationError"
    )


def _with_token(answer: dict[str, Any], token: str | None) -> dict[str, Any]:
    return {**answer, "NextToken": token} if token is not None else answer


def _given(members: dict[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def _described(stack: Stack) -> dict[str, Any]:
    revision = stack.revision or Revision(template="", document="{}")
    template = revision.read() if stack.revision is not None else None
    return _given(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "ChangeSetId": stack.change_set_id,
            "Description": template.description if template is not None else None,
            "Parameters": shown_parameters(revision) if template is not None else [],
            "CreationTime": stack.created,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
            "RollbackConfiguration": {},
            "StackStatus": stack.status,
            "StackStatusReason": stack.status_reason,
            "DisableRollback": stack.disable_rollback,
            "NotificationARNs": revision.notification_arns,
            "TimeoutInMinutes": stack.timeout_minutes,
            "Capabilities": revision.capabilities,
            "Outputs": [
                _given(
                    {
                        "OutputKey": output.name,
                        "OutputValue": output.value,
                        "Description": output.description,
                        "ExportName": output.export,
                    }
                )
                for output in stack.outputs
            ],
            "RoleARN": revision.role_arn,
            "Tags": tag_lists.to_list(revision.tags),
            "EnableTerminationProtection": stack.termination_protection,
            "ParentId": stack.parent_id,
            "RootId": stack.root_id,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def shown_parameters(revision: Revision) -> list[dict[str, Any]]:
    """The parameters as descriptions show them: NoEcho values are hidden."""
    declared = revision.read().parameters
    shown = []
    for name, value in revision.parameters.items():
        hidden = name in declared and declared[name].no_echo
        entry = {"ParameterKey": name, "ParameterValue": NO_ECHO if hidden else value.given}
        if value.resolved is not None:
            entry["ResolvedValue"] = NO_ECHO if hidden else value.resolved
        shown.append(entry)
    return shown


def _summary(stack: Stack) -> dict[str, Any]:
    return _given(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "TemplateDescription": stack.revision.read().description if stack.revision is not None else None,
            "CreationTime": stack.created,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
            "StackStatus": stack.status,
            "StackStatusReason": stack.status_reason,
            "ParentId": stack.parent_id,
            "RootId": stack.root_id,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def _event(stack: Stack, event: StackEvent) -> dict[str, Any]:
    return _given(
        {
            "StackId": stack.id,
            "EventId": event.id,
            "StackName": stack.name,
            "OperationId": event.operation,
            "LogicalResourceId": event.logical_id,
            "PhysicalResourceId": event.physical_id,
            "ResourceType": event.type,
            "Timestamp": event.time,
            "ResourceStatus": event.status,
            "ResourceStatusReason": event.reason,
            "ResourceProperties": event.properties,
            "ClientRequestToken": event.client_token,
        }
    )


def _resource(stack: Stack, resource: StackResource, time_member: str, *, with_stack: bool = True) -> dict[str, Any]:
    described = {
        "StackName": stack.name if with_stack else None,
        "StackId": stack.id if with_stack else None,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        time_member: resource.updated,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    return _given(described)
