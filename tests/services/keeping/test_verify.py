"""`boatyard doctor --verify`: what is damaged is found and named; what is damaged is never given out as whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from tests.server import RunningServer
from tests.services.keeping.conftest import LARGE, MIB, Kept, boatyard, new_blobs
from tests.services.sagemaker.conftest import eventually


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
    (first,) = new_blobs(server, set())
    s3.put_object(Bucket="kept", Key="last", Body=LARGE)
    (last,) = new_blobs(server, {first})
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
    log = server.data_directory / "logs" / "server.log"
    # What cuts an answer off is written down behind the answer's end.
    eventually(lambda: all(name in log.read_text() for name in ("s3://kept/first", "s3://kept/last")))
