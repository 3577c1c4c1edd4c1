"""The resource types that CloudFormation owns: nested stacks and wait condition handles."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import (
    CreationFailed,
    PropertyRule,
    ResourceRequest,
    ResourceState,
    ResourceType,
    resource_type,
)
from boatyard.services.cloudformation.records import STACKS, Stack, find_stack
from boatyard.workflows.work import Interrupted

_LOOKS_EVERY_SECONDS = 0.1
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@resource_type("AWS::CloudFormation::Stack")
class NestedStack(ResourceType):
    """A stack inside another (AWS: AWS::CloudFormation::Stack); its outputs are the attributes Outputs.NAME."""

    properties = {
        "TemplateURL": PropertyRule(str, required=True),
        "Parameters": PropertyRule(dict),
        "NotificationARNs": PropertyRule(list),
        "TimeoutInMinutes": PropertyRule(int),
        "Tags": PropertyRule(list),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the nested stack and wait for its end; the same token finds the same stack again."""
        name = request.name(128)
        optional = {"TimeoutInMinutes": request.properties.get("TimeoutInMinutes")}
        made = call.invoke(
            "cloudformation",
            "CreateStack",
            StackName=name,
            ClientRequestToken=request.token,
            **_common(request),
            **{key: value for key, value in optional.items() if value is not None},
        )
        stack_id = made["StackId"]
        _belongs_to(call, stack_id, request.stack_id)
        stack = _settled(call, stack_id)
        if stack.status != "CREATE_COMPLETE":
            raise CreationFailed(
                "NotStabilized",
                f"Embedded stack {stack_id} was not successfully created: {stack.status_reason or stack.status}",
                stack_id,
            )
        return _state(stack)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Update the nested stack and wait for its end."""
        stack_id = str(request.physical_id)
        _settled(call, stack_id)
        try:
            call.invoke("cloudformation", "UpdateStack", StackName=stack_id, **_common(request))
        except ApiError as error:
            if error.message != "No updates are to be performed.":
                raise
        stack = _settled(call, stack_id)
        if stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise ApiError(
                "NotStabilized",
                f"Embedded stack {stack_id} was not successfully updated: {stack.status_reason or stack.status}",
            )
        return _state(stack)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the nested stack and wait for its end."""
        stack_id = str(request.physical_id)
        call.invoke("cloudformation", "DeleteStack", StackName=stack_id)
        stack = _settled(call, stack_id)
        if stack.status != "DELETE_COMPLETE":
            raise ApiError(
                "NotStabilized",
                f"Embedded stack {stack_id} was not successfully deleted: {stack.status_reason or stack.status}",
            )


def _common(request: ResourceRequest) -> dict[str, Any]:
    parameters = [
        {
            "ParameterKey": key,
            "ParameterValue": ",".join(map(str, value)) if isinstance(value, list) else str(value),
        }
        for key, value in request.properties.get("Parameters", {}).items()
    ]
    own = {key: value for key, value in request.tags.items() if not key.startswith("aws:")}
    return {
        "TemplateURL": request.properties["TemplateURL"],
        "Parameters": parameters,
        "Capabilities": _CAPABILITIES,
        "NotificationARNs": request.properties.get("NotificationARNs", []),
        "Tags": tag_lists.to_list(own | tag_lists.to_dict(request.properties.get("Tags"))),
    }


def _belongs_to(call: Call, stack_id: str, parent_id: str) -> None:
    """Note whose nested stack it is."""
    with call.installation.database.transaction() as tx:
        parent = find_stack(tx, call.account, call.region, parent_id)
        root = parent.root_id or parent.id if parent is not None else parent_id
        key = (call.account, call.region, stack_id)
        STACKS.update(tx, key, lambda each: msgspec.structs.replace(each, parent_id=parent_id, root_id=root))


def _settled(call: Call, stack_id: str) -> Stack:
    """Wait until no operation works on the stack."""
    while True:
        with call.installation.database.reading() as rx:
            stack = find_stack(rx, call.account, call.region, stack_id)
        if stack is None:
            raise ApiError("StackNotFound", f"Stack with id {stack_id} does not exist")
        if "IN_PROGRESS" not in stack.status:
            return stack
        if call.installation.workflows.stopping:
            raise Interrupted
        time.sleep(_LOOKS_EVERY_SECONDS)


def _state(stack: Stack) -> ResourceState:
    return ResourceState(stack.id, {f"Outputs.{output.name}": output.value for output in stack.outputs})


@resource_type("AWS::CloudFormation::WaitConditionHandle")
class WaitConditionHandle(ResourceType):
    """A handle that does nothing by itself (AWS: AWS::CloudFormation::WaitConditionHandle)."""

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the handle's address, which templates use as a placeholder."""
        path = quote(f"{request.stack_id}/{request.logical_id}", safe="")
        return ResourceState(f"https://cloudformation-waitcondition-{call.region}.s3.amazonaws.com/{path}")

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Nothing is left behind."""
