"""What CodePipeline stores: pipelines and their versions, stages, executions, action executions and jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("codepipeline", ())


class Pipeline(Record, kw_only=True, frozen=True):
    """A pipeline at its newest version; `executions` counts every execution ever started, for their order.

    `after` is where the last event stood that was there when the pipeline was made: only later ones concern it.
    """

    account: str
    region: str
    name: str
    version: int
    declaration: dict[str, Any]
    created: datetime
    updated: datetime
    tags: dict[str, str] = {}
    executions: int = 0
    after: int = 0
    token: str = ""
    """Of the last change to a stack's resource; see Call.token."""


class PipelineVersion(Record, kw_only=True, frozen=True):
    """One version of a pipeline's declaration; executions keep the version that they started with."""

    account: str
    region: str
    pipeline: str
    version: int
    declaration: dict[str, Any]
    updated: datetime


class Stage(Record, kw_only=True, frozen=True):
    """What is known of a stage across executions: who is in it, who was last, and whether its door is open."""

    account: str
    region: str
    pipeline: str
    stage: str
    occupant: str | None = None
    latest_execution: str | None = None
    latest_status: str | None = None
    enabled: bool = True
    disabled_reason: str | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None


class Execution(Record, kw_only=True, frozen=True):
    """One run of a pipeline; `stages` holds the status of each stage that it has entered."""

    account: str
    region: str
    pipeline: str
    id: str
    version: int
    order: int
    mode: str
    status: str
    started: datetime
    updated: datetime
    trigger_type: str
    trigger_detail: str
    status_summary: str | None = None
    variables: dict[str, str] = {}
    overrides: list[dict[str, str]] = []
    revisions: list[dict[str, Any]] = []
    stages: dict[str, str] = {}
    waiting_for: str | None = None
    stop_reason: str | None = None
    abandon: bool | None = None
    attempt: int = 1
    retry: str | None = None
    request_token: str | None = None


class ActionExecution(Record, kw_only=True, frozen=True):
    """One run of an action; `current` is False once a retry of its stage has replaced it."""

    account: str
    region: str
    pipeline: str
    execution: str
    id: str
    version: int
    stage: str
    action: str
    order: int
    status: str
    started: datetime
    updated: datetime
    current: bool = True
    declaration: dict[str, Any]
    configuration: dict[str, str] = {}
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    variables: dict[str, str] = {}
    revision: dict[str, Any] | None = None
    summary: str | None = None
    external_id: str | None = None
    external_url: str | None = None
    log_stream_arn: str | None = None
    percent: int | None = None
    token: str | None = None
    decision: dict[str, str] | None = None
    updated_by: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class Job(Record, kw_only=True, frozen=True):
    """One call of a function on behalf of an action, and what the function reported about it."""

    account: str
    region: str
    id: str
    pipeline: str
    execution: str
    action_execution: str
    created: datetime
    status: str = "InProgress"
    given_token: str | None = None
    continuation: str | None = None
    summary: str | None = None
    external_id: str | None = None
    percent: int | None = None
    variables: dict[str, str] = {}
    revision: dict[str, Any] | None = None
    error_code: str | None = None
    error_message: str | None = None


PIPELINES = Table(SCHEMA, "codepipeline_pipelines", Pipeline, key=("account", "region", "name"))
VERSIONS = Table(SCHEMA, "codepipeline_versions", PipelineVersion, key=("account", "region", "pipeline", "version"))
STAGES = Table(SCHEMA, "codepipeline_stages", Stage, key=("account", "region", "pipeline", "stage"))
EXECUTIONS = Table(
    SCHEMA,
    "codepipeline_executions",
    Execution,
    key=("account", "region", "id"),
    index=(
        "status",
        ("account", "region", "pipeline", "order"),
        ("account", "region", "pipeline", "status", "order"),
    ),
)
ACTIONS = Table(
    SCHEMA,
    "codepipeline_action_executions",
    ActionExecution,
    key=("account", "region", "id"),
    index=(
        ("account", "region", "pipeline", "started", "order"),
        ("account", "region", "pipeline", "token"),
        ("account", "region", "pipeline", "execution", "started", "order"),
        ("account", "region", "execution", "order"),
    ),
)
JOBS = Table(SCHEMA, "codepipeline_jobs", Job, key=("account", "region", "id"), index=("action_execution",))

ENDED = frozenset({"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"})
