"""What SNS stores: topics, subscriptions, and messages on their way to a subscriber."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("sns", ())


class Topic(Record, kw_only=True, frozen=True):
    """A topic; `attributes` are those that were set."""

    account: str
    region: str
    name: str
    created: datetime
    policy: str
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The topic's ARN."""
        return f"arn:aws:sns:{self.region}:{self.account}:{self.name}"


class Subscription(Record, kw_only=True, frozen=True):
    """Where a topic's messages go. `token` confirms it, and ends it by its link."""

    topic: str
    id: str
    account: str
    region: str
    owner: str
    protocol: str
    endpoint: str
    pending: bool
    token: str
    created: datetime
    attributes: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The subscription's ARN."""
        return f"{self.topic}:{self.id}"


class Delivery(Record, kw_only=True, frozen=True):
    """One message to one subscriber, kept until it has arrived or was given up.

    `content` is the notification as JSON, or with `data_key` (which kms:Decrypt opens) its encrypted form.
    """

    id: str
    topic: str
    subscription: str
    content: bytes
    data_key: bytes | None = None
    created: datetime
    confirmation: bool = False
    """Whether this asks an endpoint to confirm its subscription."""


class Notification(Record, kw_only=True, frozen=True):
    """A message as it was published."""

    message_id: str
    message: str
    subject: str | None = None
    timestamp: datetime
    attributes: dict[str, Any] = {}


TOPICS = Table(SCHEMA, "sns_topics", Topic, key=("account", "region", "name"), counted=("account", "region"))
SUBSCRIPTIONS = Table(SCHEMA, "sns_subscriptions", Subscription, key=("topic", "id"), index=("account", "region"))
DELIVERIES = Table(SCHEMA, "sns_deliveries", Delivery, key=("id",), index=("topic",))
