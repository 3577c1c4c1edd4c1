"""A build's log stream: boatyard's own lines and the container's, each once although the server restarts."""

from __future__ import annotations

import logging
import threading
import time

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.log_shipping import LogShipper
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

    def _known(self) -> int | None:
        """When the last event was that a server before this one sent, in milliseconds; None if there is none."""
        build = self._build
        if self._shipper is None:
            return None
        self._shipper.flush()
        service = self._installation.service_call(SERVICE, build.account, build.region)
        try:
            answer = service.invoke(
                "logs", "GetLogEvents", logGroupName=build.group, logStreamName=build.stream, limit=10_000
            )
        except ApiError:
            return None
        own = ("[Container]",)
        lines = [event for event in answer["events"] if not event["message"].startswith(own)]
        return max((event["timestamp"] for event in lines), default=None)

    def _follow(self, container: Container, known: int | None) -> None:
        try:
            for line in container.logs(follow=True):
                moment = int(line.timestamp.timestamp() * 1000)
                if self._shipper is not None and (known is None or moment > known):
                    self._shipper.send(moment, line.text)
        except EngineError as error:
            log.warning("The log of the build %s broke off: %s", self._build.id, error)

    def close(self) -> None:
        """Send what is left."""
        if self._shipper is not None:
            self._shipper.close()
