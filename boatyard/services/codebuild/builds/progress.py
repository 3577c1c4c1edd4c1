"""Reads what a build's agent reports: its phases, and at the end the exported variables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol


class Phases(Protocol):
    """Whoever wants to know of the phases."""

    def enter(self, name: str, started: datetime | None = None) -> None:
        """A phase begins."""

    def leave(
        self, name: str, status: str = "SUCCEEDED", code: str = "", message: str = "", ended: datetime | None = None
    ) -> None:
        """A phase ends."""


class Progress:
    """Reads the agent's progress file from where it was left; hands phases on where somebody wants them."""

    def __init__(self, phases: Phases | None) -> None:
        self._phases = phases
        self._offset = 0
        self.complete = False
        self.exported: dict[str, str] = {}
        self.artifact_names: dict[str, str] = {}
        """By artifact identifier, "" for the primary one."""

    def read(self, path: Path) -> Progress:
        """Take in what is new."""
        if not path.exists():
            return self
        with path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))
        return self

    def _take(self, event: dict[str, Any]) -> None:
        moment = datetime.fromtimestamp(event["time"], UTC)
        if event["event"] == "exported":
            self.complete = True
            self.exported = event["variables"]
            self.artifact_names = event["artifact_names"]
        elif self._phases is None:
            return
        elif event["event"] == "started":
            self._phases.enter(event["phase"], moment)
        else:
            self._phases.leave(event["phase"], event["status"], event["code"], event["message"], moment)
