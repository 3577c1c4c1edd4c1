"""A build's log stream: boatyard's own lines and the container's, each once although the server restarts."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter
from datetime import datetime

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.log_shipping import LogShipper
from boatyard.containers.container import Container
from boatyard.containers.errors import EngineError
from boatyard.services.codebuild.records import Build

log = logging.getLogger(__name__)
SERVICE = "codebuild.amazonaws.com"
LONGEST_LINE = 32 * 1024
READS_SECONDS = 120.0
RETRY_SECONDS = 0.5


class BuildLog:
    """The log of one build; says nothing where the project's logs are disabled."""

    def __init__(self, installation: Installation, build: Build) -> None:
        self._installation = installation
        self._build = build
        self._shipper: LogShipper | None = None
        self._follower: threading.Thread | None = None
        self._over = threading.Event()
        self._abandoned = False
        self._handed_on = 0
        self._before: Counter[tuple[int, str]] = Counter()

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
        self._before = self._known()

    def say(self, text: str, moment: datetime) -> None:
        """A line of CodeBuild's own about what is on record for that moment.

        A server that takes the build up says it again with the same moment, by which it is known to be there.
        """
        self.open()
        line = moment.strftime("[Container] %Y/%m/%d %H:%M:%S ") + text
        self._pass_on(int(moment.timestamp() * 1000), line, self._before)

    def flush(self) -> None:
        """Send what was said; called before it is written down that there is no more to say."""
        if self._shipper is not None:
            self._shipper.flush()

    def follow(self, container: Container) -> None:
        """Pass on what the container writes, without what the stream has already from a server before this one."""
        self.open()
        known = self._known()
        self._follower = threading.Thread(
            target=self._follow, args=(container, known), name=f"log of {container.name}", daemon=True
        )
        self._follower.start()

    def finish(self) -> None:
        """The container has ended or is gone: send the rest of what it wrote."""
        self._over.set()
        if self._follower is not None:
            self._follower.join(READS_SECONDS)
        if self._shipper is not None:
            self._shipper.flush()

    def abandon(self) -> None:
        """Pass nothing on any more: another run of the build does, from what the stream has by then."""
        self._abandoned = True
        self._over.set()
        if self._shipper is not None:
            try:
                self._shipper.close()
            except (OSError, sqlite3.Error) as error:
                log.warning("The log of the build %s is read again: %s", self._build.id, error)

    def _known(self) -> Counter[tuple[int, str]]:
        """The events that are in the stream."""
        build = self._build
        known: Counter[tuple[int, str]] = Counter()
        if self._shipper is None:
            return known
        self._shipper.flush()
        service = self._installation.service_call(SERVICE, build.account, build.region)
        place = {"logGroupName": build.group, "logStreamName": build.stream, "startFromHead": True}
        token: dict[str, str] = {}
        try:
            while True:
                answer = service.invoke("logs", "GetLogEvents", **place, **token)
                known.update((event["timestamp"], event["message"]) for event in answer["events"])
                following = {"nextToken": answer["nextForwardToken"]}
                if following == token or not answer["events"]:
                    return known
                token = following
        except ApiError:
            return known

    def _follow(self, container: Container, known: Counter[tuple[int, str]]) -> None:
        while True:
            last = self._over.is_set()
            try:
                for position, line in enumerate(container.logs(follow=not last), start=1):
                    if self._abandoned:
                        return
                    if position > self._handed_on:
                        self._handed_on = position
                        self._pass_on(int(line.timestamp.timestamp() * 1000), line.text, known)
                if last or self._abandoned or not container.running:
                    return
            except EngineError as error:
                log.info("The log of the build %s broke off: %s", self._build.id, error)
                if last:
                    return
            self._over.wait(RETRY_SECONDS)

    def _pass_on(self, moment: int, text: str, known: Counter[tuple[int, str]]) -> None:
        # Pieces that the shipper does not cut further, so that they are known again after a restart.
        for start in range(0, max(1, len(text)), LONGEST_LINE):
            piece = text[start : start + LONGEST_LINE] or " "
            if known[moment, piece] > 0:
                known[moment, piece] -= 1
            elif self._shipper is not None:
                self._shipper.send(moment, piece)

    def close(self) -> None:
        """Send what is left."""
        if self._shipper is not None:
            self._shipper.close()
