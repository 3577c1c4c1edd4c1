"""An instance: one container that runs a function, one invocation after the other, over the runtime API."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.log_shipping import LogShipper
from boatyard.api.timestamps import milliseconds, now
from boatyard.containers.container import Container
from boatyard.containers.errors import EngineError
from boatyard.containers.specification import ContainerSpecification, Mount
from boatyard.services.lambda_.invocations.output import FunctionOutput
from boatyard.services.lambda_.packages import unpacked
from boatyard.services.lambda_.records import LATEST, Function
from boatyard.workflows import Interrupted

log = logging.getLogger(__name__)
SERVICE = "lambda.amazonaws.com"
INIT_SECONDS = 30.0
STOP_LOOK_SECONDS = 0.2
PYTHON = "python3.11"
LABEL = "boatyard.lambda.instance"
NETWORK_PREFIX = "lambda-"
TAIL_BYTES = 4096
OUTPUT = "/var/runtime/output"
TEMPORARY = "/tmp"  # noqa: S108 - the one place in its container that a function may write to


@dataclass
class Outcome:
    """What an invocation came to: the payload, and for an error of the function its kind."""

    payload: bytes
    error: str | None = None


@dataclass
class Invocation:
    """One event on its way through an instance."""

    payload: bytes
    deadline: float
    """When the function's time is over, in seconds since 1970."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client_context: str | None = None
    arn: str = ""
    """The function as it was named, with a version or an alias; the function's own ARN where empty."""
    done: concurrent.futures.Future[Outcome] = field(default_factory=concurrent.futures.Future)


class InstanceFailed(Exception):
    """The instance's container or its function did not come up; the outcome says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.payload.decode(errors="replace"))
        self.outcome = outcome


def network_of(function: Function) -> str:
    """The name of the network that a function's instances are on."""
    return f"{NETWORK_PREFIX}{function.account}-{function.region}-{function.name}"


def network_lock(installation: Installation, network: str) -> threading.Lock:
    """Held while a network is made or removed."""
    return installation.attached(f"lambda.network.{network}", threading.Lock)


def error_payload(kind: str, message: str) -> bytes:
    """An error as the runtime would report it."""
    return json.dumps({"errorMessage": message, "errorType": kind}).encode()


class Instance:
    """One container of one version of a function."""

    def __init__(self, installation: Installation, function: Function) -> None:
        self.installation = installation
        self.function = function
        self.id = uuid.uuid4().hex
        self.idle_since = time.monotonic()
        self.address = ""
        self.broken = False
        self.network = network_of(function)
        self.init_seconds: float | None = None
        """How long loading took, until an invocation has reported it."""
        self._container: Container | None = None
        self._current: Invocation | None = None
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: asyncio.Future[Invocation | None] | None = None
        self._lock = threading.Lock()
        self._tail: list[str] = []
        self._output: FunctionOutput | None = None
        self._started = False
        self._let_go = False
        stamp = now().strftime("%Y/%m/%d")
        self.stream = f"{stamp}/[{function.version}]{self.id}"
        self._shipper: LogShipper | None = None

    def start(self) -> None:
        """Start the container and wait until the function is loaded; harmless when that is done.

        InstanceFailed with the runtime's own error when it does not come up; ServiceException when no container can be
        had for it.
        """
        if self._started:
            return
        began = time.perf_counter()
        try:
            self._start_container()
        except EngineError as error:
            text = f"boatyard could not start a container for the function: {error}. See `boatyard doctor`."
            raise ApiError("ServiceException", text, status=500, Type="Service") from error
        except ApiError as error:
            raise InstanceFailed(Outcome(error_payload("Runtime.StartError", str(error)), "Unhandled")) from error
        threading.Thread(target=self._watch, name=f"lambda {self.id}", daemon=True).start()
        try:
            self._ready.result(INIT_SECONDS)
        except TimeoutError:
            text = f"The function did not load within {INIT_SECONDS:.0f} seconds"
            raise InstanceFailed(Outcome(error_payload("Sandbox.Timedout", text), "Unhandled")) from None
        self._started = True
        self.init_seconds = time.perf_counter() - began

    def _start_container(self) -> None:
        function, engine = self.function, self.installation.engine
        # A session's name has two characters at least, a function's may have one.
        session_name = function.name if len(function.name) > 1 else f"lambda-{function.name}"
        role_call = self.installation.service_call(SERVICE, function.account, function.region).assume(
            function.role, SERVICE, session_name=session_name, source_arn=function.unqualified_arn
        )
        self._shipper = LogShipper(role_call, function.group, self.stream)
        with network_lock(self.installation, self.network):
            network = engine.network(self.network)
        environment = self.installation.workload_environment(
            self.network,
            identity=f"lambda/{self.id}",
            role_arn=function.role,
            service=SERVICE,
            region=function.region,
            account=function.account,
            session_name=session_name,
            source_arn=function.unqualified_arn,
        )
        environment |= self._variables(f"{network.gateway}:{self.installation.gateway_port}")
        mounts = [Mount(unpacked(self.installation, [function.package]), "/var/task", read_only=True)]
        if function.layers:
            mounts.append(Mount(unpacked(self.installation, function.layer_packages), "/opt", read_only=True))
        if function.runtime != PYTHON:
            self.say(
                f"boatyard: {function.runtime} is not available here; this function runs on {PYTHON}, the nearest one."
            )
        self._output = FunctionOutput(self.installation.data_directory / "lambda" / "output" / self.id, self._printed)
        mounts.append(Mount(self._output.path, OUTPUT))
        self.installation.attached("lambda.started", set[str]).add(self.id)
        self._container = engine.start(
            ContainerSpecification(
                name=f"lambda-{function.name}-{self.id}"[:120],
                image="functions",
                entrypoint=["/bin/sh", "-c", f'exec python3 -m awslambdaric "$0" > {OUTPUT} 2>&1'],
                command=[function.handler],
                environment=environment | dict(function.environment),
                mounts=mounts,
                network=self.network,
                memory_mib=function.memory,
                pids=1024,
                read_only=True,
                temporary_filesystems={TEMPORARY: f"size={function.storage}m,mode=1777"},
                working_directory="/var/task",
                labels={LABEL: self.id, "boatyard.service": "lambda", "boatyard.arn": function.arn},
            )
        )
        self.address = self._container.address
        self.installation.bind_workload(f"lambda/{self.id}", self.address)

    def _variables(self, runtime_api: str) -> dict[str, str]:
        function = self.function
        site = f"/opt/python/lib/{PYTHON}/site-packages"
        return {
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": function.group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{PYTHON}",
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "_HANDLER": function.handler,
            "HOME": TEMPORARY,
            "TZ": ":UTC",
            "PYTHONPATH": f"/var/task:/opt/python:{site}:/opt",
            "PYTHONUNBUFFERED": "1",
        }

    async def next(self) -> Invocation | None:
        """The runtime asks for its next event: it is loaded, and idle until there is one. None: the server stops."""
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.create_future()
        if not self._ready.done():
            self._ready.set_result(None)
        with self._lock:
            current = self._current
        if current is not None and not current.done.done():
            return current
        return await self._next

    def let_go(self) -> None:
        """Answer the runtime that waits for an event that there will be none; on the event loop."""
        self._let_go = True
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

    def invoke(self, invocation: Invocation) -> Outcome:
        """Hand the event to the runtime and wait for what it comes to, at most for the function's time."""
        with self._lock:
            self._current = invocation
        self._log_start(invocation)
        began = time.perf_counter()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._give, invocation)
        try:
            outcome = self._outcome(invocation)
            seconds = time.perf_counter() - began
            self._flush_output()
        except TimeoutError:
            seconds = time.perf_counter() - began
            self._flush_output()
            outcome = self._timed_out(invocation)
        with self._lock:
            self._current = None
        self._log_end(invocation, seconds)
        self.idle_since = time.monotonic()
        return outcome

    def _outcome(self, invocation: Invocation) -> Outcome:
        """What the invocation comes to. TimeoutError after the function's time; Interrupted when the server stops."""
        end = time.monotonic() + self.function.timeout
        while True:
            left = end - time.monotonic()
            try:
                return invocation.done.result(min(STOP_LOOK_SECONDS, max(0.0, left)))
            except TimeoutError:
                if self.installation.workflows.stopping:
                    raise Interrupted from None
                if left <= STOP_LOOK_SECONDS:
                    raise

    def _flush_output(self) -> None:
        """Have every line in the log that the function has printed so far."""
        if self._output is not None:
            self._output.flush()

    @property
    def alive(self) -> bool:
        """Whether it can take an event: its container has neither ended nor been removed by somebody."""
        return not self.broken and self._container is not None and self._container.watched

    def log_failed_start(self, invocation: Invocation, outcome: Outcome) -> None:
        """Write into the log that an invocation ended before the function was loaded, and why."""
        self._flush_output()
        before, self._tail = self._tail, []
        self._log_start(invocation)
        for line in before:
            self._tail.append(line)
        self.say(outcome.payload.decode(errors="replace"))
        self._log_end(invocation, 0.0)

    def _give(self, invocation: Invocation) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(invocation)

    def _timed_out(self, invocation: Invocation) -> Outcome:
        self.broken = True
        text = f"Task timed out after {self.function.timeout:.2f} seconds"
        moment = now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        self.say(f"{moment}Z {invocation.request_id} {text}")
        message = f"RequestId: {invocation.request_id} Error: {text}"
        return Outcome(error_payload("Sandbox.Timedout", message), "Unhandled")

    def finish(self, request_id: str, outcome: Outcome) -> bool:
        """The runtime reports an outcome; False when it is not the present invocation's."""
        with self._lock:
            current = self._current
        if current is None or current.request_id != request_id or current.done.done():
            return False
        current.done.set_result(outcome)
        return True

    def fail_init(self, payload: bytes) -> None:
        """The runtime reports that the function cannot be loaded."""
        if not self._ready.done():
            self._ready.set_exception(InstanceFailed(Outcome(payload, "Unhandled")))

    def _watch(self) -> None:
        """Wait for the container's end: whoever waits for it then learns why."""
        container = self._container
        if container is None:
            return
        try:
            ended = container.wait()
        except EngineError as error:
            if self._container is not None:
                log.warning("The instance %s of %s was lost: %s", self.id, self.function.name, error)
            ended = None
        self.broken = True
        self._flush_output()
        if self._loop is not None:
            # Nobody asks for the next event any more: a request that waited on would hold up the server's end.
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self.let_go)
        if ended is not None and ended.out_of_memory:
            kind = "Runtime.OutOfMemory"
            text = f"Runtime exited with error: signal: killed (more than {self.function.memory} MB were used)"
        else:
            status = "its container was removed" if ended is None else f"exit status {ended.code}"
            kind, text = "Runtime.ExitError", f"Runtime exited with error: {status}"
        with self._lock:
            current = self._current
        identity = f"RequestId: {current.request_id} Error: " if current else ""
        outcome = Outcome(error_payload(kind, f"{identity}{text}"), "Unhandled")
        if not self._ready.done():
            self._ready.set_exception(InstanceFailed(outcome))
        if current is not None and not current.done.done():
            self.say(f"{identity}{text}")
            current.done.set_result(outcome)

    def _printed(self, line: str) -> None:
        # A runtime that is let go complains of it: that is nothing of the function's.
        if not self._let_go:
            self.say(line)

    def say(self, text: str, at: int | None = None) -> None:
        """A line in the function's log stream."""
        self._tail = [*self._tail[-200:], text]
        if self._shipper is not None:
            self._shipper.send(at, text)

    def tail(self) -> bytes:
        """The last 4 KB of the log, as LogType=Tail answers it."""
        if self._shipper is not None:
            self._ship(self._shipper.flush)
        return "\n".join(self._tail).encode()[-TAIL_BYTES:]

    def _log_start(self, invocation: Invocation) -> None:
        self._tail = []
        version = self.function.version or LATEST
        self.say(f"START RequestId: {invocation.request_id} Version: {version}", milliseconds())

    def _log_end(self, invocation: Invocation, seconds: float) -> None:
        spent = seconds * 1000
        self.say(f"END RequestId: {invocation.request_id}")
        loaded, self.init_seconds = self.init_seconds, None
        init = "" if loaded is None else f"Init Duration: {loaded * 1000:.2f} ms\t"
        self.say(
            f"REPORT RequestId: {invocation.request_id}\tDuration: {spent:.2f} ms\t"
            f"Billed Duration: {int(spent) + 1} ms\tMemory Size: {self.function.memory} MB\t{init}"
        )

    def stop(self) -> None:
        """Remove the container and withdraw its credentials; harmless when that is done."""
        self.broken = True
        container, self._container = self._container, None
        if container is not None:
            try:
                # Removing alone would give the runtime ten seconds to end by itself.
                container.kill()
                container.remove()
            except EngineError as error:
                log.warning("The instance %s of %s could not be removed: %s", self.id, self.function.name, error)
        output, self._output = self._output, None
        if output is not None:
            output.close()
        self.installation.end_workload(f"lambda/{self.id}")
        shipper, self._shipper = self._shipper, None
        if shipper is not None:
            self._ship(shipper.close)

    def _ship(self, function: Callable[[], None]) -> None:
        """Bring lines on their way; a disk that is full must not undo what the function has done."""
        try:
            function()
        except (OSError, sqlite3.Error) as error:
            log.warning("Lines of the function %s could not be kept: %s", self.function.name, error)
