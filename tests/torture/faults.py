"""The server with a trap in it: `python -m tests.torture.faults` dies by SIGKILL at the step or commit asked for.

The file `fault.json` beside the data directory says where; the server takes it away in the moment of its death.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from boatyard.gateway.server import main
from boatyard.settings import Settings
from boatyard.state.database import Database, Transaction
from boatyard.workflows.engine import Workflows


def fault_file(data_directory: Path) -> Path:
    """Where a server with this data directory is told of its death."""
    return data_directory.with_name(f"{data_directory.name}.fault.json")


class Trap:
    """Counts commits, and kills the server at the moment that the file names.

    `{"step": NAME, "of": PREFIX, "when": "before" | "after"}`: when the outcome of a step of a workflow whose id
    contains PREFIX is about to be recorded, or has been. `{"commit": N, "when": ...}`: at the Nth commit from now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._commits = 0

    def _plan(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return found

    def die(self) -> None:
        """What a power cut does."""
        self._path.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait()

    def at_step(self, workflow: str, step: str, when: str) -> None:
        """A step is about to be recorded, or has been."""
        plan = self._plan()
        if plan.get("when") == when and plan.get("step") == step.rpartition("#")[0] and plan["of"] in workflow:
            self.die()

    def at_commit(self, when: str) -> None:
        """A transaction is about to be committed, or has been."""
        plan = self._plan()
        if "commit" not in plan:
            return
        with self._lock:
            self._commits += when == "before"
            if self._commits >= plan["commit"] and plan["when"] == when:
                self.die()


def set_trap(trap: Trap) -> None:
    """Have the trap asked at every step and every commit of this process."""
    record_step = Workflows.record_step
    transaction = Database.transaction

    def recorded(self: Workflows, workflow_id: str, step: str, outcome: str) -> None:
        trap.at_step(workflow_id, step, "before")
        record_step(self, workflow_id, step, outcome)
        trap.at_step(workflow_id, step, "after")

    @contextlib.contextmanager
    def committed(self: Database) -> Iterator[Transaction]:
        with transaction(self) as tx:
            yield tx
            trap.at_commit("before")
            tx._after.insert(0, lambda: trap.at_commit("after"))

    Workflows.record_step = recorded  # type: ignore[method-assign]
    Database.transaction = committed  # type: ignore[method-assign]


if __name__ == "__main__":
    set_trap(Trap(fault_file(Settings().data_directory)))
    main()
