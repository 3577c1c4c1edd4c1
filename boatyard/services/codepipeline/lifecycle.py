"""How an execution moves: started, waiting at a stage, entering, superseded, leaving, ended."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec.structs import replace

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.codepipeline import announcements, naming
from boatyard.services.codepipeline.records import (
    ACTIONS,
    ENDED,
    EXECUTIONS,
    PIPELINES,
    STAGES,
    VERSIONS,
    ActionExecution,
    Execution,
    Pipeline,
    Stage,
)
from boatyard.state.database import Reader, Transaction


def declaration_of(rx: Reader, execution: Execution) -> dict[str, Any]:
    """The declaration that an execution runs: that of the version it started with."""
    version = VERSIONS.get(rx, execution.account, execution.region, execution.pipeline, execution.version)
    return {"stages": []} if version is None else version.declaration


def start(
    installation: Installation,
    tx: Transaction,
    pipeline: Pipeline,
    trigger: tuple[str, str],
    *,
    variables: dict[str, str] | None = None,
    overrides: list[dict[str, str]] | None = None,
    request_token: str | None = None,
) -> Execution:
    """Records a new execution and starts its workflow; `trigger` is its type and detail."""
    declared = {item["name"]: item.get("defaultValue", "") for item in pipeline.declaration.get("variables", [])}
    order = pipeline.executions + 1
    PIPELINES.put(tx, replace(pipeline, executions=order))
    execution = Execution(
        account=pipeline.account,
        region=pipeline.region,
        pipeline=pipeline.name,
        id=naming.new_id(),
        version=pipeline.version,
        order=order,
        mode=pipeline.declaration.get("executionMode", "SUPERSEDED"),
        status="InProgress",
        started=now(),
        updated=now(),
        trigger_type=trigger[0],
        trigger_detail=trigger[1],
        variables={**declared, **(variables or {})},
        overrides=overrides or [],
        request_token=request_token,
    )
    EXECUTIONS.insert(tx, execution)
    announcements.pipeline_changed(installation, tx, execution, "InProgress")
    execution = arrive(installation, tx, execution, pipeline.declaration["stages"][0]["name"])
    launch(installation, tx, execution)
    wake_pipeline(installation, tx, execution)
    return execution


def launch(installation: Installation, tx: Transaction, execution: Execution) -> None:
    """Starts the workflow of an execution's present attempt."""
    installation.workflows.start(
        tx,
        "codepipeline.execution",
        id=f"codepipeline/{execution.id}/{execution.attempt}",
        args=[execution.account, execution.region, execution.id],
    )


def stage_of(rx: Reader, execution: Execution, name: str) -> Stage:
    """What is known of a stage, made fresh where nothing is yet."""
    known = STAGES.get(rx, execution.account, execution.region, execution.pipeline, name)
    return known or Stage(account=execution.account, region=execution.region, pipeline=execution.pipeline, stage=name)


def running(rx: Reader, account: str, region: str, pipeline: str) -> Iterator[Execution]:
    """The executions of a pipeline that have not ended."""
    for status in ("InProgress", "Stopping"):
        where = {"account": account, "region": region, "pipeline": pipeline, "status": status}
        yield from EXECUTIONS.select(rx, where=where, limit=100_000)


def actions_of(rx: Reader, execution: Execution) -> list[ActionExecution]:
    """Every action execution of an execution, oldest first."""
    where = {"account": execution.account, "region": execution.region, "execution": execution.id}
    return list(ACTIONS.walk(rx, where, order=("order",)))


def arrive(installation: Installation, tx: Transaction, execution: Execution, stage: str) -> Execution:
    """Brings the execution to a stage's door and, if it may enter, inside.

    Of two that wait there the newer replaces the older (SUPERSEDED mode).
    """
    execution = replace(execution, waiting_for=stage)
    EXECUTIONS.put(tx, execution)
    if execution.mode == "SUPERSEDED":
        for other in list(running(tx, execution.account, execution.region, execution.pipeline)):
            if other.id == execution.id or other.waiting_for != stage or other.status != "InProgress":
                continue
            if other.order > execution.order:
                return _supersede(installation, tx, execution, other)
            _supersede(installation, tx, other, execution)
    enter(installation, tx, execution, stage)
    wake_pipeline(installation, tx, execution)
    return EXECUTIONS.get(tx, execution.account, execution.region, execution.id) or execution


def _supersede(installation: Installation, tx: Transaction, old: Execution, new: Execution) -> Execution:
    summary = f"Superseded by execution {new.id}"
    return end(installation, tx, replace(old, waiting_for=None, status_summary=summary), "Superseded")


def enter(installation: Installation, tx: Transaction, execution: Execution, name: str, *, again: bool = False) -> bool:
    """Lets an execution into a stage if its door is open and, but in PARALLEL mode, nobody is inside.

    With `again` (a retry) the execution has been inside already: no door and no queue concern it.
    """
    stage = stage_of(tx, execution, name)
    if not stage.enabled and not again:
        return False
    if execution.mode != "PARALLEL":
        if stage.occupant not in (None, execution.id):
            return False
        if execution.mode == "QUEUED" and not again and _is_behind(tx, execution, name):
            return False
    occupied = replace(stage, occupant=execution.id, latest_execution=execution.id, latest_status="InProgress")
    STAGES.put(tx, occupied)
    entered = replace(
        execution, waiting_for=None, retry=None, updated=now(), stages={**execution.stages, name: "InProgress"}
    )
    EXECUTIONS.put(tx, entered)
    announcements.stage_changed(installation, tx, entered, name, "Resumed" if again else "InProgress")
    return True


def _is_behind(rx: Reader, execution: Execution, stage: str) -> bool:
    """Whether an older execution waits at the same door."""
    return any(
        other.waiting_for == stage and other.order < execution.order
        for other in running(rx, execution.account, execution.region, execution.pipeline)
    )


def leave(installation: Installation, tx: Transaction, execution: Execution, name: str, status: str) -> Execution:
    """Ends an execution's stay in a stage and wakes those who wait at its door."""
    stage = stage_of(tx, execution, name)
    changed = replace(
        stage,
        occupant=None if stage.occupant == execution.id else stage.occupant,
        latest_status=status if stage.latest_execution == execution.id else stage.latest_status,
    )
    STAGES.put(tx, changed)
    left = replace(execution, updated=now(), stages={**execution.stages, name: status})
    EXECUTIONS.put(tx, left)
    announcements.stage_changed(installation, tx, left, name, status)
    wake_pipeline(installation, tx, execution)
    return left


def end(installation: Installation, tx: Transaction, execution: Execution, status: str) -> Execution:
    """Sets an execution's end state and wakes everyone that waits for it."""
    ended = replace(execution, status=status, waiting_for=None, updated=now())
    EXECUTIONS.put(tx, ended)
    announcements.pipeline_changed(installation, tx, ended, status)
    wake_pipeline(installation, tx, execution)
    return ended


def abandon_actions(installation: Installation, tx: Transaction, execution: Execution) -> None:
    """Marks whatever action is still running as abandoned and tells it so."""
    for action in actions_of(tx, execution):
        if action.current and action.status == "InProgress":
            abandoned = replace(action, status="Abandoned", updated=now(), summary="The execution was stopped")
            ACTIONS.put(tx, abandoned)
            announcements.action_changed(installation, tx, execution, abandoned, "Abandoned")
            key = naming.action_key(action.id)
            tx.after_commit(partial(installation.workflows.notify, key))


def wake_pipeline(installation: Installation, tx: Transaction, execution: Execution) -> None:
    """Wakes, once committed, what waits for a stage of this pipeline or for this execution."""
    keys = (
        naming.execution_key(execution.id),
        naming.pipeline_key(execution.account, execution.region, execution.pipeline),
    )
    for key in keys:
        tx.after_commit(partial(installation.workflows.notify, key))


def ended(execution: Execution | None) -> bool:
    """Whether an execution has come to its end or is gone altogether."""
    return execution is None or execution.status in ENDED
