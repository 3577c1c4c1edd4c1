"""aws-chunked uploads that were changed on their way: they are refused with AWS's codes, and nothing is stored."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable

import pytest

from tests.raw_http import Answer, RawConnection
from tests.server import RunningServer, unique
from tests.signing import Draft, signed_chunks

PIECES = [b"a" * 65536, b"b" * 65536, b"c" * 1000]
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.fixture(scope="module")
def bucket(server: RunningServer) -> str:
    """A bucket for all tests here."""
    name = unique("bucket")
    server.client("s3").create_bucket(Bucket=name)
    return name


def _put(server: RunningServer, bucket: str, headers: dict[str, str], payload: str, length: int) -> Draft:
    draft = Draft("PUT", f"/{bucket}/key", "s3", {"host": f"127.0.0.1:{server.port}", **headers})
    draft.headers |= {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(length)}
    return draft.sign(payload=payload)


def _send(server: RunningServer, draft: Draft) -> Answer:
    with RawConnection(server.port, 120) as connection:
        connection.send(draft.to_bytes())
        return connection.answer(draft.method)


CHANGES: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "a byte of the second chunk": (lambda body: body.replace(b"bbbb", b"bxbb", 1), b"SignatureDoesNotMatch"),
    "chunks exchanged": (
        lambda body: body.replace(b"a" * 65536, b"?").replace(b"b" * 65536, b"a" * 65536).replace(b"?", b"b" * 65536),
        b"SignatureDoesNotMatch",
    ),
    "the last chunk left out": (lambda body: body[: body.rindex(b"0;chunk")], b"IncompleteBody"),
    "a chunk without signature": (lambda body: _without_signature(body), b"InvalidRequest"),
    "a chunk added": (lambda body: body[: body.rindex(b"0;chunk")] + b"1\r\nx\r\n0\r\n\r\n", b"InvalidRequest"),
    "bytes after the end": (lambda body: body + b"more", b"InvalidRequest"),
}


def _without_signature(body: bytes) -> bytes:
    first = body.index(b";chunk-signature=")
    return body[:first] + body[body.index(b"\r\n") :]


@pytest.mark.parametrize("change", CHANGES)
def test_signed_chunks_that_were_changed_are_not_stored(server: RunningServer, bucket: str, change: str) -> None:
    edit, code = CHANGES[change]
    draft = _put(server, bucket, {}, SIGNED, sum(map(len, PIECES)))
    draft.body = edit(signed_chunks(draft, PIECES))
    answer = _send(server, draft)
    assert answer.status in (400, 403), answer
    assert code in answer.body
    assert server.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_signed_chunks_as_they_were_sent(server: RunningServer) -> None:
    bucket = unique("bucket")
    server.client("s3").create_bucket(Bucket=bucket)
    draft = _put(server, bucket, {}, SIGNED, sum(map(len, PIECES)))
    draft.body = signed_chunks(draft, PIECES)
    assert _send(server, draft).status == 200
    assert server.client("s3").get_object(Bucket=bucket, Key="key")["Body"].read() == b"".join(PIECES)


def test_an_unsigned_body_whose_trailer_does_not_fit(server: RunningServer, bucket: str) -> None:
    right = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    for content, trailer, code in (
        (b"hullo", f"x-amz-checksum-crc32:{right}", b"BadDigest"),
        (b"hello", "x-amz-checksum-crc32:AAAAAA==", b"BadDigest"),
        (b"hello", "x-amz-checksum-sha256:AAAA", b"InvalidRequest"),
    ):
        draft = _put(server, bucket, {"x-amz-trailer": "x-amz-checksum-crc32"}, UNSIGNED_TRAILER, 5)
        draft.body = b"5\r\n" + content + b"\r\n0\r\n" + trailer.encode() + b"\r\n\r\n"
        answer = _send(server, draft)
        assert (answer.status, code in answer.body) == (400, True), answer
    assert server.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_length_that_no_body_has(server: RunningServer, bucket: str) -> None:
    for length in ("-1", "9" * 5000, "1e3", ""):
        draft = Draft("PUT", f"/{bucket}/key", "s3", {"host": f"127.0.0.1:{server.port}"}, b"0\r\n\r\n")
        draft.headers |= {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": length}
        answer = _send(server, draft.sign(payload=UNSIGNED_TRAILER))
        assert (answer.status, b"MissingContentLength" in answer.body) == (411, True)
