"""What CloudFormation keeps of deleted stacks: for 90 days they are listed and described by their ids, as on AWS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Policy
from boatyard.services.cloudformation.records import STACKS, Stack, forget_stack
from boatyard.state.database import Reader

DELETED_SECONDS = 90 * 24 * 3600.0


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Stacks that were deleted more than 90 days ago (CloudFormation API Reference, "ListStacks")."""
    with installation.database.reading() as rx:
        old = _old(rx, time.time() - DELETED_SECONDS)
    if old:
        yield Garbage("history", f"{len(old)} stacks deleted long ago", 0, partial(_forget, installation, old))


def _old(rx: Reader, before: float) -> list[Stack]:
    deleted = STACKS.select(rx, {"alive": False})
    return [each for each in deleted if each.deleted is not None and each.deleted.timestamp() < before]


def _forget(installation: Installation, stacks: list[Stack]) -> None:
    with installation.database.transaction() as tx:
        for stack in stacks:
            forget_stack(tx, stack)
