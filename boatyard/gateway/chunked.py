"""aws-chunked bodies: signed or unsigned chunks, with or without trailing checksums.

S3 API Reference, "Signature calculations for the Authorization header: Transferring payload in multiple chunks",
and the same "including trailing headers".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from boatyard.api.errors import ApiError
from boatyard.gateway.signature import EMPTY_SHA256, Claim, sign
from boatyard.gateway.streams import Source

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_HEADER = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_LONGEST_LINE = 8192
_MOST_TRAILERS = 16
_CHECKSUM = "x-amz-checksum-"


class _Running(Protocol):
    def update(self, data: bytes) -> Any: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _AnyCrc:
    def __init__(self, name: str, size: int) -> None:
        import anycrc

        self._model = anycrc.Model(name)
        self._value: int | None = None
        self._size = size

    def update(self, data: bytes) -> None:
        self._value = self._model.calc(data) if self._value is None else self._model.calc(data, self._value)

    def digest(self) -> bytes:
        return (self._value or 0).to_bytes(self._size, "big")


ALGORITHMS: dict[str, Callable[[], _Running]] = {
    "crc32": _Crc32,
    "crc32c": lambda: _AnyCrc("CRC32C", 4),
    "crc64nvme": lambda: _AnyCrc("CRC64-NVME", 8),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}


def checksum(algorithm: str) -> _Running:
    """A running checksum of one of S3's algorithms (crc32, crc32c, crc64nvme, sha1, sha256)."""
    return ALGORITHMS[algorithm]()


class ChunkSigner:
    """The chain of signatures: each is made with the one before it, the first with the request's own."""

    def __init__(self, claim: Claim, secret: str) -> None:
        self._claim = claim
        self._secret = secret
        self._previous = claim.signature

    def check_chunk(self, digest: str, given: str) -> None:
        """ApiError unless the chunk whose SHA-256 this is was signed so."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY_SHA256}\n{digest}", given)

    def check_trailer(self, digest: str, given: str) -> None:
        """ApiError unless the trailing headers whose SHA-256 this is were signed so."""
        self._check("AWS4-HMAC-SHA256-TRAILER", digest, given)

    def _check(self, algorithm: str, rest: str, given: str) -> None:
        claim = self._claim
        text = f"{algorithm}\n{claim.timestamp:%Y%m%dT%H%M%SZ}\n{claim.scope}\n{self._previous}\n{rest}"
        expected = sign(claim, self._secret, text)
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise ApiError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided."
                " Check your key and signing method.",
                status=403,
            )
        self._previous = expected


class ChunkedSource:
    """Decodes an aws-chunked body as it comes; what is wrong with it is raised before its end is reported."""

    def __init__(self, source: Source, *, length: int, signer: ChunkSigner | None, announced: frozenset[str]) -> None:
        """`announced` are the names in x-amz-trailer, in lower case; `length` is x-amz-decoded-content-length."""
        self.trailers: dict[str, str] = {}
        self._source = source
        self._buffer = bytearray()
        self._length = length
        self._total = 0
        self._signer = signer
        self._announced = announced
        self._checksums = {
            name: checksum(name.removeprefix(_CHECKSUM))
            for name in announced
            if name.removeprefix(_CHECKSUM) in ALGORITHMS and name.startswith(_CHECKSUM)
        }
        self._left = 0
        self._digest = hashlib.sha256()
        self._signature = ""
        self._inside = False
        self._ended = False

    def next(self) -> bytes:
        """The next decoded bytes; b"" when the last chunk and the trailers were read and found right."""
        while not self._ended:
            if not self._inside:
                self._begin_chunk()
                continue
            if self._left == 0:
                self._end_chunk()
                continue
            if not self._buffer:
                self._fill()
            piece = bytes(self._buffer[: self._left])
            del self._buffer[: self._left]
            self._left -= len(piece)
            self._take(piece)
            return piece
        return b""

    def _take(self, piece: bytes) -> None:
        self._total += len(piece)
        if self._total > self._length:
            raise _malformed("The chunks hold more than x-amz-decoded-content-length says.")
        if self._signer is not None:
            self._digest.update(piece)
        for running in self._checksums.values():
            running.update(piece)

    def _fill(self) -> None:
        piece = self._source.next()
        if not piece:
            raise ApiError("IncompleteBody", "The aws-chunked body ends before its last chunk.", status=400)
        self._buffer += piece

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LONGEST_LINE:
                raise _malformed("A chunk's header is too long.")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _begin_chunk(self) -> None:
        found = _HEADER.fullmatch(self._line())
        if found is None or (self._signer is not None and found[2] is None):
            raise _malformed("A chunk's header is not as aws-chunked has it.")
        self._left = int(found[1], 16)
        self._signature = (found[2] or b"").decode()
        self._inside = True
        if self._left == 0:
            self._finish()

    def _end_chunk(self) -> None:
        if self._line():
            raise _malformed("A chunk is longer than its header says.")
        self._check_chunk()
        self._inside = False

    def _check_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._digest.hexdigest(), self._signature)
            self._digest = hashlib.sha256()

    def _finish(self) -> None:
        self._check_chunk()
        if self._total != self._length:
            raise ApiError(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header.",
                status=400,
            )
        lines = []
        while line := self._line():
            lines.append(line)
            if len(lines) > _MOST_TRAILERS:
                raise _malformed("The body has too many trailing headers.")
        self._read_trailers(lines)
        if self._source.next() or self._buffer:
            raise _malformed("The aws-chunked body goes on after its end.")
        self._ended = True

    def _read_trailers(self, lines: list[bytes]) -> None:
        signature, signed = "", ""
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            name, value = name.strip().lower(), value.strip()
            if name == "x-amz-trailer-signature":
                signature = value
                continue
            if name not in self._announced:
                raise _malformed(f"The trailing header {name[:100]} was not announced in x-amz-trailer.")
            self.trailers[name] = value
            signed += f"{name}:{value}\n"
        if self._announced - self.trailers.keys():
            raise _malformed("A header announced in x-amz-trailer did not come.")
        if self._signer is not None and self._announced:
            self._signer.check_trailer(hashlib.sha256(signed.encode("latin-1")).hexdigest(), signature)
        for name, running in self._checksums.items():
            if base64.b64encode(running.digest()).decode() != self.trailers[name]:
                label = name.removeprefix(_CHECKSUM).upper()
                raise ApiError(
                    "BadDigest", f"The {label} you specified did not match the calculated checksum.", status=400
                )


def _malformed(message: str) -> ApiError:
    return ApiError("InvalidRequest", message, status=400)


def announced_trailers(value: str) -> frozenset[str]:
    """The names in a request's x-amz-trailer header."""
    return frozenset(name.strip().lower() for name in value.split(",") if name.strip())
