"""Multipart uploads with boto3: parts, copies of parts, completion and what makes it fail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

Refused = Callable[..., dict[str, Any]]
MIB = 1 << 20
PARTS = (b"1" * (5 * MIB), b"2" * (6 * MIB + 1), b"the last")
WHOLE = b"".join(PARTS)


def _upload(s3: Any, bucket: str, key: str, **options: Any) -> tuple[str, list[dict[str, Any]]]:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]
    algorithm = {"ChecksumAlgorithm": options["ChecksumAlgorithm"]} if "ChecksumAlgorithm" in options else {}
    done = []
    for number, body in enumerate(PARTS, 1):
        part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body, **algorithm)
        checksums = {name: value for name, value in part.items() if name.startswith("Checksum")}
        done.append({"PartNumber": number, "ETag": part["ETag"], **(checksums if algorithm else {})})
    return upload, done


def _complete(s3: Any, bucket: str, key: str, upload: str, parts: list[dict[str, Any]], **options: Any) -> Any:
    return s3.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **options
    )


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, "FULL_OBJECT"),
        ({"ChecksumAlgorithm": "CRC32"}, "COMPOSITE"),
        ({"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}, "FULL_OBJECT"),
        ({"ChecksumAlgorithm": "SHA256"}, "COMPOSITE"),
    ],
)
def test_parts_become_one_object(s3: Any, bucket: str, options: dict[str, str], kind: str) -> None:
    upload, parts = _upload(s3, bucket, "k", Metadata={"m": "1"}, **options)
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=2)
    assert [part["Size"] for part in listed["Parts"]] == [len(part) for part in PARTS[:2]]
    assert listed["IsTruncated"] is True
    done = _complete(s3, bucket, "k", upload, parts)
    digests = b"".join(hashlib.md5(part).digest() for part in PARTS)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert done["ChecksumType"] == kind
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Metadata"] == {"m": "1"}
    assert got["Body"].read() == WHOLE
    border = len(PARTS[0])
    ranged = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={border - 2}-{border + 1}")
    assert ranged["Body"].read() == b"1122"
    part = s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    assert part["PartsCount"] == 3
    assert part["Body"].read() == PARTS[2]


def test_attributes_tell_the_parts(s3: Any, bucket: str) -> None:
    upload, parts = _upload(s3, bucket, "k", ChecksumAlgorithm="SHA256")
    done = _complete(s3, bucket, "k", upload, parts)
    asked = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    got = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=asked)
    assert got["ETag"] == done["ETag"].strip('"')
    assert got["ObjectSize"] == len(WHOLE)
    assert got["StorageClass"] == "STANDARD"
    assert got["Checksum"]["ChecksumSHA256"] == done["ChecksumSHA256"]
    assert got["ObjectParts"]["TotalPartsCount"] == 3
    assert [part["ChecksumSHA256"] for part in got["ObjectParts"]["Parts"]] == [
        part["ChecksumSHA256"] for part in parts
    ]


def test_what_makes_completion_fail(s3: Any, bucket: str, refused: Refused) -> None:
    upload, parts = _upload(s3, bucket, "k")
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}

    def complete(parts: list[dict[str, Any]], **options: Any) -> Callable[..., Any]:
        return lambda: _complete(s3, bucket, "k", upload, parts, **options)

    refused("InvalidPartOrder", complete([parts[1], parts[0]]))
    refused("InvalidPart", complete([parts[0], {"PartNumber": 2, "ETag": '"0"'}]))
    refused("InvalidPart", complete([parts[0], {"PartNumber": 9, "ETag": parts[0]["ETag"]}]))
    refused("EntityTooSmall", complete([parts[2] | {"PartNumber": 3}, _small(s3, named)]))
    refused("MalformedXML", complete([]))
    refused("InvalidRequest", complete(parts, MpuObjectSize=1))
    refused("InvalidArgument", s3.upload_part, **named, PartNumber=10_001, Body=b"")
    s3.put_object(Bucket=bucket, Key="k", Body=b"there")
    refused("PreconditionFailed", complete(parts, IfNoneMatch="*"))
    complete(parts)()
    refused("NoSuchUpload", complete(parts))
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == len(WHOLE)


def _small(s3: Any, named: dict[str, Any]) -> dict[str, Any]:
    return {"PartNumber": 4, "ETag": s3.upload_part(**named, PartNumber=4, Body=b"small")["ETag"]}


def test_uploads_are_listed_until_they_are_given_up(s3: Any, bucket: str, refused: Refused) -> None:
    uploads = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in ("a/1", "b", "b", "c")]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [(each["Key"], each["UploadId"]) for page in pages for each in page["Uploads"]] == uploads
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [each["Prefix"] for each in rolled["CommonPrefixes"]] == ["a/"]
    for key, upload in uploads:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    refused("NoSuchUpload", s3.list_parts, Bucket=bucket, Key="c", UploadId=uploads[-1][1])


def test_parts_copied_from_an_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=PARTS[1])
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    source = {"Bucket": bucket, "Key": "source"}
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload, "CopySource": source}
    ranges = ((1, f"bytes=0-{5 * MIB - 1}"), (2, "bytes=10-19"))
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part_copy(**named, PartNumber=number, CopySourceRange=text)["CopyPartResult"]["ETag"],
        }
        for number, text in ranges
    ]
    _complete(s3, bucket, "k", upload, parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == PARTS[1][: 5 * MIB] + PARTS[1][10:20]


def test_transfers_of_boto3(s3: Any, bucket: str, tmp_path: Any) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(WHOLE)
    settings = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_file(str(source), bucket, "k", Config=settings)
    s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "copy", Config=settings)
    s3.download_file(bucket, "copy", str(target), Config=settings)
    assert target.read_bytes() == WHOLE
