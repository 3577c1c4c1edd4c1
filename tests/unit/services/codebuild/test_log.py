"""A build's log after a restart of the server: no line twice, none lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.containers.specification import LogLine
from boatyard.services.codebuild.builds.log import LONGEST_LINE, BuildLog
from boatyard.services.codebuild.records import Build

BEGUN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
# Two equal lines in one millisecond, an empty one, and one that is longer than an event.
TEXTS = ["[Container] one", "same", "same", "", "x" * (LONGEST_LINE + 5), "end"]


class Written:
    """A container that has written so many of the lines and ended."""

    name = "build"
    running = False

    def __init__(self, count: int) -> None:
        self._count = count

    def logs(self, follow: bool = True) -> Iterator[LogLine]:
        """The lines, all of them in one millisecond."""
        for text in TEXTS[: self._count]:
            yield LogLine(BEGUN, "stdout", text)


def test_a_line_comes_once_whenever_the_server_is_killed(call: Call, role: str, installation: Installation) -> None:
    build = Build(
        account=call.account,
        region=call.region,
        id="lab:1",
        project="lab",
        number=1,
        settings={"serviceRole": role},
        initiator="root",
        started=now(),
        group="/aws/codebuild/lab",
        stream="1",
    )
    for count in (0, 3, 5, len(TEXTS), len(TEXTS)):
        log = BuildLog(installation, build)
        log.say("Waiting for DOWNLOAD_SOURCE", BEGUN)
        container: Any = Written(count)
        log.follow(container)
        log.finish()
        log.close()
    answer = call.invoke("logs", "GetLogEvents", logGroupName=build.group, logStreamName="1", startFromHead=True)
    waiting = BEGUN.strftime("[Container] %Y/%m/%d %H:%M:%S Waiting for DOWNLOAD_SOURCE")
    assert [event["message"] for event in answer["events"]] == [
        waiting, "[Container] one", "same", "same", " ", "x" * LONGEST_LINE, "xxxxx", "end",
    ]  # fmt: skip
