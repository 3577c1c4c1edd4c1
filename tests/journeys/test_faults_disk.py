"""A full disk: what cannot be kept is refused in plain words, what was acknowledged stays, and freeing it is enough."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from boatyard.api.timestamps import milliseconds
from tests.disks import SmallDisk
from tests.journeys.conftest import until
from tests.server import RunningServer, unique
from tests.services.codecommit.conftest import Git
from tests.services.ecr.registry_client import Registry, digest_of
from tests.torture.checks import events, orphaned_blobs

LARGE = 6 << 20
ROOM = 640 << 10
GROUPS = 80


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    """96 MiB."""
    made = SmallDisk(tmp_path_factory.mktemp("disk"), 96)
    yield made
    made.remove()


@pytest.fixture
def own(disk: SmallDisk) -> Iterator[RunningServer]:
    """A server with all its data on that disk."""
    running = RunningServer(disk.place / unique("data")).start()
    yield running
    disk.empty()
    running.discard()


def refused(answer: Any, own: RunningServer) -> None:
    """The error says that the disk is full, which one, and that it may be tried again."""
    with pytest.raises(ClientError, match=f"No space left on the disk of {own.data_directory}") as caught:
        answer()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def whole(own: RunningServer) -> None:
    """Nothing half is there, and the database is sound."""
    connection = sqlite3.connect(f"file:{own.data_directory / 'state.db'}?mode=ro", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    until(lambda: orphaned_blobs(own.data_directory) == [], "no half objects are left")


def test_each_service_refuses_and_goes_on_when_there_is_room(
    disk: SmallDisk, own: RunningServer, tmp_path: Path
) -> None:
    s3, logs, ecr = own.client("s3"), own.client("logs"), own.client("ecr")
    bucket, group, repository = unique("full"), unique("group"), unique("full")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="kept", Body=b"k" * LARGE)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    place = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    parts = [s3.upload_part(**place, PartNumber=1, Body=b"1" * LARGE)["ETag"]]
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="all")
    ecr.create_repository(repositoryName=repository)
    token = base64.b64decode(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]).decode()
    registry = Registry(own.url, repository, token.partition(":")[2])
    own.client("codecommit").create_repository(repositoryName=repository)
    git = Git(own, tmp_path)
    git("clone", "--quiet", f"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{repository}", "clone")
    git.directory = tmp_path / "clone"
    git("checkout", "--quiet", "-b", "main")
    first = git.commit(small=b"first")
    git("push", "--quiet", "origin", "main")
    second = git.commit(large=os.urandom(LARGE))
    said: list[str] = []

    def say() -> None:
        word = f"{len(said)} ".ljust(200_000, "x")
        logs.put_log_events(
            logGroupName=group, logStreamName="all", logEvents=[{"timestamp": milliseconds(), "message": word}]
        )
        said.append(word)

    def fill_the_log() -> None:
        for _ in range(1000):
            say()

    def push() -> Any:
        layer = b"l" * LARGE
        return registry.ask("POST", "blobs/uploads/", params={"digest": digest_of(layer)}, data=layer)

    # Room for the beginning of each, which is the way that a disk fills up.
    disk.fill(LARGE - (1 << 20))
    refused(lambda: s3.put_object(Bucket=bucket, Key="kept", Body=b"n" * LARGE), own)
    refused(lambda: s3.upload_part(**place, PartNumber=2, Body=b"2" * LARGE), own)
    code, output = git.attempt("push", "--quiet", "origin", "main")
    assert code != 0
    assert "No space left on device" in output or "unpack" in output, output
    answer = push()
    assert (answer.status_code, registry.error(answer)[1]) == (507, "DENIED"), answer.text
    assert f"No space left on the disk of {own.data_directory}" in answer.text
    refused(fill_the_log, own)
    disk.fill()
    code, output = git.attempt("push", "--quiet", "origin", "main")
    assert code != 0
    assert f"remote: No space left on the disk of {own.data_directory}" in output, output
    # What is there can be read.
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"k" * LARGE
    assert git("ls-remote", "origin", "refs/heads/main").split()[0] == first
    assert own.alive
    disk.empty()
    whole(own)

    s3.put_object(Bucket=bucket, Key="kept", Body=b"n" * LARGE)
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"n" * LARGE
    parts.append(s3.upload_part(**place, PartNumber=2, Body=b"2" * LARGE)["ETag"])
    chosen = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(parts, start=1)]
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": chosen})
    assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == b"1" * LARGE + b"2" * LARGE
    git("push", "--quiet", "origin", "main")
    assert git("ls-remote", "origin", "refs/heads/main").split()[0] == second
    assert push().status_code == 201
    say()
    assert events(logs, group, "all") == said
    whole(own)


def template(count: int) -> str:
    """A stack of log groups, one after the other."""
    groups: dict[str, Any] = {}
    for number in range(count):
        after = {"DependsOn": f"G{number - 1}"} if number else {}
        groups[f"G{number}"] = {"Type": "AWS::Logs::LogGroup", **after}
    return json.dumps({"Resources": groups})


def test_work_under_way_waits_for_room_and_is_done_once(disk: SmallDisk, own: RunningServer) -> None:
    stacks, logs, rules = own.client("cloudformation"), own.client("logs"), own.client("events")
    name, target = unique("full"), unique("events")
    logs.create_log_group(logGroupName=target)
    rules.put_rule(Name=name, EventPattern=json.dumps({"source": ["full.disk"]}))
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{target}"
    rules.put_targets(Rule=name, Targets=[{"Id": "log", "Arn": arn}])
    # A log that begins anew, so that every transaction needs room.
    own.restart()
    disk.fill(ROOM)
    stacks.create_stack(StackName=name, TemplateBody=template(GROUPS))
    sent: list[str] = []

    def send() -> None:
        for _ in range(1000):
            entry = {"Source": "full.disk", "DetailType": "test", "Detail": json.dumps({"n": len(sent)})}
            answer = rules.put_events(Entries=[entry])
            sent.extend(each["EventId"] for each in answer["Entries"] if "EventId" in each)

    refused(send, own)
    log = own.data_directory / "logs" / "server.log"
    until(lambda: "waits for space on the disk of" in log.read_text(), "the stack's work waits")
    assert own.alive
    assert stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    disk.empty()

    def created() -> bool:
        status = stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        assert status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"), stacks.describe_stack_events(StackName=name)
        return bool(status == "CREATE_COMPLETE")

    until(created, "the stack is created")
    pages = stacks.get_paginator("describe_stack_events").paginate(StackName=name)
    ended = [
        each["LogicalResourceId"]
        for page in pages
        for each in page["StackEvents"]
        if each["ResourceStatus"] == "CREATE_COMPLETE"
    ]
    assert sorted(ended) == sorted([*(f"G{number}" for number in range(GROUPS)), name])
    found = [
        each
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        for each in page["logGroups"]
    ]
    assert len(found) == GROUPS

    def delivered() -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=target)
        return [json.loads(each["message"])["id"] for page in pages for each in page["events"]]

    until(lambda: set(delivered()) >= set(sent), "every event that was taken is delivered")
    assert sorted(delivered()) == sorted(sent)
    whole(own)


def test_a_server_says_why_it_does_not_start_and_starts_when_there_is_room(disk: SmallDisk, own: RunningServer) -> None:
    s3, bucket = own.client("s3"), unique("full")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    own.kill()
    disk.fill()
    with pytest.raises(AssertionError, match=f"cannot start: No space left on the disk of {own.data_directory}"):
        own.start()
    disk.empty()
    own.start()
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"
    whole(own)
