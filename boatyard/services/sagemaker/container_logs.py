"""Follows a container's log line by line to its end, whatever happens to the engine meanwhile, and ships it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from boatyard.api import log_shipping
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.log_shipping import LogShipper
from boatyard.containers.engine import Engine
from boatyard.containers.errors import EngineError
from boatyard.containers.specification import LogLine
from boatyard.services.sagemaker.roles import PRINCIPAL

log = logging.getLogger(__name__)
_TAIL_LINES = 30
_RETRY_SECONDS = 0.5


class LogFollower:
    """Hands every line of one container's log to `sink`, once each and in order; keeps the last ones.

    The engine's service may be killed and come back: the log is then read again from its beginning, and the lines
    that were handed on already are passed over. `container_id` tells the container from a later one of its name.
    """

    def __init__(
        self, engine: Engine, container: str, sink: Callable[[LogLine], None], container_id: str | None = None
    ) -> None:
        self._engine = engine
        self._container = container
        self._container_id = container_id
        self._sink = sink
        self._handed_on = 0
        self._ended = threading.Event()
        self._abandoned = False
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._thread = threading.Thread(target=self._run, name=f"log of {container}", daemon=True)

    def start(self) -> LogFollower:
        """Begins to follow."""
        self._thread.start()
        return self

    def finish(self, timeout: float = 120.0) -> None:
        """Ends once the container has: waits for the rest of the log, at most `timeout` seconds."""
        self._ended.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.warning("The log of the container %s did not end within %s s", self._container, timeout)

    def abandon(self) -> None:
        """Hands nothing on any more; the thread ends when its read does."""
        self._abandoned = True
        self._ended.set()

    def _run(self) -> None:
        while True:
            ended = self._ended.is_set()
            try:
                complete = self._read(follow=not ended)
            except EngineError as error:
                log.info("The log of %s broke off and is taken up again: %s", self._container, error)
                complete = False
            if self._abandoned:
                return
            if complete and (ended or not self._running()):
                # Read once more when it is known to have ended: a line may have come after the stream's end.
                if not ended:
                    self._read_rest()
                return
            if ended:
                return
            self._ended.wait(_RETRY_SECONDS)

    def _read_rest(self) -> None:
        try:
            self._read(follow=False)
        except EngineError as error:
            log.info("The end of the log of %s could not be read: %s", self._container, error)

    def _running(self) -> bool:
        try:
            container = self._engine.find(self._container)
            return container is not None and self._is_it(container.id) and container.running
        except EngineError:
            return True

    def _is_it(self, container_id: str) -> bool:
        return self._container_id is None or container_id == self._container_id

    def _read(self, *, follow: bool) -> bool:
        container = self._engine.find(self._container)
        if container is None or not self._is_it(container.id):
            return True
        for position, line in enumerate(container.logs(follow=follow), start=1):
            if self._abandoned:
                break
            if position > self._handed_on:
                self._handed_on = position
                self.tail.append(line.text)
                self._sink(line)
        return True


class ShippedLog:
    """A container's log on its way to a stream of CloudWatch Logs, taken up where an earlier server left it.

    `notices` are put before the container's own lines. `on_line` gets every line, and whether it is new.
    """

    def __init__(
        self,
        call: Call,
        engine: Engine,
        container: str,
        group: str,
        stream: str,
        *,
        container_id: str | None = None,
        notices: Sequence[str] = (),
        on_line: Callable[[LogLine, bool], None] | None = None,
    ) -> None:
        self._shipper = LogShipper(call, group, stream)
        self._on_line = on_line
        self._shipped = _events_there(call, group, stream)
        for notice in notices:
            self._ship(None, notice)
        self._follower = LogFollower(engine, container, self._line, container_id).start()

    @property
    def tail(self) -> list[str]:
        """The last lines of the log."""
        return list(self._follower.tail)

    def finish(self) -> None:
        """Ships the rest, once the container has ended."""
        self._follower.finish()
        self._shipper.close()

    def abandon(self) -> None:
        """Leaves the log where it is: a later server goes on."""
        self._follower.abandon()
        self._shipper.close()

    def _line(self, line: LogLine) -> None:
        new = self._ship(line.timestamp, line.text)
        if self._on_line is not None:
            self._on_line(line, new)

    def _ship(self, timestamp: datetime | None, text: str) -> bool:
        if self._shipped > 0:
            self._shipped -= _pieces(text)
            return False
        self._shipper.send(None if timestamp is None else int(timestamp.timestamp() * 1000), text)
        return True


def _pieces(text: str) -> int:
    """How many log events a line becomes."""
    return max(1, -(-len(text) // (log_shipping.EVENT_BYTES // 4)))


def _events_there(call: Call, group: str, stream: str) -> int:
    """How many events a log stream holds already; 0 when it is not there.

    SageMaker asks for itself: an execution role that may only write to its log is enough.
    """
    service = call.as_service(PRINCIPAL)
    count = 0
    token: dict[str, Any] = {}
    while True:
        try:
            answer = service.invoke(
                "logs", "GetLogEvents", logGroupName=group, logStreamName=stream, startFromHead=True, **token
            )
        except ApiError as error:
            if error.code != "ResourceNotFoundException":
                log.info("The log stream %s could not be read: %s", stream, error)
            return count
        count += len(answer["events"])
        following = answer.get("nextForwardToken")
        if not answer["events"] or following == token.get("nextToken"):
            return count
        token = {"nextToken": following}
