"""`boatyard export` of a running server, and `boatyard import` for another one: the same content, of one moment."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server import RunningServer
from tests.services.ecr.registry_client import layer_of
from tests.services.keeping.conftest import boatyard, done, registry

LARGE = os.urandom(300_000)


def _fill(server: RunningServer) -> dict[str, Any]:
    """One of much; what is needed to find it again."""
    s3, kms, iam = server.client("s3"), server.client("kms"), server.client("iam")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="kept", Key="twice", Body=LARGE)["VersionId"]
    s3.put_object(Bucket="kept", Key="twice", Body=b"second")
    s3.delete_object(Bucket="kept", Key="twice")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.put_object(Bucket="kept", Key="sealed", Body=LARGE, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="kept", Key="parts", UploadId=upload, PartNumber=1, Body=LARGE)["ETag"]
    codecommit = server.client("codecommit")
    codecommit.create_repository(repositoryName="code")
    put = [{"filePath": "train", "fileContent": b"#!/bin/sh"}]
    commit = codecommit.create_commit(repositoryName="code", branchName="trunk", putFiles=put)["commitId"]
    server.client("ecr").create_repository(repositoryName="image")
    layer = layer_of(file=b"content")
    digest = registry(server, "image").push_image("one", layer)
    iam.create_user(UserName="anna")
    iam.attach_user_policy(UserName="anna", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    keys = iam.create_access_key(UserName="anna")["AccessKey"]
    server.client("ssm").put_parameter(Name="/secret", Value="hush", Type="SecureString")
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "news"}}}}'
    cloudformation = server.client("cloudformation")
    cloudformation.create_stack(StackName="stack", TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="stack", WaiterConfig={"Delay": 1})
    logs = server.client("logs")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="one")
    line = {"timestamp": int(time.time() * 1000), "message": "a line"}
    logs.put_log_events(logGroupName="group", logStreamName="one", logEvents=[line])
    return {
        "first": first,
        "upload": upload,
        "part": part,
        "commit": commit,
        "digest": digest,
        "layer": layer,
        "keys": keys,
    }


def _check(server: RunningServer, told: dict[str, Any]) -> None:
    keys = told["keys"]
    s3 = server.client(
        "s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"]
    )  # anna's
    versions = s3.list_object_versions(Bucket="kept", Prefix="twice")
    assert [len(versions[kind]) for kind in ("Versions", "DeleteMarkers")] == [2, 1]
    assert s3.get_object(Bucket="kept", Key="twice", VersionId=told["first"])["Body"].read() == LARGE
    assert s3.get_object(Bucket="kept", Key="sealed")["Body"].read() == LARGE
    parts = {"Parts": [{"PartNumber": 1, "ETag": told["part"]}]}
    s3.complete_multipart_upload(Bucket="kept", Key="parts", UploadId=told["upload"], MultipartUpload=parts)
    assert s3.get_object(Bucket="kept", Key="parts")["Body"].read() == LARGE
    codecommit = server.client("codecommit")
    assert codecommit.get_branch(repositoryName="code", branchName="trunk")["branch"]["commitId"] == told["commit"]
    assert codecommit.get_repository(repositoryName="code")["repositoryMetadata"]["defaultBranch"] == "trunk"
    images = registry(server, "image")
    assert images.ask("GET", "manifests/one").headers["Docker-Content-Digest"] == told["digest"]
    assert images.ask("GET", f"blobs/{_digest(told['layer'])}").content == told["layer"]
    secret = server.client("ssm").get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"]
    assert secret == "hush"
    stack = server.client("cloudformation").describe_stacks(StackName="stack")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert server.client("logs").filter_log_events(logGroupName="group")["events"][0]["message"] == "a line"


def _digest(content: bytes) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_the_same_content_under_another_path_and_port(
    scratch: Callable[..., RunningServer], other: RunningServer, tmp_path: Path
) -> None:
    server, file = scratch(), tmp_path / "export.tar.gz"
    told = _fill(server)
    assert "keep it to yourself" in done(server, "export", str(file))
    again = boatyard(server, "export", str(file))
    assert (again.returncode, "--yes" in again.stderr) == (1, True)
    refused = boatyard(server, "import", str(file))
    assert (refused.returncode, "replaces nothing" in refused.stderr) == (1, True)
    server.stop()
    done(server, "export", str(file), "--yes")
    assert "boatyard up" in done(other, "import", str(file))
    with sqlite3.connect(other.data_directory / "state.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert str(server.data_directory) not in dump, "no record holds a path of the old place"
    other.start()
    _check(other, told)


class Worker(threading.Thread):
    """Does one thing after the other, each acknowledged before the next: an object, then a commit."""

    def __init__(self, server: RunningServer, number: int) -> None:
        super().__init__()
        self.name = f"worker-{number}"
        self.s3, self.codecommit = server.client("s3"), server.client("codecommit")
        self.s3.create_bucket(Bucket=self.name)
        self.codecommit.create_repository(repositoryName=self.name)
        self.begun = self.acknowledged = 0
        self.enough = threading.Event()

    def content(self, number: int) -> bytes:
        """Of every second object a blob, of the others a row."""
        return f"{self.name} {number} ".encode() * (5000 if number % 2 else 1)

    def run(self) -> None:
        """Objects pile up and old ones go, so that blobs are deleted all the time."""
        parent: dict[str, str] = {}
        while not self.enough.is_set():
            number = self.begun = self.begun + 1
            self.s3.put_object(Bucket=self.name, Key=f"{number:06}", Body=self.content(number))
            self.s3.put_object(Bucket=self.name, Key="newest", Body=self.content(number | 1))
            if number > 3:
                self.s3.delete_object(Bucket=self.name, Key=f"{number - 3:06}")
            put = [{"filePath": "newest", "fileContent": str(number).encode()}]
            made = self.codecommit.create_commit(repositoryName=self.name, branchName="main", putFiles=put, **parent)
            parent = {"parentCommitId": made["commitId"]}
            self.acknowledged = number


def _check_worker(server: RunningServer, worker: Worker, before: int, after: int) -> None:
    """What is there is what was there after some number of whole steps, or in the middle of the next one."""
    s3 = server.client("s3")
    codecommit = server.client("codecommit")
    file = codecommit.get_file(repositoryName=worker.name, filePath="newest")
    committed = int(file["fileContent"])
    assert before <= committed <= after
    keys = {each["Key"] for each in s3.list_objects_v2(Bucket=worker.name)["Contents"]}
    whole = {f"{number:06}" for number in range(max(1, committed - 2), committed + 1)} | {"newest"}
    put = whole | {f"{committed + 1:06}"}
    deleted = put - {f"{committed - 2:06}"}
    assert keys in (whole, put, deleted), f"after {committed} commits"
    for key in keys - {"newest"}:
        assert s3.get_object(Bucket=worker.name, Key=key)["Body"].read() == worker.content(int(key))
    newest = s3.get_object(Bucket=worker.name, Key="newest")["Body"].read()
    assert newest in (worker.content(committed | 1), worker.content(committed + 1 | 1))


def test_an_export_among_writers_is_of_one_moment(
    scratch: Callable[..., RunningServer], other: RunningServer, tmp_path: Path
) -> None:
    server, file = scratch(), tmp_path / "export.tar.gz"
    workers = [Worker(server, number) for number in range(2)]
    for worker in workers:
        worker.start()
    try:
        while any(worker.acknowledged < 5 for worker in workers):
            assert all(worker.is_alive() for worker in workers)
            time.sleep(0.02)
        before = [worker.acknowledged for worker in workers]
        done(server, "export", str(file))
        after = [worker.begun for worker in workers]
    finally:
        for worker in workers:
            worker.enough.set()
            worker.join(120)
    server.stop()
    done(other, "import", str(file))
    other.start()
    for number, worker in enumerate(workers):
        _check_worker(other, worker, before[number], after[number])
