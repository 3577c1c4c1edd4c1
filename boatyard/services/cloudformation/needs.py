"""Which stack is meant where a request names a change set by its ARN, or one of the stack's resources."""

from __future__ import annotations

from boatyard.api.call import Call, Params
from boatyard.identity.actions.model import Need
from boatyard.identity.resource_policies import needs_finder
from boatyard.services.cloudformation.records import CHANGE_SETS, RESOURCES, STACKS


@needs_finder("cloudformation")
def needs(call: Call, operation: str, params: Params) -> list[Need]:
    """The action on the stack that the change set or the resource belongs to; on all where there is none."""
    return [Need(f"cloudformation:{operation}", _stack(call, params) or "*")]


def _stack(call: Call, params: Params) -> str | None:
    with call.installation.database.reading() as rx:
        if params.get("ChangeSetName"):
            found = CHANGE_SETS.get(rx, call.account, call.region, params["ChangeSetName"])
            return found.stack_id if found else None
        holders = RESOURCES.select(rx, {"physical_id": params["PhysicalResourceId"]})
        stacks = (STACKS.get(rx, call.account, call.region, each.stack_id) for each in holders if each.there)
        return next((stack.id for stack in stacks if stack is not None), None)
