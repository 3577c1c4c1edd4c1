"""The checksums of objects and parts: worked out while the bytes pass, compared, joined for multipart objects."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import anycrc

from boatyard.api.errors import ApiError

FULL_OBJECT = "FULL_OBJECT"
COMPOSITE = "COMPOSITE"
DEFAULT = "CRC64NVME"


class Digest(Protocol):
    """What takes bytes and ends in a digest, as hashlib's objects do."""

    def update(self, data: bytes, /) -> None:
        """Takes the next bytes."""

    def digest(self) -> bytes:
        """The digest of all bytes so far."""


class _Crc:
    """A cyclic redundancy check with hashlib's face."""

    def __init__(self, step: Callable[[bytes, int], int], width: int) -> None:
        self._step = step
        self._width = width
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Takes the next bytes."""
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        """The check value, most significant byte first."""
        return self._value.to_bytes(self._width, "big")


@functools.cache
def _model(name: str) -> Any:
    return anycrc.Model(name)


_CRC_MODELS = {"CRC32": "CRC32", "CRC32C": "CRC32C", "CRC64NVME": "CRC64-NVME"}
_WIDTHS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16}
ALGORITHMS = tuple(_WIDTHS)


def member(algorithm: str) -> str:
    """The name that a checksum of this algorithm has in requests and answers."""
    return f"Checksum{algorithm}"


def header(algorithm: str) -> str:
    """The HTTP header, and trailer, that carries a checksum of this algorithm."""
    return f"x-amz-checksum-{algorithm.lower()}"


def new(algorithm: str) -> Digest:
    """A running checksum."""
    if algorithm == "CRC32":
        return _Crc(zlib.crc32, 4)
    if algorithm in _CRC_MODELS:
        return _Crc(_model(_CRC_MODELS[algorithm]).calc, _WIDTHS[algorithm])
    digest: Digest = hashlib.new(algorithm.lower(), usedforsecurity=False)
    return digest


def encode(digest: bytes) -> str:
    """A digest as S3 writes it: base64."""
    return base64.b64encode(digest).decode()


def compute(algorithm: str, data: bytes) -> str:
    """The checksum of these bytes."""
    running = new(algorithm)
    running.update(data)
    return encode(running.digest())


class Declared:
    """The checksum that a request announces: its algorithm, and its value when it came in a header."""

    def __init__(self, algorithm: str | None, value: str | None) -> None:
        self.algorithm = algorithm
        self.value = value

    def settle(self, trailers: Mapping[str, str]) -> None:
        """Takes the value from the trailers of the body, which come only after its last byte."""
        for name, value in trailers.items():
            algorithm = name.lower().removeprefix("x-amz-checksum-").upper()
            if algorithm in _WIDTHS and name.lower().startswith("x-amz-checksum-"):
                _check_value(algorithm, value.strip())
                self.algorithm, self.value = algorithm, value.strip()

    def verify(self, computed: Mapping[str, str]) -> None:
        """Raises BadDigest when the bytes that came have another checksum than announced."""
        if self.algorithm and self.value and computed.get(self.algorithm) != self.value:
            message = f"The {self.algorithm} you specified did not match the calculated checksum."
            raise ApiError("BadDigest", message, status=400)


def declared(params: Mapping[str, Any]) -> Declared:
    """What a PutObject or UploadPart request says about its checksum (S3, "Checking object integrity")."""
    given = {name: value for name, value in params.items() if _is_value(name) and value is not None}
    if len(given) > 1:
        message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise ApiError("InvalidRequest", message, status=400)
    named = params.get("ChecksumAlgorithm")
    for name, value in given.items():
        algorithm = name.removeprefix("Checksum")
        if named and named.upper() != algorithm:
            message = "Value for x-amz-sdk-checksum-algorithm header is invalid."
            raise ApiError("InvalidRequest", message, status=400)
        check_algorithm(algorithm)
        _check_value(algorithm, value)
        return Declared(algorithm, value)
    return Declared(check_algorithm(named.upper()) if named else None, None)


def check_algorithm(algorithm: str) -> str:
    """The algorithm, if boatyard has it; InvalidRequest else."""
    if algorithm not in _WIDTHS:
        message = f"Checksum algorithm provided is unsupported. Please try again with any of {list(ALGORITHMS)}."
        raise ApiError("InvalidRequest", message, status=400)
    return algorithm


def _is_value(name: str) -> bool:
    return name.startswith("Checksum") and name not in ("ChecksumAlgorithm", "ChecksumType", "ChecksumMode")


def _check_value(algorithm: str, value: str) -> None:
    try:
        right = len(base64.b64decode(value, validate=True)) == _WIDTHS[algorithm]
    except binascii.Error:
        right = False
    if not right:
        message = f"Value for {header(algorithm)} header is invalid."
        raise ApiError("InvalidRequest", message, status=400)


def default_type(algorithm: str) -> str:
    """How the checksum of a multipart object is made unless its upload says otherwise."""
    return FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE


def check_type(algorithm: str, kind: str) -> str:
    """The checksum type of a multipart upload, if the algorithm has it; InvalidRequest else."""
    possible = {"CRC64NVME": (FULL_OBJECT,), "CRC32": (FULL_OBJECT, COMPOSITE), "CRC32C": (FULL_OBJECT, COMPOSITE)}
    if kind not in possible.get(algorithm, (COMPOSITE,)):
        message = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise ApiError("InvalidRequest", message, status=400)
    return kind


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """The checksum of the parts' checksums, followed by how many there are."""
    digests = [base64.b64decode(part) for part in parts]
    return f"{compute(algorithm, b''.join(digests))}-{len(digests)}"


def joined(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The CRC of the whole from the CRC and size in bytes of each part, without reading any of it again."""
    model = _model(_CRC_MODELS[algorithm])
    value = 0
    for checksum, size in parts:
        value = model.combine(value, int.from_bytes(base64.b64decode(checksum), "big"), size) if size else value
    return encode(value.to_bytes(_WIDTHS[algorithm], "big"))


def check_md5(value: str | None, computed: bytes) -> None:
    """Raises BadDigest when Content-MD5 is given and is not that of the bytes that came."""
    if value is not None and parse_md5(value) != computed:
        message = "The Content-MD5 you specified did not match what we received."
        raise ApiError("BadDigest", message, status=400, ExpectedDigest=value, CalculatedDigest=encode(computed))


def parse_md5(value: str) -> bytes:
    """The digest in a Content-MD5 header; InvalidDigest when it is none."""
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise ApiError("InvalidDigest", "The Content-MD5 you specified was invalid.", status=400)
    return digest
