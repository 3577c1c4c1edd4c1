"""A crew works off a graph of tasks: each after those it needs, several at once, never more than a few."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import Countdown
from boatyard.state.database import DatabaseClosed
from boatyard.workflows.work import Work

log = logging.getLogger(__name__)
AT_ONCE = 6


@dataclass
class Outcome:
    """What became of the tasks: those that failed, with their errors, and those that were never begun."""

    failed: dict[str, ApiError] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    timed_out: bool = False
    cancelled: bool = False

    @property
    def complete(self) -> bool:
        """Whether every task was done."""
        return not self.failed and not self.left and not self.timed_out and not self.cancelled


def _never() -> bool:
    return False


class Crew:
    """Runs the tasks of one graph in threads of their own, from the workflow's thread."""

    def __init__(self, work: Work, at_once: int = AT_ONCE) -> None:
        self._work = work
        self._at_once = at_once
        self._lock = threading.Lock()
        self._done: set[str] = set()
        self._running: set[str] = set()
        self._outcome = Outcome()
        self._broken: BaseException | None = None

    def run(
        self,
        graph: Mapping[str, set[str]],
        task: Callable[[str], None],
        *,
        stop_at_failure: bool = True,
        cancelled: Callable[[], bool] = _never,
        deadline: Countdown | None = None,
    ) -> Outcome:
        """Run `task(name)` for every node once what it needs is done; blocks until nothing runs any more.

        A task fails by raising ApiError. With `stop_at_failure` nothing new begins after one has failed; without,
        only what needs the failed ones is left. After `deadline` or when `cancelled`, nothing new
        begins. Any other exception of a task is raised here.
        """
        self._outcome.left = set(graph)
        while self._broken is None:
            self._work.check()
            expired = deadline is not None and deadline.left < 0
            self._outcome.timed_out = self._outcome.timed_out or (expired and self._unfinished())
            self._outcome.cancelled = self._outcome.cancelled or cancelled()
            stopped = self._outcome.timed_out or self._outcome.cancelled
            if stopped or (stop_at_failure and self._outcome.failed):
                running = len(self._running)
            else:
                running = self._begin(graph, task)
            if not running:
                break
            self._wait_for_fewer(running, _never if stopped else cancelled)
        if self._broken is not None:
            # Nothing may run on beside whoever takes this up.
            self._work.wait(self._key, ready=lambda: not self._running)
            raise self._broken
        return self._outcome

    def _wait_for_fewer(self, running: int, or_when: Callable[[], bool]) -> None:
        # The time-out lets deadlines be seen; everything else wakes the wait.
        self._work.wait(self._key, ready=lambda: len(self._running) < running or or_when(), timeout=1.0)

    @property
    def _key(self) -> tuple[str, str]:
        return ("cloudformation", self._work.id)

    def _unfinished(self) -> bool:
        return bool(self._outcome.left or self._running)

    def _begin(self, graph: Mapping[str, set[str]], task: Callable[[str], None]) -> int:
        """Begin what can be begun; how many run, counted before one of them could end unseen."""
        with self._lock:
            ready = [name for name in graph if name in self._outcome.left and graph[name] <= self._done]
            chosen = ready[: self._at_once - len(self._running)]
            self._outcome.left -= set(chosen)
            self._running |= set(chosen)
            running = len(self._running)
        for name in chosen:
            threading.Thread(
                target=self._carry_out, args=(name, task), name=f"{self._work.id} {name}", daemon=True
            ).start()
        return running

    def _carry_out(self, name: str, task: Callable[[str], None]) -> None:
        try:
            task(name)
            with self._lock:
                self._done.add(name)
        except ApiError as error:
            with self._lock:
                self._outcome.failed[name] = error
        except DatabaseClosed:
            log.info("%s of %s was cut off by the stop and is taken up at the next start", name, self._work.id)
        except BaseException as error:  # noqa: BLE001 - run() raises it in the workflow's thread
            with self._lock:
                self._broken = error
        finally:
            with self._lock:
                self._running.discard(name)
            self._work.installation.workflows.notify(self._key)
