"""Runs workflows: each in a thread of its own, resumed at start from the last finished step."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from boatyard.state import space
from boatyard.state.database import DatabaseClosed, Transaction
from boatyard.workflows import records as _records  # noqa: F401 - its schema must be known before the database opens
from boatyard.workflows.registry import definition
from boatyard.workflows.signals import Signals
from boatyard.workflows.work import Interrupted, Work

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

log = logging.getLogger(__name__)
T = TypeVar("T")
KEPT_SECONDS = 7 * 24 * 3600


class Workflows:
    """The durable workflows of one server."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.signals = Signals()
        self.stopping = False
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._periodic: list[threading.Thread] = []
        self._stopped = threading.Event()

    def start(self, tx: Transaction, name: str, id: str, args: list[Any]) -> None:
        """Start a workflow in the transaction that writes its record; an id that runs already is left to run.

        A workflow of the same id that has ended is run anew.
        """
        if definition(name) is None:
            raise LookupError(f"no workflow is called {name}")
        row = tx.execute("SELECT status FROM workflows WHERE id = ?", (id,)).fetchone()
        if row and row["status"] == "running":
            return
        tx.execute("DELETE FROM workflow_steps WHERE workflow = ?", (id,))
        tx.execute(
            "INSERT OR REPLACE INTO workflows (id, name, arguments, status, created) VALUES (?, ?, ?, 'running', ?)",
            (id, name, json.dumps(args), time.time()),
        )
        tx.after_commit(lambda: self._launch(id, name, args))

    def notify(self, key: Hashable) -> None:
        """Wake the workflows that wait for the key."""
        self.signals.notify(key)

    def running(self, workflow_id: str) -> bool:
        """Whether a workflow of that id has not ended."""
        with self.installation.database.reading() as rx:
            row = rx.execute("SELECT status FROM workflows WHERE id = ?", (workflow_id,)).fetchone()
        return row is not None and row["status"] == "running"

    def resume(self) -> None:
        """Take up every workflow that had not ended when the server stopped or died."""
        self.prune()
        with self.installation.database.reading() as rx:
            rows = rx.execute("SELECT id, name, arguments FROM workflows WHERE status = 'running'").fetchall()
        for row in rows:
            if definition(row["name"]) is None:
                log.error(
                    "The workflow %s is of the kind %s, which this boatyard does not know",
                    row["id"],
                    row["name"],
                )
                continue
            self._launch(row["id"], row["name"], json.loads(row["arguments"]))

    def prune(self) -> None:
        """Forget the workflows that ended more than seven days ago, with their steps."""
        before = time.time() - KEPT_SECONDS
        old = "SELECT id FROM workflows WHERE status <> 'running' AND ended < ?"
        with self.installation.database.transaction() as tx:
            tx.execute(f"DELETE FROM workflow_steps WHERE workflow IN ({old})", (before,))
            tx.execute("DELETE FROM workflows WHERE status <> 'running' AND ended < ?", (before,))

    def record_step(self, workflow_id: str, step: str, outcome: str) -> None:
        """Keep what a step answered. On a full disk it waits: the step was done, and must not be done again."""

        def keep() -> None:
            with self.installation.database.transaction() as tx:
                tx.execute("INSERT OR REPLACE INTO workflow_steps VALUES (?, ?, ?)", (workflow_id, step, outcome))

        self._patiently(keep, workflow_id)

    def _patiently(self, function: Callable[[], T], workflow_id: str) -> T:
        directory = self.installation.data_directory
        return space.patiently(function, directory, lambda: self.stopping, f"The workflow {workflow_id}")

    def _launch(self, workflow_id: str, name: str, args: list[Any]) -> None:
        with self._lock:
            before = self._threads.get(workflow_id)
            if self.stopping:
                return
            thread = threading.Thread(
                target=self._run,
                args=(workflow_id, name, args, before),
                name=f"workflow {workflow_id}",
                daemon=True,
            )
            self._threads[workflow_id] = thread
        thread.start()

    def _run(self, workflow_id: str, name: str, args: list[Any], before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            # Where it met a full disk, it goes on as after a crash: from its last finished step.
            self._patiently(lambda: self._work_through(workflow_id, name, args), workflow_id)
            self._end(workflow_id, "ended", None)
        except (Interrupted, DatabaseClosed):
            log.info("The workflow %s goes on at the next start", workflow_id)
        except Exception as error:
            if self.stopping:
                log.info(
                    "The workflow %s was cut off by the stop (%s) and goes on at the next start",
                    workflow_id,
                    error,
                )
                return
            log.exception("The workflow %s failed", workflow_id)
            self._failed(workflow_id, name, args, error)
        finally:
            with self._lock:
                if self._threads.get(workflow_id) is threading.current_thread():
                    del self._threads[workflow_id]
            self.signals.notify(("workflow", workflow_id))

    def _work_through(self, workflow_id: str, name: str, args: list[Any]) -> None:
        found = definition(name)
        assert found is not None
        with self.installation.database.reading() as rx:
            rows = rx.execute("SELECT step, outcome FROM workflow_steps WHERE workflow = ?", (workflow_id,)).fetchall()
        found.function(Work(self, workflow_id, {row["step"]: row["outcome"] for row in rows}), *args)

    def _failed(self, workflow_id: str, name: str, args: list[Any], error: Exception) -> None:
        found = definition(name)
        try:
            if found is not None and (on_failure := found.on_failure) is not None:
                self._patiently(lambda: on_failure(self.installation, args, error), workflow_id)
            self._end(workflow_id, "failed", "".join(traceback.format_exception(error)))
        except Exception:
            log.exception("The failure of the workflow %s could not be recorded", workflow_id)

    def _end(self, workflow_id: str, status: str, error: str | None) -> None:
        def end() -> None:
            with self.installation.database.transaction() as tx:
                tx.execute(
                    "UPDATE workflows SET status = ?, error = ?, ended = ? WHERE id = ?",
                    (status, error, time.time(), workflow_id),
                )

        self._patiently(end, workflow_id)

    def every(self, seconds: float, name: str, function: Callable[[], object]) -> None:
        """Run a function every so many seconds until the stop; a failure is logged and the next turn comes."""

        def turns() -> None:
            while not self._stopped.wait(seconds):
                try:
                    function()
                except Exception:
                    if not self.stopping:
                        log.exception("The periodic work %r failed", name)

        thread = threading.Thread(target=turns, name=f"every {seconds} s: {name}", daemon=True)
        self._periodic.append(thread)
        thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Interrupt every wait and let the threads end, for at most `timeout` seconds."""
        with self._lock:
            self.stopping = True
            threads = [*self._threads.values(), *self._periodic]
        self._stopped.set()
        deadline = time.monotonic() + timeout
        for thread in threads:
            self.signals.notify_all()
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
