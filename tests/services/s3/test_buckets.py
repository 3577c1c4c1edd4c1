"""Buckets with boto3: names, regions, listing, deletion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server import unique

Refused = Callable[..., dict[str, Any]]


def test_created_bucket_is_found_listed_and_deleted(s3: Any, refused: Refused) -> None:
    name = unique("bucket")
    created = s3.create_bucket(Bucket=name)
    assert created["Location"] == f"/{name}"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=name)
    refused("404", s3.head_bucket, Bucket=name)
    refused("NoSuchBucket", s3.list_objects_v2, Bucket=name)


def test_bucket_of_another_region(client: Callable[..., Any], refused: Refused) -> None:
    west, name = client("s3", region="eu-west-1"), unique("bucket")
    refused("IllegalLocationConstraintException", west.create_bucket, Bucket=name)
    place = {"LocationConstraint": "eu-west-1"}
    west.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    assert west.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    refused("BucketAlreadyOwnedByYou", west.create_bucket, Bucket=name, CreateBucketConfiguration=place)
    found = west.list_buckets(BucketRegion="eu-west-1", Prefix=name)["Buckets"]
    assert [bucket["BucketRegion"] for bucket in found] == ["eu-west-1"]


@pytest.mark.parametrize("name", ["Upper-case", "under_score", "192.168.0.1", "two..dots", "-dash", "abc-s3alias"])
def test_name_that_no_bucket_may_have(s3: Any, refused: Refused, name: str) -> None:
    refused("InvalidBucketName", s3.create_bucket, Bucket=name)


def test_bucket_that_holds_anything_is_not_deleted(s3: Any, versioned: str, refused: Refused) -> None:
    s3.put_object(Bucket=versioned, Key="k", Body=b"x")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=versioned)
    for version in s3.list_object_versions(Bucket=versioned)["Versions"]:
        s3.delete_object(Bucket=versioned, Key="k", VersionId=version["VersionId"])
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=versioned)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    s3.create_multipart_upload(Bucket=versioned, Key="never completed")
    s3.delete_bucket(Bucket=versioned)


def test_buckets_are_listed_in_pages(s3: Any) -> None:
    prefix = unique("paged")
    for number in range(3):
        s3.create_bucket(Bucket=f"{prefix}-{number}")
    first = s3.list_buckets(Prefix=prefix, MaxBuckets=2)
    rest = s3.list_buckets(Prefix=prefix, MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
    names = [bucket["Name"] for page in (first, rest) for bucket in page["Buckets"]]
    assert names == [f"{prefix}-{number}" for number in range(3)]
    assert "ContinuationToken" not in rest


def test_wrong_expected_owner_is_denied(s3: Any, bucket: str, refused: Refused) -> None:
    refused("AccessDenied", s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="123456789012")
