"""One container: running, waited for, read, stopped, removed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from boatyard.containers.conmon import POLL_SECONDS, Monitor
from boatyard.containers.errors import EngineError, EngineUnavailable
from boatyard.containers.logs import file_lines, stream_lines
from boatyard.containers.memory import killed_for_memory
from boatyard.containers.reach import Reach, inside
from boatyard.containers.specification import UNKNOWN_CODE, Exit, LogLine

if TYPE_CHECKING:
    from boatyard.containers.connection import Connection

# A created container counts as starting, a stopping one as running still.
NOT_RUNNING = frozenset({"exited", "stopped", "dead", "removing"})
STARTING = frozenset({"created", "configured", "initialized"})
ATTEMPTS = 8
UNWATCHED_POLL_SECONDS = 0.1


class Container:
    """A container of this engine; the object holds no state but the container's id, name and labels."""

    def __init__(
        self,
        connection: Connection,
        container_id: str,
        name: str,
        labels: Mapping[str, str],
        monitor: Monitor | None,
    ) -> None:
        self._connection = connection
        self._monitor = monitor
        self.id = container_id
        self.name = name
        self.labels = dict(labels)

    def inspect(self) -> dict[str, Any]:
        """Everything the engine knows of it (ContainerInspect of the Engine API). NotFound when it is gone."""
        return cast("dict[str, Any]", self._connection.call(lambda api: api.inspect_container(self.id)))

    @property
    def exists(self) -> bool:
        """Whether it has not been removed."""
        return self._connection.absent_is_none(lambda api: api.inspect_container(self.id)) is not None

    @property
    def status(self) -> str:
        """The engine's word: created, running, exited, ...; "removed" when it is gone."""
        found = self._connection.absent_is_none(lambda api: api.inspect_container(self.id))
        return "removed" if found is None else str(found["State"]["Status"])

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        if self._monitor is not None and self._monitor.ended_well():
            return False
        found = self._connection.absent_is_none(lambda api: api.inspect_container(self.id))
        return found is not None and bool(found["State"]["Running"]) and not self._lost(found["State"])

    @property
    def watched(self) -> bool:
        """Whether its monitor lives, which takes down what it writes and how it ends."""
        return self._monitor is None or self._monitor.watching()

    @property
    def may_have_ended(self) -> bool:
        """False where its monitor still runs it; costs two small reads. True: ask, for only the engine can tell."""
        return self._monitor is None or self._monitor.ended()

    def _lost(self, state: Mapping[str, Any]) -> bool:
        return self._monitor is not None and self._monitor.lost(int(state["Pid"]))

    @property
    def address(self) -> str:
        """Its IPv4 address, reachable from the host; "" without network or when it has ended."""
        return _address(self.inspect())

    def reach(self) -> Reach | None:
        """How its ports are reached from here, also where it has no network; None when it does not run."""
        found = self._connection.absent_is_none(lambda api: api.inspect_container(self.id))
        if found is None or not found["State"]["Running"]:
            return None
        address = _address(found)
        return Reach(address) if address else inside(self._process)

    def _process(self) -> int:
        found = self._connection.absent_is_none(lambda api: api.inspect_container(self.id))
        return int(found["State"].get("Pid") or 0) if found is not None and found["State"]["Running"] else 0

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Block till it ends; None after `timeout` seconds. Survives a restart of the engine's service."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._monitor is None or self._monitor.ended():
                ended = self._exit()
                if ended is not None:
                    return ended
            pause = POLL_SECONDS if self._monitor is not None and self.watched else UNWATCHED_POLL_SECONDS
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                pause = min(pause, left)
            time.sleep(pause)

    def _exit(self) -> Exit | None:
        if self._monitor is not None and self._monitor.ended_well():
            # The engine has nothing to add, and answers late while it takes the container's file systems down.
            return Exit(0)
        state = self.inspect()["State"]
        if state.get("Running") and self._lost(state):
            return Exit(UNKNOWN_CODE)
        if state.get("Running") or state["Status"] not in NOT_RUNNING:
            return None
        code = int(state["ExitCode"])
        return Exit(code, bool(state.get("OOMKilled")) or (code != 0 and killed_for_memory(self.id)))

    def logs(self, follow: bool = True) -> Iterator[LogLine]:
        """What it wrote, from its beginning; with `follow` till it has ended and everything was handed on."""
        if self._monitor is not None:
            return file_lines(self._monitor.records(follow, self._over))
        return stream_lines(
            self._connection.call(
                lambda api: api.get(
                    api._url("/containers/{0}/logs", self.id),
                    params={"stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(follow)},
                    stream=True,
                    timeout=None,
                ).iter_content(None)
            )
        )

    def _over(self) -> bool:
        """Whether nothing more comes although no monitor is there: it comes with the start, and may be killed."""
        try:
            return self.status not in STARTING
        except EngineUnavailable:
            return False

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log, for messages."""
        return "\n".join(line.text for line in deque(self.logs(follow=False), maxlen=lines))

    def stop(self, grace_seconds: int = 10) -> None:
        """Send its stop signal (SIGTERM by default), then SIGKILL; harmless when it has ended."""
        if not self.running:
            return
        if self.watched:
            self._persist(lambda api: api.stop(self.id, timeout=grace_seconds))
            return
        # The engine would not see the end that it waits for.
        self.kill("SIGTERM")
        if self.wait(grace_seconds) is None:
            self.kill()

    def kill(self, signal: str = "SIGKILL") -> None:
        """Send a signal to its first process; harmless when it has ended."""
        try:
            self._connection.absent_is_none(lambda api: api.kill(self.id, signal))
        except EngineError:
            if self.running:
                raise

    def remove(self) -> None:
        """Remove it, killing it where it runs; harmless when it is gone."""
        self._persist(lambda api: api.remove_container(self.id, force=True, v=True))

    def _persist(self, ending: Callable[[Any], Any]) -> None:
        """Ask again where the engine was surprised by the container's own end."""
        for attempt in range(ATTEMPTS):
            try:
                self._connection.absent_is_none(ending)
                return
            except EngineUnavailable:
                raise
            except EngineError:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.05 * (attempt + 1))

    def execute(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        user: str = "",
        working_directory: str | None = None,
    ) -> tuple[int, str]:
        """Run a further command in it; (exit code, its output and errors together)."""

        def run(api: Any) -> tuple[int, str]:
            made = api.exec_create(
                self.id,
                list(command),
                environment=dict(environment or {}),
                user=user,
                workdir=working_directory,
            )
            output = api.exec_start(made["Id"])
            return int(api.exec_inspect(made["Id"])["ExitCode"]), output.decode("utf-8", "replace")

        return self._connection.call(run, patient=True)


def _address(inspected: dict[str, Any]) -> str:
    networks = inspected["NetworkSettings"].get("Networks") or {}
    return next((str(entry["IPAddress"]) for entry in networks.values() if entry.get("IPAddress")), "")
