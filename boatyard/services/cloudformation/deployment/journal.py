"""The journal of an operation: every change of a stack or resource is a record and an event in one transaction."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.events import emit
from boatyard.api.installation import Installation
from boatyard.api.timestamps import iso, now
from boatyard.identity.principals import Principal
from boatyard.services.cloudformation.records import (
    CHANGE_SETS,
    OPERATIONS,
    RESOURCES,
    STACKS,
    Operation,
    Stack,
    StackEvent,
    StackResource,
    add_event,
    resources_of,
    stack_parts,
)
from boatyard.services.cloudformation.templates.parameters import NO_ECHO
from boatyard.state.database import Transaction

log = logging.getLogger(__name__)
STACK_TYPE = "AWS::CloudFormation::Stack"
_MAXIMUM_REASON = 1024


class StackGone(Exception):
    """The stack's record is not there any more: everything was reset."""


def find_operation(installation: Installation, stack_id: str, operation_id: str) -> Operation | None:
    """An operation's record; None when everything was reset since."""
    with installation.database.reading() as rx:
        return OPERATIONS.get(rx, stack_id, operation_id)


class Journal:
    """Reads and writes the records of one operation on one stack; may be used from several threads."""

    def __init__(self, installation: Installation, operation: Operation) -> None:
        self.installation = installation
        self.stack_id = operation.stack_id
        self.operation_id = operation.id
        self.account, self.region, self.stack_name = stack_parts(operation.stack_id)
        self._token = operation.client_token
        self._caller = msgspec.json.decode(operation.caller, type=Principal)
        self._role = operation.role_arn
        self.secrets: list[str] = []
        """Values of NoEcho parameters, which no event may show."""

    def stack(self) -> Stack:
        """The stack as it is now."""
        with self.installation.database.reading() as rx:
            stack = STACKS.get(rx, self.account, self.region, self.stack_id)
        if stack is None:
            raise StackGone(self.stack_id)
        return stack

    def operation(self) -> Operation:
        """The operation as it is now."""
        operation = find_operation(self.installation, self.stack_id, self.operation_id)
        if operation is None:
            raise StackGone(self.stack_id)
        return operation

    def resources(self) -> dict[str, StackResource]:
        """Every resource the stack has or had."""
        with self.installation.database.reading() as rx:
            return resources_of(rx, self.stack_id)

    def asks_for_imports(self) -> bool:
        """Whether the change set that is executed was made with ImportExistingResources."""
        with self.installation.database.reading() as rx:
            made_by = CHANGE_SETS.select(rx, {"stack_id": self.stack_id})
        return any(each.imports and each.operation == self.operation_id for each in made_by)

    def call(self) -> Call:
        """A call as whom the resources are made: the stack's role, else whoever asked for the operation."""
        call = Call(self.installation, self._caller, self.account, self.region, via=("cloudformation",))
        if self._role is None:
            return call
        return call.assume(self._role, "cloudformation.amazonaws.com", session_name="AWSCloudFormation")

    def change_operation(self, tx: Transaction, **changes: Any) -> Operation:
        """Change the operation's record."""
        key = (self.stack_id, self.operation_id)
        return OPERATIONS.update(tx, key, lambda each: msgspec.structs.replace(each, **changes))

    def set_stack(
        self,
        status: str,
        reason: str | None = None,
        *,
        then: Callable[[Transaction], None] | None = None,
        **changes: Any,
    ) -> Stack:
        """Give the stack a status, with its event; `then` does more in the same transaction."""
        with self.installation.database.transaction() as tx:
            if STACKS.get(tx, self.account, self.region, self.stack_id) is None:
                raise StackGone(self.stack_id)
            stack = self.change_stack(tx, status, reason, **changes)
            if then is not None:
                then(tx)
        return stack

    def change_stack(self, tx: Transaction, status: str, reason: str | None = None, **changes: Any) -> Stack:
        """As set_stack, in a transaction that does more."""
        key = (self.account, self.region, self.stack_id)
        reason = reason[:_MAXIMUM_REASON] if reason else None
        stack = STACKS.update(
            tx, key, lambda each: msgspec.structs.replace(each, status=status, status_reason=reason, **changes)
        )
        self._add_event(tx, self.stack_name, self.stack_id, STACK_TYPE, status, reason, None)
        emit(
            self.installation,
            tx,
            source="aws.cloudformation",
            detail_type="CloudFormation Stack Status Change",
            detail={
                "stack-id": self.stack_id,
                "status-details": {"status": status, "status-reason": reason or ""},
            },
            resources=[self.stack_id],
            account=self.account,
            region=self.region,
        )
        return stack

    def set_resource(
        self, resource: StackResource, *, then: Callable[[Transaction], None] | None = None, event: bool = True
    ) -> StackResource:
        """Store a resource's new state with its event; `then` does more in the same transaction."""
        reason = resource.reason[:_MAXIMUM_REASON] if resource.reason else None
        resource = msgspec.structs.replace(resource, updated=now(), reason=reason)
        with self.installation.database.transaction() as tx:
            if STACKS.get(tx, self.account, self.region, self.stack_id) is None:
                raise StackGone(self.stack_id)
            RESOURCES.put(tx, resource)
            if event:
                properties = self._shown(resource.properties)
                self._add_event(
                    tx,
                    resource.logical_id,
                    resource.physical_id or "",
                    resource.type,
                    resource.status,
                    reason,
                    properties,
                )
            if then is not None:
                then(tx)
        return resource

    def _shown(self, properties: dict[str, Any]) -> str | None:
        text = json.dumps(properties) if properties else None
        for secret in self.secrets:
            text = text.replace(json.dumps(secret)[1:-1], NO_ECHO) if text and secret else text
        return text

    def add_event(self, resource: StackResource, status: str, reason: str | None, physical_id: str) -> None:
        """An event about a physical resource that is not the logical id's present one."""
        with self.installation.database.transaction() as tx:
            self._add_event(tx, resource.logical_id, physical_id, resource.type, status, reason, None)

    def _add_event(
        self,
        tx: Transaction,
        logical_id: str,
        physical_id: str,
        kind: str,
        status: str,
        reason: str | None,
        properties: str | None,
    ) -> None:
        event = add_event(
            tx,
            StackEvent(
                stack_id=self.stack_id,
                sequence=0,
                id=f"{logical_id}-{status}-{uuid.uuid4()}" if kind != STACK_TYPE else str(uuid.uuid4()),
                time=now(),
                logical_id=logical_id,
                physical_id=physical_id,
                type=kind,
                status=status,
                reason=reason,
                properties=properties,
                client_token=self._token,
                operation=self.operation_id,
            ),
        )
        stack = STACKS.get(tx, self.account, self.region, self.stack_id)
        arns = stack.revision.notification_arns if stack is not None and stack.revision is not None else []
        if arns:
            tx.after_commit(lambda: self._publish(arns, event))
        tx.after_commit(self.notify)

    def notify(self) -> None:
        """Wake whoever waits for a change of the stack."""
        self.installation.workflows.notify(("cloudformation", "stack", self.stack_id))

    def _publish(self, arns: list[str], event: StackEvent) -> None:
        """Tell the stack's SNS topics; a topic that cannot be told is logged and holds nothing up."""
        lines = {
            "StackId": self.stack_id,
            "Timestamp": iso(event.time),
            "EventId": event.id,
            "LogicalResourceId": event.logical_id,
            "Namespace": self.account,
            "PhysicalResourceId": event.physical_id,
            "ResourceProperties": event.properties or "",
            "ResourceStatus": event.status,
            "ResourceStatusReason": event.reason or "",
            "ResourceType": event.type,
            "StackName": self.stack_name,
            "ClientRequestToken": event.client_token or "",
        }
        message = "".join(f"{name}='{value}'\n" for name, value in lines.items())
        for arn in arns:
            try:
                self.call().invoke(
                    "sns", "Publish", TopicArn=arn, Message=message, Subject="AWS CloudFormation Notification"
                )
            except ApiError as error:
                log.warning("The topic %s was not told of %s: %s", arn, event.id, error)


def new_operation(call: Call, stack: Stack, kind: str, started: datetime, **members: Any) -> Operation:
    """The record of an operation that the caller asks for."""
    return Operation(
        stack_id=stack.id,
        id=str(uuid.uuid4()),
        kind=kind,
        started=started,
        caller=msgspec.json.encode(call.principal).decode(),
        after=stack.operation,
        previous_status=stack.status,
        **members,
    )
