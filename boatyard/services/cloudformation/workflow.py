"""The workflow of stack operations: one at a time for a stack, resumed where a crash has cut it off."""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.services.cloudformation.deployment.course import Course
from boatyard.services.cloudformation.deployment.journal import Journal, StackGone, find_operation
from boatyard.services.cloudformation.records import CHANGE_SETS, OPERATIONS, Operation, find_stack
from boatyard.state.database import Transaction
from boatyard.workflows.registry import workflow
from boatyard.workflows.work import Work

log = logging.getLogger(__name__)
BRIEFLY_SECONDS = 2.0
WORKFLOW = "cloudformation.stack_operation"

_FAILED = {"CREATE": "CREATE_FAILED", "DELETE": "DELETE_FAILED"}


def begin(call: Call, tx: Transaction, operation: Operation, status: str, **changes: Any) -> None:
    """Store an operation, give its stack the status, and start the work when the transaction is on disk.

    Change sets that were made for the stack as it was become obsolete.
    """
    OPERATIONS.insert(tx, operation)
    for change_set in CHANGE_SETS.select(tx, {"stack_id": operation.stack_id}):
        if change_set.execution_status == "AVAILABLE":
            CHANGE_SETS.put(tx, msgspec.structs.replace(change_set, execution_status="OBSOLETE"))
    journal = Journal(call.installation, operation)
    journal.change_stack(tx, status, "User Initiated", operation=operation.id, **changes)
    args = [operation.stack_id, operation.id]
    call.installation.workflows.start(tx, WORKFLOW, f"{operation.stack_id}/{operation.id}", args)


def wait_briefly(call: Call, stack_id: str) -> None:
    """Wait until the stack's operation has ended, for two seconds at most."""
    signals, key = call.installation.workflows.signals, ("cloudformation", "stack", stack_id)
    event, deadline = signals.subscribe([key]), time.monotonic() + BRIEFLY_SECONDS
    try:
        while (left := deadline - time.monotonic()) > 0:
            event.clear()
            with call.installation.database.reading() as rx:
                stack = find_stack(rx, call.account, call.region, stack_id)
                operation = OPERATIONS.get(rx, stack_id, stack.operation) if stack and stack.operation else None
            if operation is None or operation.ended:
                return
            event.wait(left)
    finally:
        signals.unsubscribe([key], event)


def cancel(call: Call, tx: Transaction, stack_id: str, operation_id: str) -> None:
    """Let a running operation begin nothing new."""
    OPERATIONS.update(tx, (stack_id, operation_id), lambda each: msgspec.structs.replace(each, cancelled=True))
    tx.after_commit(lambda: call.installation.workflows.notify(("cloudformation", f"{stack_id}/{operation_id}")))


def _broke(installation: Installation, args: list[Any], error: BaseException) -> None:
    """Show the stack as failed when the engine itself has failed."""
    try:
        operation = find_operation(installation, *args)
        if operation is None:
            return
        journal = Journal(installation, operation)
        failed = _FAILED.get(operation.kind, "UPDATE_ROLLBACK_FAILED")
        message = (
            error.message if isinstance(error, ApiError) else f"Internal failure: {error!r}; see the server's log."
        )
        journal.set_stack(failed, message, then=lambda tx: _end(journal, tx))
    except StackGone:
        log.info("The stack %s was removed while an operation ran", args[0])


def _end(journal: Journal, tx: Transaction) -> None:
    journal.change_operation(tx, ended=True)


@workflow(WORKFLOW, on_failure=_broke)
def run_operation(work: Work, stack_id: str, operation_id: str) -> None:
    """Wait for the operation before, then carry this one to its end."""
    try:
        operation = find_operation(work.installation, stack_id, operation_id)
        if operation is None:
            return
        before = operation.after
        if before is not None:
            key = ("cloudformation", "stack", stack_id)
            work.wait(key, ready=lambda: _has_ended(work.installation, stack_id, before))
        Course(work, Journal(work.installation, operation)).run()
    except StackGone:
        log.info("The stack %s is not there any more; its operation ends", stack_id)


def _has_ended(installation: Installation, stack_id: str, operation_id: str) -> bool:
    operation = find_operation(installation, stack_id, operation_id)
    return operation is None or operation.ended
