"""The server with a trap in it: `python -m tests.torture.faults` dies by SIGKILL at the boundaries asked for.

A boundary is where one thing has been done and the next has not: before a step of a workflow, behind it and before its
outcome is recorded, behind that; before and behind a commit; around a container's start and removal, a file's rename, a
resource's creation. Each has a name. `fault.json` beside the data directory lists those at which to die, each once:
`{"kill": [NAME, ...], "record": true}`; with `record` the names that are reached are written down in `fault.points`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from boatyard.api.events import EventDispatcher
from boatyard.containers.container import Container
from boatyard.containers.engine import Engine
from boatyard.gateway.server import main
from boatyard.services.cloudformation.deployment import resources
from boatyard.services.lambda_.invocations.pool import Pool
from boatyard.settings import Settings
from boatyard.state.blobs import BlobWriter
from boatyard.state.database import Database, Transaction
from boatyard.workflows.engine import Workflows
from boatyard.workflows.work import Work

HIDDEN = ("contextlib", __name__, "boatyard.state.database", "boatyard.state.table", "functools")


def fault_file(data_directory: Path) -> Path:
    """Where a server with this data directory is told of its deaths."""
    return data_directory.with_name(f"{data_directory.name}.fault.json")


class Trap:
    """Knows where the server stands, and kills it where the file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reached: set[str] = set()
        self.here = threading.local()

    def at(self, name: str) -> None:
        """A boundary is reached."""
        try:
            plan: dict[str, Any] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return
        if name not in plan["kill"] and not plan.get("record"):
            return
        with self._lock:
            if plan.get("record") and name not in self._reached:
                self._reached.add(name)
                append(self._path.with_suffix(".points"), name)
            if name in plan["kill"]:
                self._die(plan, name)

    def _die(self, plan: dict[str, Any], name: str) -> None:
        """What a power cut does."""
        plan["kill"].remove(name)
        replace(self._path, plan)
        append(self._path.with_suffix(".deaths"), name)
        os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait()

    def around(self, owner: Any, method: str, name: Callable[..., str]) -> None:
        """Boundaries before and behind every call of a method; `name` makes their name from the arguments."""
        original = getattr(owner, method)

        @functools.wraps(original)
        def traced(*args: Any, **kwargs: Any) -> Any:
            said = name(*args, **kwargs)
            self.at(f"{said}: before")
            answer = original(*args, **kwargs)
            self.at(f"{said}: after")
            return answer

        setattr(owner, method, traced)


def append(path: Path, line: str) -> None:
    """One line more, which a death behind it does not undo."""
    with path.open("a") as file:
        file.write(f"{line}\n")


def replace(path: Path, plan: dict[str, Any]) -> None:
    """Write the plan anew, whole at every moment."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(plan))
    temporary.replace(path)


def place(depth: int = 2) -> str:
    """Who calls: module and function, and the function that called that."""
    frame, found = sys._getframe(1), list[str]()
    while frame is not None and len(found) < depth:
        module = str(frame.f_globals.get("__name__", ""))
        if module not in HIDDEN:
            named = frame.f_code.co_name
            found.append(named if found else f"{module.removeprefix('boatyard.').removeprefix('services.')}.{named}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(found)


def trap_workflows(trap: Trap) -> None:
    """Boundaries of every step, and of every workflow's beginning and end."""
    run, end, step = Workflows._run, Workflows._end, Work.step

    def running(self: Workflows, workflow_id: str, name: str, *args: Any) -> None:
        trap.here.workflow = name
        trap.at(f"workflow {name}: before")
        run(self, workflow_id, name, *args)

    def ending(self: Workflows, *args: Any) -> None:
        trap.at(f"workflow {trap.here.workflow}: done")
        end(self, *args)
        trap.at(f"workflow {trap.here.workflow}: after")

    def stepping(self: Work, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        said, ran = f"step {trap.here.workflow} {name}", list[bool]()

        def traced(*args: Any, **kwargs: Any) -> Any:
            ran.append(True)
            trap.at(f"{said}: before")
            answer = function(*args, **kwargs)
            trap.at(f"{said}: done")
            return answer

        answer = step(self, name, traced, *args, **kwargs)
        if ran:
            trap.at(f"{said}: after")
        return answer

    Workflows._run = running  # type: ignore[method-assign, assignment]
    Workflows._end = ending  # type: ignore[method-assign, assignment]
    Work.step = stepping  # type: ignore[method-assign]


def trap_commits(trap: Trap) -> None:
    """Boundaries of every transaction, by who makes it; those of steps are there already."""
    transaction = Database.transaction

    @contextlib.contextmanager
    def committed(self: Database) -> Iterator[Transaction]:
        with transaction(self) as tx:
            yield tx
            who = place()
            if not who.startswith("workflows.engine.record_step"):
                trap.at(f"commit {who}: before")
                tx._after.insert(0, lambda: trap.at(f"commit {who}: after"))

    Database.transaction = committed  # type: ignore[method-assign]


def set_trap(trap: Trap) -> None:
    """Have the trap asked at every boundary of this process."""
    trap_workflows(trap)
    trap_commits(trap)
    trap.around(BlobWriter, "commit", lambda writer: f"file of {place(1)}")
    for owner, methods in ((Engine, ("start", "network", "remove_network", "pull")), (Container, ("stop", "remove"))):
        for method in methods:
            trap.around(owner, method, lambda *_, method=method, **__: f"engine {method} {place(1)}")
    trap.around(resources, "create_once", lambda kind, *_, **__: f"created {kind.type_name}")
    trap.around(resources.ResourceWork, "_delete_physical", lambda self, record, kind, *_: f"deleted {kind}")
    trap.around(Pool, "invoke", lambda self, function, *_: f"invoked {function.name.rpartition('-')[2]}")
    trap.around(EventDispatcher, "_deliver", lambda self, event, _: f"event {event['source']} {event['detail-type']}")


if __name__ == "__main__":
    set_trap(Trap(fault_file(Settings().data_directory)))
    main()
