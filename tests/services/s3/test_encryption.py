"""Encryption at rest with boto3: nothing readable on disk, keys of KMS that must be there and be allowed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.server import RunningServer

Refused = Callable[..., dict[str, Any]]
SECRET = b"the quick brown fox jumps over the lazy dog; "


def _files_with_secret(directory: Path) -> list[Path]:
    found = []
    for path in (*directory.glob("state.db*"), *(directory / "blobs" / "s3-objects").glob("??/*")):
        with contextlib.suppress(FileNotFoundError):  # of another test, and deleted meanwhile
            found += [path] if SECRET in path.read_bytes() else []
    return found


@pytest.fixture
def key(client: Callable[..., Any]) -> str:
    """The ARN of a new KMS key."""
    arn: str = client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.mark.parametrize("size", [1, 5000], ids=["in the database", "in a file"])
def test_no_byte_of_an_object_is_readable_on_disk(
    server: RunningServer, s3: Any, bucket: str, key: str, size: int
) -> None:
    s3.put_object(Bucket=bucket, Key="plain", Body=SECRET * size)
    s3.put_object(Bucket=bucket, Key="kms", Body=SECRET * size, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert _files_with_secret(server.data_directory) == []
    for name in ("plain", "kms"):
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == SECRET * size


def test_bucket_default_of_kms_counts_for_every_way_in(s3: Any, bucket: str, key: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=bucket, Key="put", Body=SECRET)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", key, True)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/put")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=SECRET)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
    s3.put_object(Bucket=bucket, Key="own", Body=SECRET, ServerSideEncryption="AES256")
    for name, algorithm in {"put": "aws:kms", "copy": "aws:kms", "parts": "aws:kms", "own": "AES256"}.items():
        got = s3.get_object(Bucket=bucket, Key=name)
        assert got["ServerSideEncryption"] == algorithm
        assert got["Body"].read() == SECRET


def test_managed_key_is_used_when_none_is_named(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=SECRET, ServerSideEncryption="aws:kms")
    assert put["SSEKMSKeyId"].startswith("arn:aws:kms:us-east-1:")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == SECRET


def test_disabled_key_opens_nothing(
    client: Callable[..., Any], s3: Any, bucket: str, key: str, refused: Refused
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=SECRET, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    client("kms").disable_key(KeyId=key)
    refused("KMS.DisabledException", s3.get_object, Bucket=bucket, Key="k")
    client("kms").enable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == SECRET


def test_wrong_encryption(s3: Any, bucket: str, refused: Refused) -> None:
    put = {"Bucket": bucket, "Key": "k", "Body": SECRET}
    missing = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
    refused("KMS.NotFoundException", s3.put_object, **put, ServerSideEncryption="aws:kms", SSEKMSKeyId=missing)
    refused("InvalidArgument", s3.put_object, **put, SSEKMSKeyId=missing)
    refused("InvalidRequest", s3.put_object, **put, ServerSideEncryption="aws:kms:dsse")
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="k")
