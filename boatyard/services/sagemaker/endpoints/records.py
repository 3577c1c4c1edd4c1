"""What is stored of endpoints: the fleet that serves, the one that is being brought up, and the one that retires."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.services.sagemaker.listing import BY_STATUS, ORDERS
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table


class Variant(Record, kw_only=True, frozen=True):
    """A production variant as deployed: `count` containers of one model, all of one generation.

    `generation` is the number of the deployment that brought it up: its containers are named by it.
    """

    name: str
    position: int
    generation: int
    model_name: str
    model: dict[str, Any]
    instance_type: str
    weight: float
    count: int
    startup_seconds: int
    image_id: str = ""
    resolved_image: str = ""
    resolved_at: datetime | None = None


class Fleet(Record, kw_only=True, frozen=True):
    """All variants of an endpoint at one time, and the configuration they come from."""

    config_name: str
    variants: tuple[Variant, ...] = ()


class Endpoint(Record, kw_only=True, frozen=True):
    """An endpoint. `uid` tells it from an earlier one of the same name."""

    account: str
    region: str
    name: str
    arn: str
    uid: str
    config_name: str
    status: str
    created: datetime
    modified: datetime
    generation: int = 1
    fleet: Fleet | None = None
    target: Fleet | None = None
    retiring: Fleet | None = None
    failure_reason: str | None = None
    deployment: dict[str, Any] | None = None


SCHEMA = Schema("sagemaker_endpoints", ())
ENDPOINTS = Table(
    SCHEMA,
    "sagemaker_endpoints",
    Endpoint,
    key=("account", "region", "name"),
    index=("arn", "status", BY_STATUS, *ORDERS),
)
SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack")
