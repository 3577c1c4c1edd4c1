"""What a workflow's function works with: recorded steps and waits that are woken."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import Countdown

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.workflows.engine import Workflows

T = TypeVar("T")
POLL_SECONDS = 5.0


class Interrupted(BaseException):
    """The server stops: the workflow ends here and goes on from its last finished step at the next start."""


class Work:
    """One run of a workflow."""

    def __init__(self, workflows: Workflows, workflow_id: str, outcomes: dict[str, str]) -> None:
        self.id = workflow_id
        self._workflows = workflows
        self._outcomes = outcomes
        self._seen: Counter[str] = Counter()

    @property
    def installation(self) -> Installation:
        """The running server's things."""
        return self._workflows.installation

    def step(self, name: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a function once and record what it answered (a JSON value); an ApiError is recorded and raised.

        After a crash a finished step answers what was recorded. One that had not finished runs again.
        """
        self._seen[name] += 1
        key = f"{name}#{self._seen[name]}"
        if key in self._outcomes:
            return self._replay(self._outcomes[key])  # type: ignore[no-any-return]
        self.check()
        try:
            result = function(*args, **kwargs)
            outcome: dict[str, Any] = {"result": result}
        except ApiError as error:
            members = {name: value for name, value in error.members.items() if isinstance(value, str | int)}
            failed = {
                "code": error.code,
                "message": error.message,
                "status": error.status,
                "members": members,
            }
            self._record(key, {"error": failed})
            raise
        self._record(key, outcome)
        return result

    def _record(self, key: str, outcome: dict[str, Any]) -> None:
        text = json.dumps(outcome)
        self._workflows.record_step(self.id, key, text)
        self._outcomes[key] = text

    @staticmethod
    def _replay(text: str) -> Any:
        outcome = json.loads(text)
        if "error" in outcome:
            error = outcome["error"]
            raise ApiError(error["code"], error["message"], status=error["status"], **error["members"])
        return outcome["result"]

    def check(self) -> None:
        """Raise Interrupted when the server stops."""
        if self._workflows.stopping:
            raise Interrupted

    def wait(
        self,
        key: Hashable | list[Hashable],
        *,
        ready: Callable[[], T],
        timeout: float | None = None,
        poll: float = POLL_SECONDS,
    ) -> T | None:
        """Block until ready() is true: asked at once, whenever the key is notified, and every `poll` seconds.

        Answers what ready() answered, None when `timeout` seconds have passed. Raises Interrupted at the stop.
        """
        keys = key if isinstance(key, list) else [key]
        deadline = None if timeout is None else time.monotonic() + timeout
        event = self._workflows.signals.subscribe(keys)
        try:
            while True:
                event.clear()
                self.check()
                if answer := ready():
                    return answer
                left = poll if deadline is None else min(poll, deadline - time.monotonic())
                if left <= 0:
                    return None
                event.wait(left)
        finally:
            self._workflows.signals.unsubscribe(keys, event)

    def sleep_until(self, moment: datetime) -> None:
        """Wait for a moment, however the clock is set meanwhile; raises Interrupted when the server stops first."""
        self.wait(("workflow", self.id), ready=lambda: False, timeout=max(0.0, Countdown(moment).left))
