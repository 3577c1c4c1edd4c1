"""Points in time, always aware and in UTC; and spans of time, which a clock that is set anew does not change.

What is written down and shown is the machine's clock. What is waited for is measured by the monotonic one: `Countdown`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC, with microseconds."""
    return datetime.now(UTC)


def milliseconds() -> int:
    """The present moment as milliseconds since 1970, as CloudWatch Logs counts."""
    return time.time_ns() // 1_000_000


class Countdown:
    """How long it is until a moment that was written down: read off the clock once, then counted down steadily."""

    def __init__(self, moment: datetime) -> None:
        self._end = time.monotonic() + (moment - now()).total_seconds()

    @property
    def left(self) -> float:
        """Seconds; below zero when the moment is over."""
        return self._end - time.monotonic()


class Clock:
    """Tells when the machine's clock was set, forwards or back, by a second or more."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def was_set(self) -> bool:
        """Whether it was, since this was last asked."""
        before, self._ahead = self._ahead, time.time() - time.monotonic()
        return abs(self._ahead - before) >= 1.0


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 with seconds and a Z, as AWS's events write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
