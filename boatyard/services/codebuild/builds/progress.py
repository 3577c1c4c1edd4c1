"""Reads what a build's agent reports: its phases, and at the end the exported variables."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import msgspec

from boatyard.containers.foreign_files import open_plain

# The agent writes far less in a whole build.
MOST_BYTES = 4 * 1024 * 1024
MOST_LINES = 1000


class BadProgress(Exception):
    """The progress file is not as the agent writes it: commands of the build, which own it, have changed it."""


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """A line of the file."""

    time: float
    event: Literal["started", "ended", "exported"]
    phase: Literal["INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"] | None = None
    status: Literal["SUCCEEDED", "FAILED"] = "SUCCEEDED"
    code: str = ""
    message: str = ""
    variables: dict[str, str] = {}
    artifact_names: dict[str, str] = {}


class Phases(Protocol):
    """Whoever wants to know of the phases."""

    def enter(self, name: str, started: datetime | None = None) -> object:
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
        self._lines = 0
        self.complete = False
        self.exported: dict[str, str] = {}
        self.artifact_names: dict[str, str] = {}
        """By artifact identifier, "" for the primary one."""

    def read(self, path: Path) -> Progress:
        """Take in what is new. BadProgress when the build's commands have put something else in the file's place."""
        file = open_plain(path)
        if file is None:
            if os.path.lexists(path):
                raise BadProgress("it is not a file any more")
            return self
        with file:
            end = os.fstat(file.fileno()).st_size
            while self._offset < end and self._piece(file):
                pass
        return self

    def _piece(self, file: BinaryIO) -> bool:
        """Take in some whole lines; whether there were any."""
        file.seek(self._offset)
        content = file.read(MOST_BYTES)
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and len(content) == MOST_BYTES:
            raise BadProgress(f"a line of it is longer than {MOST_BYTES} bytes")
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                event = msgspec.json.decode(line, type=Event)
            except msgspec.MsgspecError as error:
                raise BadProgress(str(error)) from None
            self._lines += 1
            if self._lines > MOST_LINES:
                raise BadProgress(f"it has more than {MOST_LINES} lines")
            self._take(event)
        return bool(whole)

    def _take(self, event: Event) -> None:
        try:
            moment = datetime.fromtimestamp(event.time, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise BadProgress(f"a time is none: {error}") from None
        if event.event == "exported":
            self.complete = True
            self.exported = event.variables
            self.artifact_names = event.artifact_names
        elif self._phases is None or event.phase is None:
            return
        elif event.event == "started":
            self._phases.enter(event.phase, moment)
        else:
            self._phases.leave(event.phase, event.status, event.code, event.message, moment)
