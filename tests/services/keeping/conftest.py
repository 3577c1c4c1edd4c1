"""The `boatyard` command beside servers of a test's own."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import RunningServer
from tests.services.ecr.registry_client import Registry, layer_of

MIB = 1 << 20
LARGE = bytes(range(256)) * (3 * MIB // 256)


def boatyard(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`boatyard ARGUMENTS` with a server's settings."""
    return subprocess.run(
        [sys.executable, "-m", "boatyard.cli.main", *arguments],
        env=server.server_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def done(server: RunningServer, *arguments: str) -> str:
    """The output of a command that must succeed."""
    ended = boatyard(server, *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def registry(server: RunningServer, repository: str) -> Registry:
    """A client of one of a server's repositories."""
    token = server.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return Registry(server.url, repository, base64.b64decode(token).decode().removeprefix("AWS:"))


def new_blobs(server: RunningServer, before: set[Path]) -> list[Path]:
    """The blobs' files that were not there before."""
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
        (self.blobs[name],) = new_blobs(self.server, self._before)
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
        self.server.client("ecr").create_repository(repositoryName="image")
        layer = layer_of(file=b"content")
        self.image = registry(self.server, "image").push_image("one", layer)
        for path in new_blobs(self.server, self._before):
            if path.read_bytes() == layer:
                self.blobs["layer"] = path
            self._before.add(path)
        return self.blobs["layer"].name


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RunningServer]:
    """A server with an empty data directory and another port, which is not started."""
    made = RunningServer(tmp_path / "another place" / "data")
    made.data_directory.parent.mkdir()
    yield made
    made.discard()
