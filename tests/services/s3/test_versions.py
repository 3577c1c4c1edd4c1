"""Versions with boto3: enabled, suspended, delete markers, listing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Refused = Callable[..., dict[str, Any]]


def _content(s3: Any, bucket: str, version_id: str | None = None) -> bytes:
    named = {"Bucket": bucket, "Key": "k"}
    if version_id is not None:
        named["VersionId"] = version_id
    content: bytes = s3.get_object(**named)["Body"].read()
    return content


def test_every_put_keeps_the_version_before(s3: Any, versioned: str, refused: Refused) -> None:
    first, second = (s3.put_object(Bucket=versioned, Key="k", Body=body)["VersionId"] for body in (b"1", b"2"))
    assert _content(s3, versioned) == b"2"
    assert _content(s3, versioned, first) == b"1"
    assert s3.delete_object(Bucket=versioned, Key="k", VersionId=second)["VersionId"] == second
    assert _content(s3, versioned) == b"1"
    refused("NoSuchVersion", s3.get_object, Bucket=versioned, Key="k", VersionId=second)


def test_delete_marker_hides_the_object_until_it_is_deleted(s3: Any, versioned: str, refused: Refused) -> None:
    s3.put_object(Bucket=versioned, Key="k", Body=b"1")
    deleted = s3.delete_object(Bucket=versioned, Key="k")
    assert deleted["DeleteMarker"] is True
    response = refused("NoSuchKey", s3.get_object, Bucket=versioned, Key="k")
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    refused("404", s3.head_object, Bucket=versioned, Key="k")
    named = {"Bucket": versioned, "Key": "k", "VersionId": deleted["VersionId"]}
    refused("MethodNotAllowed", s3.get_object, **named)
    assert s3.list_objects_v2(Bucket=versioned)["KeyCount"] == 0
    assert s3.delete_object(**named)["DeleteMarker"] is True
    assert _content(s3, versioned) == b"1"


def test_objects_from_before_versioning_and_from_its_suspension_are_the_null_version(s3: Any, bucket: str) -> None:
    def versioning(status: str) -> None:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    versioning("Enabled")
    kept = s3.put_object(Bucket=bucket, Key="k", Body=b"kept")["VersionId"]
    assert _content(s3, bucket, "null") == b"before"
    versioning("Suspended")
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"suspended")["VersionId"] == "null"
    assert _content(s3, bucket, "null") == b"suspended"
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    versions = s3.list_object_versions(Bucket=bucket)
    assert [version["VersionId"] for version in versions["Versions"]] == [kept]
    assert [marker["VersionId"] for marker in versions["DeleteMarkers"]] == ["null"]
    assert versions["DeleteMarkers"][0]["IsLatest"] is True


def test_versions_are_listed_by_key_and_newest_first_in_pages(s3: Any, versioned: str) -> None:
    put = [
        (key, s3.put_object(Bucket=versioned, Key=key, Body=b"x")["VersionId"])
        for key in ("b", "a/1", "a/2", "b", "c", "b")
    ]
    wanted = [*put[1:3], put[5], put[3], put[0], put[4]]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": 2})
    found = [version for page in pages for version in page["Versions"]]
    assert [(version["Key"], version["VersionId"]) for version in found] == wanted
    assert [version["IsLatest"] for version in found] == [True, True, True, False, False, True]
    rolled = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [each["Prefix"] for each in rolled["CommonPrefixes"]] == ["a/"]
    assert len(rolled["Versions"]) == 4


def test_batch_deletion_of_versions(s3: Any, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    (marked,) = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k"}]})["Deleted"]
    assert marked["DeleteMarker"] is True
    both = [{"Key": "k", "VersionId": version}, {"Key": "k", "VersionId": marked["DeleteMarkerVersionId"]}]
    deleted = s3.delete_objects(Bucket=versioned, Delete={"Objects": both})["Deleted"]
    assert [each["VersionId"] for each in deleted] == [each["VersionId"] for each in both]
    assert "Versions" not in s3.list_object_versions(Bucket=versioned)
