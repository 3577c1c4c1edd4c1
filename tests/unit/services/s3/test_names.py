"""Names of buckets and keys."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.s3.names import after_prefix, is_bucket_name, key_bytes


@pytest.mark.parametrize("name", ["abc", "a-b.c-1", "0" * 63, "192.168.0.256a"])
def test_allowed_bucket_names(name: str) -> None:
    assert is_bucket_name(name)


@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "Abc", "a_b", "a..b", "-ab", "ab-", ".ab", "1.2.3.4", "xn--a", "abc--ol-s3", "a/b", "é12"]
)
def test_refused_bucket_names(name: str) -> None:
    assert not is_bucket_name(name)


def test_keys_are_counted_in_bytes() -> None:
    assert len(key_bytes("ü" * 512)) == 1024
    for wrong, code in {"ü" * 513: "KeyTooLongError", "": "InvalidArgument", "\ud800": "InvalidURI"}.items():
        with pytest.raises(ApiError) as raised:
            key_bytes(wrong)
        assert raised.value.code == code


def test_what_comes_after_a_prefix() -> None:
    assert after_prefix(b"") is None
    assert after_prefix(b"a/") == b"a0"
    behind = after_prefix("a😀".encode())
    assert behind is not None
    assert "a😀\U0010ffff".encode() < behind
