"""An execution from its first stage to its last: waits at each door, runs the actions inside, goes on or ends."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.codepipeline import announcements, lifecycle, naming
from boatyard.services.codepipeline.records import ACTIONS, EXECUTIONS, ActionExecution, Execution
from boatyard.services.codepipeline.structure import run_order
from boatyard.state.database import Reader, Transaction
from boatyard.workflows import Work, workflow

_DAY = 86400.0


def execution_broke(installation: Installation, args: list[Any], error: BaseException) -> None:
    """Ends an execution whose workflow met an error of boatyard's own, so that it is seen."""
    with installation.database.transaction() as tx:
        execution = EXECUTIONS.get(tx, *args)
        if execution is None or lifecycle.ended(execution):
            return
        for stage, status in execution.stages.items():
            if status in ("InProgress", "Stopping"):
                execution = lifecycle.leave(installation, tx, execution, stage, "Failed")
        summary = f"boatyard met an error of its own: {error}. Its log has the whole story."
        lifecycle.end(installation, tx, replace(execution, status_summary=summary), "Failed")


@workflow("codepipeline.execution", on_failure=execution_broke)
def run_execution(work: Work, account: str, region: str, execution_id: str) -> None:
    """Takes an execution through its stages. All progress is in the records, so that it resumes where it was."""
    with work.installation.database.reading() as rx:
        execution = EXECUTIONS.get(rx, account, region, execution_id)
        stages = [] if execution is None else lifecycle.declaration_of(rx, execution)["stages"]
    following = [*(stage["name"] for stage in stages[1:]), None]
    for stage, next_stage in zip(stages, following, strict=False):
        execution = _execution(work, account, region, execution_id)
        if lifecycle.ended(execution):
            return
        if execution is not None and execution.stages.get(stage["name"]) == "Succeeded":
            continue
        if not _reach(work, account, region, execution_id, stage["name"]):
            return
        if not _run_stage(work, account, region, execution_id, stage, next_stage):
            return
    _finish(work.installation, account, region, execution_id)


def _execution(work: Work, account: str, region: str, execution_id: str) -> Execution | None:
    with work.installation.database.reading() as rx:
        return EXECUTIONS.get(rx, account, region, execution_id)


def _finish(installation: Installation, account: str, region: str, execution_id: str) -> None:
    with installation.database.transaction() as tx:
        execution = EXECUTIONS.get(tx, account, region, execution_id)
        if execution is not None and not lifecycle.ended(execution):
            stopped = execution.status == "Stopping"
            lifecycle.end(installation, tx, execution, "Stopped" if stopped else "Succeeded")


def _reach(work: Work, account: str, region: str, execution_id: str, stage: str) -> bool:
    """Waits until the execution is inside the stage; False if it ended at the door."""
    installation = work.installation

    def inside_or_over() -> bool:
        with installation.database.transaction() as tx:
            execution = EXECUTIONS.get(tx, account, region, execution_id)
            if execution is None or lifecycle.ended(execution):
                return True
            if execution.status == "Stopping":
                lifecycle.end(installation, tx, execution, "Stopped")
                return True
            if execution.stages.get(stage) == "InProgress" and execution.retry != stage:
                return True
            if execution.retry == stage:
                return lifecycle.enter(installation, tx, execution, stage, again=True)
            if execution.waiting_for == stage:
                return lifecycle.enter(installation, tx, execution, stage)
            execution = lifecycle.arrive(installation, tx, execution, stage)
            return lifecycle.ended(execution) or execution.waiting_for != stage

    with installation.database.reading() as rx:
        first = EXECUTIONS.get(rx, account, region, execution_id)
    if first is None:
        return False
    key = naming.pipeline_key(account, region, first.pipeline)
    while not work.wait(key, ready=inside_or_over, timeout=_DAY):
        pass
    return not lifecycle.ended(_execution(work, account, region, execution_id))


def _run_stage(
    work: Work, account: str, region: str, execution_id: str, stage: dict[str, Any], next_stage: str | None
) -> bool:
    """Runs the actions of a stage, those of one run order at a time; True if the execution may go on."""
    installation = work.installation
    for order in sorted({run_order(action) for action in stage["actions"]}):
        group = [action for action in stage["actions"] if run_order(action) == order]
        statuses = _run_group(work, account, region, execution_id, stage["name"], group)
        if statuses is None or any(status != "Succeeded" for status in statuses):
            break
        execution = _execution(work, account, region, execution_id)
        if execution is None or execution.status == "Stopping":
            break
    return _close_stage(installation, (account, region, execution_id), stage, next_stage)


def _close_stage(
    installation: Installation, key: tuple[str, str, str], stage: dict[str, Any], next_stage: str | None
) -> bool:
    """Leaves the stage with the status that its actions earned; ends the execution unless all succeeded.

    It is at the next door in the same moment, so that no later execution gets past it in between.
    """
    name = stage["name"]
    with installation.database.transaction() as tx:
        execution = EXECUTIONS.get(tx, *key)
        if execution is None:
            return False
        if execution.stages.get(name) != "InProgress":
            return not lifecycle.ended(execution) and execution.stages.get(name) == "Succeeded"
        present = _present(tx, execution, name)
        done = {action.action for action in present if action.status == "Succeeded"}
        failed = [action for action in present if action.status == "Failed"]
        if failed:
            execution = lifecycle.leave(installation, tx, execution, name, "Failed")
            lifecycle.end(installation, tx, execution, "Failed")
            return False
        if len(done) == len(stage["actions"]):
            execution = lifecycle.leave(installation, tx, execution, name, "Succeeded")
            if next_stage is not None and execution.status == "InProgress":
                execution = lifecycle.arrive(installation, tx, execution, next_stage)
            return not lifecycle.ended(execution)
        execution = lifecycle.leave(installation, tx, execution, name, "Stopped")
        lifecycle.end(installation, tx, execution, "Stopped")
        return False


def _present(rx: Reader, execution: Execution, stage: str) -> list[ActionExecution]:
    """The action executions of a stage that count: not those that a retry has replaced."""
    return [item for item in lifecycle.actions_of(rx, execution) if item.current and item.stage == stage]


def _run_group(
    work: Work, account: str, region: str, execution_id: str, stage: str, group: list[dict[str, Any]]
) -> list[str] | None:
    """Starts the actions of one run order and waits for all; their statuses, None if the execution ended."""
    installation = work.installation
    with installation.database.transaction() as tx:
        execution = EXECUTIONS.get(tx, account, region, execution_id)
        if execution is None or execution.status != "InProgress":
            return None
        known = {item.action for item in _present(tx, execution, stage)}
        for action in group:
            if action["name"] not in known:
                _start_action(installation, tx, execution, stage, action)
    names = {action["name"] for action in group}

    def statuses() -> list[str]:
        with installation.database.reading() as rx:
            current = EXECUTIONS.get(rx, account, region, execution_id)
            if current is None:
                return []
            return [item.status for item in _present(rx, current, stage) if item.action in names]

    def over() -> bool:
        return all(status != "InProgress" for status in statuses())

    while not work.wait(naming.execution_key(execution_id), ready=over, timeout=_DAY):
        pass
    return statuses()


def _start_action(
    installation: Installation, tx: Transaction, execution: Execution, stage: str, declaration: dict[str, Any]
) -> None:
    """Records an action execution and starts its workflow."""
    action = ActionExecution(
        account=execution.account,
        region=execution.region,
        pipeline=execution.pipeline,
        execution=execution.id,
        id=naming.new_id(),
        version=execution.version,
        stage=stage,
        action=declaration["name"],
        order=len(lifecycle.actions_of(tx, execution)) + 1,
        status="InProgress",
        started=now(),
        updated=now(),
        declaration=declaration,
    )
    ACTIONS.insert(tx, action)
    EXECUTIONS.put(tx, replace(execution, updated=now()))
    announcements.action_changed(installation, tx, execution, action, "InProgress")
    installation.workflows.start(
        tx,
        "codepipeline.action",
        id=f"codepipeline/action/{action.id}",
        args=[action.account, action.region, action.id],
    )
