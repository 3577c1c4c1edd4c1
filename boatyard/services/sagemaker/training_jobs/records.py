"""What is stored of training jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.services.sagemaker.listing import BY_STATUS, ORDERS
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table


class Transition(Record, kw_only=True, frozen=True):
    """One secondary status, and from when to when the job had it."""

    status: str
    started: datetime
    ended: datetime | None = None
    message: str = ""


class FinalMetric(Record, kw_only=True, frozen=True):
    """The last value of a metric that the log gave."""

    name: str
    value: float
    timestamp: datetime


class TrainingJob(Record, kw_only=True, frozen=True):
    """A training job: what was asked for, and how far it is."""

    account: str
    region: str
    name: str
    arn: str
    request: dict[str, Any]
    status: str
    secondary_status: str
    created: datetime
    modified: datetime
    started: datetime | None = None
    ended: datetime | None = None
    transitions: tuple[Transition, ...] = ()
    metrics: tuple[FinalMetric, ...] = ()
    failure_reason: str | None = None
    model_artifacts: str | None = None
    image_digest: str | None = None


SCHEMA = Schema("sagemaker_training_jobs", ())
JOBS = Table(
    SCHEMA,
    "sagemaker_training_jobs",
    TrainingJob,
    key=("account", "region", "name"),
    index=("arn", "status", BY_STATUS, *ORDERS),
)

IN_PROGRESS = ("InProgress", "Stopping")
