"""`boatyard doctor --verify`: what is damaged is found and named; what is damaged is never given out as whole."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from tests.server import RunningServer
from tests.services.ecr.registry_client import Registry, layer_of
from tests.services.keeping.conftest import boatyard

MIB = 1 << 20
LARGE = bytes(range(256)) * (3 * MIB // 256)


def _findings(server: RunningServer) -> tuple[int, list[dict[str, Any]]]:
    """The exit status, and what was told."""
    ended = boatyard(server, "doctor", "--verify", "--json")
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


def _problems(server: RunningServer) -> list[str]:
    status, findings = _findings(server)
    problems = [each for each in findings if each["level"] == "problem"]
    assert all(each["remedy"] for each in problems)
    assert status == bool(problems)
    return sorted(f"{each['subject']}: {each['text']}" for each in problems)


def _flip(path: Path, offset: int) -> None:
    """Changes one bit, as a failing disk does."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def _new_blobs(server: RunningServer, before: set[Path]) -> list[Path]:
    return sorted({path for path in (server.data_directory / "blobs").rglob("*") if path.is_file()} - before)


class Kept:
    """What was put into a server, and where it lies."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.blobs: dict[str, Path] = {}
        self._before: set[Path] = set()
        s3 = server.client("s3")
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        self.version = str(s3.put_object(Bucket="kept", Key="large", Body=LARGE)["VersionId"])
        self._note("object")
        s3.put_object(Bucket="kept", Key="other", Body=LARGE, ServerSideEncryption="aws:kms")
        self._note("sealed")
        self.upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
        s3.upload_part(Bucket="kept", Key="parts", UploadId=self.upload, PartNumber=7, Body=LARGE)
        self._note("part")
        self._function()
        self._note("package")
        self.layer = self._image()
        codecommit = server.client("codecommit")
        codecommit.create_repository(repositoryName="code")
        put = [{"filePath": "train", "fileContent": b"#!/bin/sh" * 1000}]
        codecommit.create_commit(repositoryName="code", branchName="main", putFiles=put)

    def _note(self, name: str) -> None:
        (self.blobs[name],) = _new_blobs(self.server, self._before)
        self._before.add(self.blobs[name])

    def _function(self) -> None:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        role = self.server.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(trust))
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("code.py", "def handler(event, context): pass")
        self.server.client("lambda").create_function(
            FunctionName="echo",
            Runtime="python3.11",
            Role=role["Role"]["Arn"],
            Handler="code.handler",
            Code={"ZipFile": content.getvalue()},
        )

    def _image(self) -> str:
        ecr = self.server.client("ecr")
        ecr.create_repository(repositoryName="image")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        registry = Registry(self.server.url, "image", base64.b64decode(token).decode().removeprefix("AWS:"))
        layer = layer_of(file=b"content")
        self.image = registry.push_image("one", layer)
        for path in _new_blobs(self.server, self._before):
            if path.read_bytes() == layer:
                self.blobs["layer"] = path
            self._before.add(path)
        return self.blobs["layer"].name


def test_damage_is_found_and_named_while_the_server_runs_and_while_not(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    kept = Kept(server)
    status, findings = _findings(server)
    assert (status, [each["subject"] for each in findings]) == (0, ["verified"])
    for name, offset in (("object", 70_000), ("part", MIB), ("package", 10), ("layer", 600)):
        _flip(kept.blobs[name], offset)
    kept.blobs["sealed"].unlink()
    for loose in (server.data_directory / "git").glob("*/objects/[0-9a-f][0-9a-f]/*"):
        _flip(loose, 20)
    problems = _problems(server)
    expected = [
        r"codecommit code: is damaged \(.*\): .*",
        rf"ecr layer sha256:\w+ of ecr image@{kept.image} \(one\): is damaged: .*/{kept.layer} has the digest .*",
        r"lambda function echo \(\$LATEST\): has a damaged package: .*",
        rf"s3://kept/large \(version {kept.version}\): is damaged: chunk 1 of .*{kept.blobs['object'].name}\)",
        r"s3://kept/other \(version .*\): has lost its content: .* is missing",
        rf"s3://kept/parts \(part 7 of upload {kept.upload}\): is damaged: chunk 15 of .*",
    ]
    assert len(problems) == len(expected), problems
    for found, pattern in zip(problems, expected, strict=True):
        assert re.fullmatch(pattern, found, re.DOTALL), found
    server.stop()
    assert _problems(server) == problems
    (server.data_directory / "state.db").write_bytes(b"no database at all " * 1000)
    refused = boatyard(server, "doctor", "--verify")
    assert (refused.returncode, "state.db is damaged" in refused.stderr) == (1, True), refused.stderr


def test_what_is_damaged_is_not_given_out(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="first", Body=LARGE)
    (first,) = _new_blobs(server, set())
    s3.put_object(Bucket="kept", Key="last", Body=LARGE)
    (last,) = _new_blobs(server, {first})
    _flip(first, 100)
    _flip(last, len(LARGE))
    with pytest.raises(ClientError, match=r"s3://kept/first .* is damaged") as caught:
        s3.get_object(Bucket="kept", Key="first")
    assert caught.value.response["Error"]["Code"] == "InternalError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    # Damage behind what has gone out already cuts the answer off: the client sees that it is not whole.
    body, received = s3.get_object(Bucket="kept", Key="last")["Body"], b""
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        while piece := body.read(64 * 1024):
            received += piece
    assert LARGE.startswith(received)
    assert len(received) < len(LARGE)
    with pytest.raises(ClientError, match="InternalError"):
        s3.copy_object(Bucket="kept", Key="copy", CopySource="kept/first", ServerSideEncryption="aws:kms")
    log = (server.data_directory / "logs" / "server.log").read_text()
    assert "s3://kept/first" in log
    assert "s3://kept/last" in log
