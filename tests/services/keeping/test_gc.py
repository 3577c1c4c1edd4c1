"""`boatyard gc`: what goes, what stays, and that the data directory does not grow without end."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.server import RunningServer, unique
from tests.services.keeping.conftest import Kept, boatyard, done, registry
from tests.services.sagemaker.conftest import eventually

KIB = 1024
DAYS = int(os.environ.get("DAYS", "6"))
UNTAGGED = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
            "action": {"type": "expire"},
        }
    ]
}


def _zip(size: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", "def handler(event, context): pass")
        archive.writestr("model", os.urandom(size))
    return content.getvalue()


class Days:
    """What goes on day after day: everything is replaced by something else of its size."""

    def __init__(self, server: RunningServer) -> None:
        self.s3, self.logs, self.functions = server.client("s3"), server.client("logs"), server.client("lambda")
        self.images = registry(server, "image")
        policy = json.dumps(UNTAGGED)
        server.client("ecr").put_lifecycle_policy(repositoryName="image", lifecyclePolicyText=policy)

    def day(self, number: int) -> None:
        """One of them."""
        s3, logs = self.s3, self.logs
        s3.put_object(Bucket="kept", Key="tmp", Body=os.urandom(200 * KIB))
        (version,) = s3.list_object_versions(Bucket="kept", Prefix="tmp")["Versions"]
        s3.delete_object(Bucket="kept", Key="tmp", VersionId=version["VersionId"])
        upload = s3.create_multipart_upload(Bucket="kept", Key="cut off")["UploadId"]
        s3.upload_part(Bucket="kept", Key="cut off", UploadId=upload, PartNumber=1, Body=os.urandom(200 * KIB))
        s3.abort_multipart_upload(Bucket="kept", Key="cut off", UploadId=upload)
        self.functions.update_function_code(FunctionName="echo", ZipFile=_zip(200 * KIB))
        self.images.push_image("one", os.urandom(200 * KIB))
        logs.create_log_group(logGroupName="tmp")
        logs.create_log_stream(logGroupName="tmp", logStreamName=str(number))
        line = {"timestamp": int(time.time() * 1000), "message": "x" * 100_000}
        logs.put_log_events(logGroupName="tmp", logStreamName=str(number), logEvents=[line])
        logs.delete_log_group(logGroupName="tmp")


def _size(server: RunningServer) -> int:
    """All but the server's own log."""
    told = json.loads(done(server, "gc", "--json", "--yes"))
    return sum(size for kind, size in told["after"].items() if kind != "log files")


def test_many_days_leave_what_one_leaves(scratch: Callable[..., RunningServer]) -> None:
    server = scratch(retention_unused_hours="0")
    Kept(server)
    days = Days(server)
    for number in range(2):
        days.day(number)
    start = _size(server)
    for number in range(DAYS):
        days.day(number)
    grown = json.loads(done(server, "gc", "--json"))
    assert {each["kind"] for each in grown["garbage"]} == {"files", "lifecycle"}
    assert sum(grown["before"].values()) > start + DAYS * 300 * KIB
    # Events and the like are rows; 700 KiB are what all of them may take up more.
    # A reader at the wrong moment keeps the write-ahead log as long as it was: then the next time shortens it.
    eventually(lambda: _size(server) < start + 700 * KIB)
    assert done(server, "doctor", "--verify").count("PROBLEM") == 0


def _orphan(server: RunningServer, store: str, age: float) -> Path:
    """A file that nothing refers to, as a crash leaves one, last touched so long ago."""
    path = server.data_directory / "blobs" / store / "ab" / ("ab" + os.urandom(15).hex())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1000)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_it_tells_and_asks_and_removes_only_what_is_old(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    Kept(server)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="expiring")
    rule = {"Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Date": "2020-01-01T00:00:00Z"}}
    s3.put_bucket_lifecycle_configuration(Bucket="expiring", LifecycleConfiguration={"Rules": [rule]})
    for key in ("old/a", "new/b"):
        s3.put_object(Bucket="expiring", Key=key, Body=b"x")
    old = [_orphan(server, store, 7200) for store in (".", "s3-objects")]
    new = [_orphan(server, store, 60) for store in (".", "s3-objects")]
    told = done(server, "gc", "--dry-run")
    assert "files                      2" in told, told
    assert "1 objects and uploads that lifecycle rules end" in told
    refused = boatyard(server, "gc")
    assert refused.returncode == 1, "it asks, and nobody answers"
    assert all(path.exists() for path in (*old, *new))
    server.stop()
    assert "Removed." in done(server, "gc", "--yes"), "it works with the server down"
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in new)
    assert "Nothing of it may go." in done(server, "gc", "--dry-run")
    server.start()
    assert [each["Key"] for each in server.client("s3").list_objects_v2(Bucket="expiring")["Contents"]] == ["new/b"]
    assert done(server, "doctor", "--verify").count("PROBLEM") == 0


def test_nothing_that_is_under_way_is_harmed(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    kept = Kept(server)
    s3, sent = server.client("s3"), registry(server, "image")
    layer = os.urandom(100 * KIB)
    digest = sent.push_blob(layer)
    pending = _pending(server, kept)
    for _ in range(2):
        _orphan(server, "s3-objects", 7200)
        done(server, "gc", "--yes")
    assert sent.ask("HEAD", f"blobs/{digest}").status_code == 200, "the layer's manifest is on its way"
    sent.push_image("two", layer)
    part = pending["part"]
    s3.complete_multipart_upload(
        Bucket="kept", Key="parts", UploadId=kept.upload, MultipartUpload={"Parts": [{"PartNumber": 7, "ETag": part}]}
    )
    assert s3.get_object(Bucket="kept", Key="parts")["Body"].read() == pending["content"]
    assert done(server, "doctor", "--verify").count("PROBLEM") == 0


def _pending(server: RunningServer, kept: Kept) -> dict[str, Any]:
    content = os.urandom(100 * KIB)
    part = server.client("s3").upload_part(Bucket="kept", Key="parts", UploadId=kept.upload, PartNumber=7, Body=content)
    return {"content": content, "part": part["ETag"]}


def test_only_the_root_may_have_it_done(server: RunningServer) -> None:
    iam, name = server.client("iam"), unique("admin")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    for task in ("gc", "verify"):
        path = f"/_boatyard/tasks/{task}"
        assert requests.post(server.url + path, data=b"{}", timeout=60).status_code == 403
        request = AWSRequest(method="POST", url=server.url + path, data=b"{}")
        signer = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"])
        SigV4Auth(signer, "boatyard", "us-east-1").add_auth(request)
        answer = requests.post(server.url + path, data=b"{}", headers=dict(request.headers), timeout=60)
        assert (answer.status_code, "Only the root key" in answer.text) == (403, True)
    signed = server.signed("POST", "/_boatyard/tasks/none", service="boatyard", body=b"{}")
    answer = requests.post(f"{server.url}/_boatyard/tasks/none", data=b"{}", headers=dict(signed.headers), timeout=60)
    assert answer.status_code == 404
