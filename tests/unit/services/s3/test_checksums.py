"""Checksums against the check values that their specifications publish."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.api.errors import ApiError
from boatyard.services.s3 import checksums

CHECK = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}


@pytest.mark.parametrize("algorithm", CHECK)
def test_check_value(algorithm: str) -> None:
    assert base64.b64decode(checksums.compute(algorithm, b"123456789")).hex() == CHECK[algorithm]


@pytest.mark.parametrize("algorithm", CHECK)
@given(parts=st.lists(st.binary(max_size=50), max_size=5))
@settings(deadline=None, max_examples=50)
def test_joined_parts_have_the_checksum_of_the_whole(algorithm: str, parts: list[bytes]) -> None:
    joined = checksums.joined(algorithm, [(checksums.compute(algorithm, part), len(part)) for part in parts])
    assert joined == checksums.compute(algorithm, b"".join(parts))


def test_composite_is_the_checksum_of_checksums() -> None:
    parts = [checksums.compute("SHA256", part) for part in (b"a", b"b")]
    digests = b"".join(base64.b64decode(part) for part in parts)
    assert checksums.composite("SHA256", parts) == f"{checksums.compute('SHA256', digests)}-2"


def test_trailer_is_verified() -> None:
    declared = checksums.declared({"ChecksumAlgorithm": "CRC32"})
    declared.settle({"x-amz-checksum-crc32": checksums.compute("CRC32", b"sent")})
    declared.verify({"CRC32": checksums.compute("CRC32", b"sent")})
    with pytest.raises(ApiError, match="BadDigest"):
        declared.verify({"CRC32": checksums.compute("CRC32", b"received")})


@pytest.mark.parametrize(
    "params",
    [
        {"ChecksumCRC32": "AAAAAA==", "ChecksumSHA1": "x"},
        {"ChecksumCRC32": "AAAAAA==", "ChecksumAlgorithm": "SHA1"},
        {"ChecksumCRC32": "not base64!"},
        {"ChecksumAlgorithm": "XXHASH3"},
    ],
)
def test_wrong_declaration(params: dict[str, str]) -> None:
    with pytest.raises(ApiError, match="InvalidRequest"):
        checksums.declared(params)


@pytest.mark.parametrize(("algorithm", "kind"), [("CRC64NVME", "COMPOSITE"), ("SHA256", "FULL_OBJECT")])
def test_type_that_an_algorithm_does_not_have(algorithm: str, kind: str) -> None:
    with pytest.raises(ApiError, match="InvalidRequest"):
        checksums.check_type(algorithm, kind)
