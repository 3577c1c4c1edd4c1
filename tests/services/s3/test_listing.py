"""Listing objects with boto3: prefixes, delimiters, pages, and their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., dict[str, Any]]
KEYS = ["a", "a/", "a/b", "a/b/c", "b/1", "b/2", "b/3", "c", "d/x", "z", "Ä", "😀", "ﬀ"]


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def test_keys_come_in_the_order_of_their_bytes(s3: Any, filled: str) -> None:
    page = s3.list_objects_v2(Bucket=filled)
    assert [each["Key"] for each in page["Contents"]] == sorted(KEYS, key=str.encode)
    assert page["KeyCount"] == len(KEYS)
    assert page["IsTruncated"] is False
    assert "Owner" not in page["Contents"][0]
    assert "Owner" in s3.list_objects_v2(Bucket=filled, FetchOwner=True)["Contents"][0]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_pages_with_a_delimiter_repeat_and_lose_nothing(s3: Any, filled: str, operation: str, size: int) -> None:
    pages = s3.get_paginator(operation).paginate(Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": size})
    keys, prefixes = [], []
    for page in pages:
        contents, rolled = page.get("Contents", []), page.get("CommonPrefixes", [])
        assert len(contents) + len(rolled) <= size
        keys += [each["Key"] for each in contents]
        prefixes += [each["Prefix"] for each in rolled]
    assert keys == sorted((key for key in KEYS if "/" not in key), key=str.encode)
    assert prefixes == ["a/", "b/", "d/"]


def test_prefix_and_delimiter(s3: Any, filled: str) -> None:
    page = s3.list_objects_v2(Bucket=filled, Prefix="a/", Delimiter="/")
    assert [each["Key"] for each in page["Contents"]] == ["a/", "a/b"]
    assert [each["Prefix"] for each in page["CommonPrefixes"]] == ["a/b/"]
    assert s3.list_objects_v2(Bucket=filled, Prefix="nothing")["KeyCount"] == 0


def test_start_after_and_marker_are_left_out_themselves(s3: Any, filled: str) -> None:
    page = s3.list_objects_v2(Bucket=filled, StartAfter="b/2", MaxKeys=2)
    assert [each["Key"] for each in page["Contents"]] == ["b/3", "c"]
    assert page["StartAfter"] == "b/2"
    page = s3.list_objects(Bucket=filled, Marker="b/2", MaxKeys=2)
    assert [each["Key"] for each in page["Contents"]] == ["b/3", "c"]
    assert page["Marker"] == "b/2"


def test_wrong_arguments(s3: Any, filled: str, refused: Refused) -> None:
    refused("InvalidArgument", s3.list_objects_v2, Bucket=filled, MaxKeys=-1)
    refused("InvalidArgument", s3.list_objects_v2, Bucket=filled, ContinuationToken="made up")
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=0)["KeyCount"] == 0
