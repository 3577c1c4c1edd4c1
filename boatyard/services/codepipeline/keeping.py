"""What CodePipeline keeps of executions: those of long ago go, with their actions and jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Policy
from boatyard.services.codepipeline.records import ACTIONS, ENDED, EXECUTIONS, JOBS, STAGES, Execution
from boatyard.state.database import Reader


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Executions that ended long ago, but for those that a stage still shows."""
    with installation.database.reading() as rx:
        old = _old(rx, time.time() - policy.history_seconds)
    if old:
        what = f"{len(old)} pipeline executions of long ago"
        yield Garbage("history", what, 0, partial(_forget, installation, old))


def _old(rx: Reader, before: float) -> list[Execution]:
    shown = {identity for stage in STAGES.select(rx) for identity in (stage.occupant, stage.latest_execution)}
    return [
        each
        for each in EXECUTIONS.select(rx, {"status": sorted(ENDED)})
        if each.updated.timestamp() < before and each.id not in shown
    ]


def _forget(installation: Installation, executions: list[Execution]) -> None:
    with installation.database.transaction() as tx:
        for execution in executions:
            for action in ACTIONS.select(tx, {"execution": execution.id}):
                for job in JOBS.select(tx, {"action_execution": action.id}):
                    JOBS.delete(tx, job.account, job.region, job.id)
                ACTIONS.delete(tx, action.account, action.region, action.id)
            EXECUTIONS.delete(tx, execution.account, execution.region, execution.id)
