"""What EventBridge stores: buses, rules, targets, and the deliveries that are still to be made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("events", ())
DEFAULT_BUS = "default"


class EventBus(Record, kw_only=True, frozen=True):
    """A custom event bus; the default bus has no record unless it was changed."""

    account: str
    region: str
    name: str
    created: datetime
    modified: datetime
    description: str | None = None
    tags: dict[str, str] = {}


class Rule(Record, kw_only=True, frozen=True):
    """A rule; `due` is the next time of its schedule, in seconds since 1970, if it is enabled."""

    account: str
    region: str
    bus: str
    name: str
    created: datetime
    state: str
    pattern: str | None = None
    schedule: str | None = None
    description: str | None = None
    role_arn: str | None = None
    created_by: str
    tags: dict[str, str] = {}
    due: float | None = None

    @property
    def arn(self) -> str:
        """The rule's ARN; rules of the default bus do not name it."""
        path = self.name if self.bus == DEFAULT_BUS else f"{self.bus}/{self.name}"
        return f"arn:aws:events:{self.region}:{self.account}:rule/{path}"


class Target(Record, kw_only=True, frozen=True):
    """A target of a rule, as PutTargets gave it."""

    account: str
    region: str
    bus: str
    rule: str
    id: str
    arn: str
    definition: dict[str, Any]


class Delivery(Record, kw_only=True, frozen=True):
    """One event on its way to one target; gone when it was made or given up."""

    id: str
    account: str
    region: str
    rule_name: str
    rule_arn: str
    target: dict[str, Any]
    event: dict[str, Any]
    created: float
    due: float
    attempts: int = 0


BUSES = Table(SCHEMA, "events_buses", EventBus, key=("account", "region", "name"))
RULES = Table(SCHEMA, "events_rules", Rule, key=("account", "region", "bus", "name"), index=("due",))
TARGETS = Table(SCHEMA, "events_targets", Target, key=("account", "region", "bus", "rule", "id"), index=("arn",))
DELIVERIES = Table(SCHEMA, "events_deliveries", Delivery, key=("id",), index=("due",))
