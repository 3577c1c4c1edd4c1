"""Copies with boto3: description, versions, conditions; and that the copy outlives the source."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

Refused = Callable[..., dict[str, Any]]
LARGE = b"large" * 100_000


@pytest.mark.parametrize("content", [b"small", LARGE])
def test_copy_has_the_sources_description_and_outlives_it(s3: Any, bucket: str, content: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="s", Body=content, ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1")
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "s"})
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
    s3.delete_object(Bucket=bucket, Key="s")
    got = s3.get_object(Bucket=bucket, Key="c")
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/x", {"m": "1"}, 1)
    assert got["Body"].read() == content


def test_directives_replace_metadata_and_tags(s3: Any, bucket: str, refused: Refused) -> None:
    source = {"Bucket": bucket, "Key": "ä +s"}
    s3.put_object(**source, Body=b"x", Metadata={"old": "1"}, Tagging="old=1")
    refused("InvalidRequest", s3.copy_object, **source, CopySource=source)
    s3.copy_object(
        **source,
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"new": "2"},
        TaggingDirective="REPLACE",
        Tagging="new=2",
    )
    assert s3.head_object(**source)["Metadata"] == {"new": "2"}
    assert s3.get_object_tagging(**source)["TagSet"] == [{"Key": "new", "Value": "2"}]
    assert s3.get_object(**source)["Body"].read() == b"x"


def test_copy_of_a_version_brings_it_back(s3: Any, versioned: str) -> None:
    named = {"Bucket": versioned, "Key": "k"}
    old = s3.put_object(**named, Body=b"old")["VersionId"]
    s3.put_object(**named, Body=b"new")
    copied = s3.copy_object(**named, CopySource={**named, "VersionId": old})
    assert copied["CopySourceVersionId"] == old
    assert copied["VersionId"] not in (old, None)
    assert s3.get_object(**named)["Body"].read() == b"old"


def test_conditions_on_the_source(s3: Any, bucket: str, refused: Refused) -> None:
    etag = s3.put_object(Bucket=bucket, Key="s", Body=b"x")["ETag"]
    copy = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/s"}
    refused("PreconditionFailed", s3.copy_object, **copy, CopySourceIfMatch='"other"')
    refused("PreconditionFailed", s3.copy_object, **copy, CopySourceIfNoneMatch=etag)
    refused("PreconditionFailed", s3.copy_object, **copy, CopySourceIfUnmodifiedSince=datetime(2001, 1, 1, tzinfo=UTC))
    s3.copy_object(**copy, CopySourceIfMatch=etag)
    refused("NoSuchKey", s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/missing")
    refused("NoSuchBucket", s3.copy_object, Bucket=bucket, Key="c", CopySource="no-such-bucket-here/k")
