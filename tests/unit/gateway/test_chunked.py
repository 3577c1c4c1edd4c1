"""aws-chunked bodies with the documentation's values, and everything in them that must not pass."""

from __future__ import annotations

import base64
import hashlib
import zlib
from datetime import UTC, datetime

import pytest

from boatyard.api.errors import ApiError
from boatyard.gateway.chunked import ChunkedSource, ChunkSigner, announced_trailers, checksum
from boatyard.gateway.signature import Claim
from boatyard.gateway.streams import BytesSource, CheckedBody

# The examples of the S3 API Reference: "Transferring payload in multiple chunks" and "... including trailing headers".
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CONTENT = b"a" * 66560
PLAIN = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
PLAIN_CHUNKS = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]
TRAILING = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILING_CHUNKS = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
]
TRAILER = "x-amz-checksum-crc32c:sOO8/Q=="
TRAILER_SIGNATURE = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def _signer(seed: str) -> ChunkSigner:
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    claim = Claim("AKIAIOSFODNN7EXAMPLE", "20130524", "us-east-1", "s3", ("host",), seed, moment, None)
    return ChunkSigner(claim, SECRET)


def _signed_body(signatures: list[str], trailers: str = "") -> bytes:
    pieces = [CONTENT[:65536], CONTENT[65536:], b""]
    body = b""
    for piece, signature in zip(pieces, signatures, strict=True):
        body += f"{len(piece):x};chunk-signature={signature}\r\n".encode() + piece + (b"\r\n" if piece else b"")
    return body + trailers.encode() + b"\r\n"


def _read(body: bytes, length: int, signer: ChunkSigner | None, announced: str = "", split: int = 7000) -> bytes:
    pieces = [body[i : i + split] for i in range(0, len(body), split)]
    source = ChunkedSource(BytesSource(*pieces), length=length, signer=signer, announced=announced_trailers(announced))
    return CheckedBody(source, length).read()


@pytest.mark.parametrize("split", [1, 7000, 1 << 20])
def test_the_documentations_signed_chunks(split: int) -> None:
    assert _read(_signed_body(PLAIN_CHUNKS), 66560, _signer(PLAIN), split=split) == CONTENT


def test_the_documentations_signed_chunks_with_a_trailing_checksum() -> None:
    body = _signed_body(TRAILING_CHUNKS, f"{TRAILER}\r\nx-amz-trailer-signature:{TRAILER_SIGNATURE}\r\n")
    assert _read(body, 66560, _signer(TRAILING), "x-amz-checksum-crc32c") == CONTENT


def test_nothing_signed_may_be_changed() -> None:
    good = _signed_body(TRAILING_CHUNKS, f"{TRAILER}\r\nx-amz-trailer-signature:{TRAILER_SIGNATURE}\r\n")
    for wrong in (
        good.replace(b"aaaa", b"aaab", 1),
        good.replace(b"b474d886", b"b474d887"),
        good.replace(b"2ca2aba2", b"2ca2aba3"),
        good.replace(b"d81f82fc", b"d81f82fd"),
        good.replace(b"x-amz-trailer-signature:" + TRAILER_SIGNATURE.encode() + b"\r\n", b""),
    ):
        with pytest.raises(ApiError) as refused:
            _read(wrong, 66560, _signer(TRAILING), "x-amz-checksum-crc32c")
        assert refused.value.code == "SignatureDoesNotMatch"


def _unsigned(content: bytes, trailer: str, end: bytes = b"\r\n") -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n" + trailer.encode() + b"\r\n" + end


CHECKSUMS = {
    "crc32": base64.b64encode(zlib.crc32(b"123456789").to_bytes(4, "big")).decode(),
    "crc32c": base64.b64encode(bytes.fromhex("e3069283")).decode(),
    "crc64nvme": base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode(),
    "sha1": base64.b64encode(hashlib.sha1(b"123456789").digest()).decode(),
    "sha256": base64.b64encode(hashlib.sha256(b"123456789").digest()).decode(),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_unsigned_chunks_are_checked_by_their_trailing_checksum(algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    trailer = f"{name}:{CHECKSUMS[algorithm]}"
    assert _read(_unsigned(b"123456789", trailer), 9, None, name, split=3) == b"123456789"
    with pytest.raises(ApiError) as refused:
        _read(_unsigned(b"123456780", trailer), 9, None, name)
    assert refused.value.code == "BadDigest"


def test_an_empty_body_has_the_checksum_of_nothing() -> None:
    name = "x-amz-checksum-crc64nvme"
    body = b"0\r\n" + f"{name}:{base64.b64encode(checksum('crc64nvme').digest()).decode()}".encode() + b"\r\n\r\n"
    assert _read(body, 0, None, name) == b""


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (b"9\r\n123456789\r\n0\r\n\r\n", 8),
        (b"9\r\n123456789\r\n0\r\n\r\n", 10),
        (b"8\r\n123456789\r\n0\r\n\r\n", 9),
        (b"9\r\n123456789\r\n", 9),
        (b"9\r\n1234", 9),
        (b"x\r\n123456789\r\n0\r\n\r\n", 9),
        (b"-9\r\n123456789\r\n0\r\n\r\n", 9),
        (b"9\r\n123456789\r\n0\r\n\r\nmore", 9),
        (b"9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n", 9),
        (b"9" * 10000, 9),
    ],
)
def test_bodies_that_are_not_as_announced(body: bytes, length: int) -> None:
    with pytest.raises(ApiError) as refused:
        _read(body, length, None)
    assert refused.value.code in ("InvalidRequest", "IncompleteBody")


def test_a_checksum_that_was_announced_must_come() -> None:
    with pytest.raises(ApiError, match="did not come"):
        _read(b"9\r\n123456789\r\n0\r\n\r\n", 9, None, "x-amz-checksum-crc32")


def test_the_last_bytes_are_given_only_when_all_is_right() -> None:
    body = CheckedBody(BytesSource(b"12345", b"6789"), 9, sha256="0" * 64)
    assert body.read(4) == b"1234"
    with pytest.raises(ApiError) as refused:
        while body.read(5):
            pass
    assert refused.value.code == "XAmzContentSHA256Mismatch"


def test_a_body_shorter_than_declared_is_refused() -> None:
    with pytest.raises(ApiError) as refused:
        CheckedBody(BytesSource(b"1234"), 9).read(9)
    assert refused.value.code == "IncompleteBody"
