"""Points in time, always aware and in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC, with microseconds."""
    return datetime.now(UTC)


def milliseconds() -> int:
    """The present moment as milliseconds since 1970, as CloudWatch Logs counts."""
    return time.time_ns() // 1_000_000


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 with seconds and a Z, as AWS's events write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
