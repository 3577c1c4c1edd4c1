"""A build's log stream: boatyard's own lines and the container's, each once although the server restarts."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.log_shipping import LogShipper, pieces
from boatyard.containers.container import Container
from boatyard.containers.errors import EngineError
from boatyard.services.codebuild.records import Build

log = logging.getLogger(__name__)
SERVICE = "codebuild.amazonaws.com"


class BuildLog:
    """The log of one build; says nothing where the project's logs are disabled."""

    def __init__(self, installation: Installation, build: Build) -> None:
        self._installation = installation
        self._build = build
        self._shipper: LogShipper | None = None

    def open(self) -> None:
        """Begin to send, as the service role; harmless when it has begun."""
        build = self._build
        if self._shipper is not None or not build.group:
            return
        try:
            call = self._installation.service_call(SERVICE, build.account, build.region).assume(
                build.settings.get("serviceRole", ""), SERVICE, session_name=f"AWSCodeBuild-{build.uuid}"
            )
        except ApiError as error:
            log.warning("The log of the build %s cannot be written: %s", build.id, error)
            return
        self._shipper = LogShipper(call, build.group, build.stream)

    def say(self, text: str) -> None:
        """A line of CodeBuild's own."""
        self.open()
        if self._shipper is not None:
            self._shipper.send(None, time.strftime("[Container] %Y/%m/%d %H:%M:%S ", time.gmtime()) + text)

    def follow(self, container: Container) -> threading.Thread:
        """Pass on what the container writes, beginning behind what the stream has already."""
        self.open()
        known = self._known()
        thread = threading.Thread(target=self._follow, args=(container, known), name="build log", daemon=True)
        thread.start()
        return thread

    def _known(self) -> Counter[tuple[int, str]]:
        """The events that a server before this one has sent, by time in milliseconds and text."""
        build = self._build
        known: Counter[tuple[int, str]] = Counter()
        if self._shipper is None:
            return known
        self._shipper.flush()
        service = self._installation.service_call(SERVICE, build.account, build.region)
        place = {"logGroupName": build.group, "logStreamName": build.stream}
        token: dict[str, str] = {}
        while True:
            try:
                answer = service.invoke("logs", "GetLogEvents", **place, startFromHead=True, **token)
            except ApiError as error:
                if error.code != "ResourceNotFoundException":
                    log.warning("The log of the build %s cannot be read: %s", build.id, error)
                return known
            known.update((event["timestamp"], event["message"]) for event in answer["events"])
            if not answer["events"] or answer["nextForwardToken"] == token.get("nextToken"):
                return known
            token = {"nextToken": answer["nextForwardToken"]}

    def _follow(self, container: Container, known: Counter[tuple[int, str]]) -> None:
        try:
            for line in container.logs(follow=True):
                moment = int(line.timestamp.timestamp() * 1000)
                first = (moment, pieces(line.text)[0])
                if known[first]:
                    known[first] -= 1
                elif self._shipper is not None:
                    self._shipper.send(moment, line.text)
        except EngineError as error:
            log.warning("The log of the build %s broke off: %s", self._build.id, error)

    def flush(self) -> None:
        """Send what was said so far."""
        if self._shipper is not None:
            self._shipper.flush()

    def close(self) -> None:
        """Send what is left."""
        if self._shipper is not None:
            self._shipper.close()
