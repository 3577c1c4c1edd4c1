"""What tells waiting actions early: builds that end, jobs and endpoints that change their state."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from weakref import WeakKeyDictionary

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now

CONTINUATION_KEY = ("codepipeline", "continuation")
_changed: WeakKeyDictionary[Installation, datetime] = WeakKeyDictionary()


def build_key(build_id: str) -> Hashable:
    """The wake-up key of who waits for a build."""
    return ("codepipeline", "build", build_id)


def something_changed(installation: Installation) -> None:
    """A job or an endpoint has changed its state: functions that asked to be called again may be called now."""
    _changed[installation] = now()
    installation.workflows.notify(CONTINUATION_KEY)


def changed_since(installation: Installation, moment: datetime) -> bool:
    """Whether anything has changed its state since then, as far as this server has seen."""
    seen = _changed.get(installation)
    return seen is not None and seen > moment
