"""The machine's clock is set by hours, forwards and back, while everything works."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from tests.journeys.busy import JOBS, WHOLE_BUILD, WHOLE_JOB, Busy
from tests.journeys.conftest import until
from tests.server import ACCOUNT, REGION, unique
from tests.set_clock import ServerWithClock

HOUR = 3600.0
AHEAD, BEHIND = 5 * HOUR, -4 * HOUR


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerWithClock]:
    """A server with a clock of its own; the clients of this process go by it too."""
    running = ServerWithClock(tmp_path_factory.mktemp("clock") / "data")
    with pytest.MonkeyPatch.context() as patch:
        moment = lambda *_: datetime.fromtimestamp(running.time(), UTC).replace(tzinfo=None)  # noqa: E731
        patch.setattr(botocore.auth, "get_current_datetime", moment)
        running.start()
        yield running
        running.discard()


@pytest.fixture(scope="module")
def busy(own: ServerWithClock, tmp_path_factory: pytest.TempPathFactory) -> Busy:
    """What works on it."""
    return Busy(own, tmp_path_factory.mktemp("image"))


class Events:
    """A rule that writes events into a log group, and a schedule."""

    def __init__(self, own: ServerWithClock) -> None:
        self.own = own
        self.api, self.logs = own.client("events"), own.client("logs")
        self.name, self.sent = unique("clock"), list[str]()
        self.logs.create_log_group(logGroupName=self.name)
        self.api.put_rule(Name=self.name, EventPattern=json.dumps({"source": [self.name]}))
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.name}"
        self.api.put_targets(Rule=self.name, Targets=[{"Id": "log", "Arn": arn}])
        self.api.put_rule(Name=f"{self.name}-rate", ScheduleExpression="rate(5 minutes)")

    def pass_through(self) -> None:
        """An event that is sent arrives, once."""
        answer = self.api.put_events(Entries=[{"Source": self.name, "DetailType": "t", "Detail": "{}"}])
        self.sent.append(answer["Entries"][0]["EventId"])
        until(lambda: sorted(self.arrived()) == sorted(self.sent), "the event arrives")

    def arrived(self) -> list[str]:
        """The events' ids."""
        found = self.logs.filter_log_events(logGroupName=self.name)["events"]
        return [json.loads(each["message"])["id"] for each in found]

    def due(self) -> float:
        """In how many seconds the schedule is due."""
        connection = sqlite3.connect(f"file:{self.own.data_directory / 'state.db'}?mode=ro", uri=True)
        rows = [json.loads(row[0]) for row in connection.execute("SELECT record FROM events_rules")]
        connection.close()
        return float(next(row["due"] for row in rows if row.get("schedule"))) - self.own.time()


@pytest.mark.parametrize("off", [AHEAD, BEHIND])
def test_what_is_under_way_ends_as_it_would_have(own: ServerWithClock, busy: Busy, off: float) -> None:
    events, file = Events(own), unique("file")
    job, build, answer = busy.start_job(), busy.start_build(), busy.invoke_waiting(file)
    release = busy.release_file(busy.container(busy.job_arn(job)))
    events.pass_through()
    own.set_clock(off)
    events.pass_through()
    until(lambda: events.due() <= 300, "the schedule is due within its rate")
    release.touch()
    busy.release_build(build)
    busy.release_function(file)
    assert answer() == ({"wait": file}, None)
    ended = busy.job_end(job)
    assert ended["TrainingJobStatus"] == "Completed", ended
    # In the order of their times, as CloudWatch Logs has them: those after the clock was set back come first.
    assert sorted(busy.messages(JOBS, job)) == sorted(WHOLE_JOB)
    done = busy.builds.ended(build)
    assert done["buildStatus"] == "SUCCEEDED", done
    assert sorted(busy.build_lines(build)) == sorted(WHOLE_BUILD)
    assert busy.event_of(word="fine") == {"word": "fine"}


def test_the_newest_version_is_the_one_that_came_last(own: ServerWithClock) -> None:
    s3, bucket = own.client("s3"), unique("clock")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = []
    for off in (0.0, AHEAD, BEHIND):
        own.set_clock(off)
        put.append(s3.put_object(Bucket=bucket, Key="k", Body=str(off).encode())["VersionId"])
    own.restart()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == str(BEHIND).encode()
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [each["VersionId"] for each in versions] == put[::-1]
    assert [each["IsLatest"] for each in versions] == [True, False, False]


def test_what_ends_by_the_clock_goes_by_the_clock(own: ServerWithClock) -> None:
    own.set_clock(0.0)
    token = own.client("sts").get_session_token(DurationSeconds=3600)["Credentials"]
    keys = {
        "aws_access_key_id": token["AccessKeyId"],
        "aws_secret_access_key": token["SecretAccessKey"],
        "aws_session_token": token["SessionToken"],
    }
    own.client("s3", **keys).list_buckets()
    own.set_clock(AHEAD)
    with pytest.raises(ClientError, match="ExpiredToken"):
        own.client("s3", **keys).list_buckets()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_: datetime.now(UTC).replace(tzinfo=None))
        with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
            own.client("s3").list_buckets()
    own.set_clock(0.0)
    own.client("s3", **keys).list_buckets()
