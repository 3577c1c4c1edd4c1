"""Which builds may run now: one of a project, two in all."""

from __future__ import annotations

import threading

from boatyard.api.installation import Installation
from boatyard.services.codebuild.records import Build

AT_ONCE = 2
KEY = ("codebuild", "slots")


class Slots:
    """The builds that run, by project."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, str] = {}

    def take(self, build: Build, *, anyway: bool = False) -> bool:
        """Let the build run if it may; with `anyway` (it runs already) whatever else does."""
        with self._lock:
            if self._running.get(build.arn) == build.project_key:
                return True
            busy = len(self._running) >= AT_ONCE or build.project_key in self._running.values()
            if busy and not anyway:
                return False
            self._running[build.arn] = build.project_key
            return True

    def give_back(self, build: Build) -> None:
        """The build has ended."""
        with self._lock:
            self._running.pop(build.arn, None)

    def clear(self) -> None:
        """Nothing runs any more."""
        with self._lock:
            self._running.clear()


def slots_of(installation: Installation) -> Slots:
    """The slots of a running server."""
    return installation.attached("codebuild.slots", Slots)
