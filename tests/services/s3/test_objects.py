"""Objects with boto3: content, description, ranges, conditions, checksums, any key."""

from __future__ import annotations

import base64
import hashlib
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.server import RunningServer

Refused = Callable[..., dict[str, Any]]
SIZE = 200_000
CONTENT = bytes(range(256)) * (SIZE // 256) + b"the end"


def test_object_comes_back_with_all_that_describes_it(s3: Any, bucket: str) -> None:
    expires = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    put = s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=CONTENT,
        ContentType="text/x",
        CacheControl="no-cache",
        ContentDisposition="attachment",
        ContentEncoding="identity",
        ContentLanguage="de",
        Expires=expires,
        Metadata={"Colour": "blue", "n": "1"},
        StorageClass="STANDARD_IA",
        Tagging="a=1&b=x%20y",
    )
    assert put["ETag"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'
    assert put["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == CONTENT
    head = s3.head_object(Bucket=bucket, Key="k")
    for answer in (got, head):
        assert answer["ContentLength"] == len(CONTENT)
        assert answer["ETag"] == put["ETag"]
        assert answer["ContentType"] == "text/x"
        assert answer["CacheControl"] == "no-cache"
        assert answer["ContentDisposition"] == "attachment"
        assert answer["ContentEncoding"] == "identity"
        assert answer["ContentLanguage"] == "de"
        assert answer["Expires"] == expires
        assert answer["Metadata"] == {"colour": "blue", "n": "1"}
        assert answer["StorageClass"] == "STANDARD_IA"
        assert answer["TagCount"] == 2
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]


@pytest.mark.parametrize("size", [0, 1, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 3_000_000])
def test_content_of_every_size(s3: Any, bucket: str, size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    s3.put_object(Bucket=bucket, Key="k", Body=content)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == content
    s3.put_object(Bucket=bucket, Key="k", Body=b"replaced")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"replaced"


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "/",
        "a//b",
        "..",
        "ä€😀",
        "with space+plus%2F&?#",
        "x" * 1024,
        "tab\there",
        "ü" * 512,
        "*'();",
    ],
)
def test_key_of_any_characters(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})["Deleted"] == [{"Key": key}]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_key_that_is_too_long(s3: Any, bucket: str, refused: Refused) -> None:
    refused("KeyTooLongError", s3.put_object, Bucket=bucket, Key="ü" * 513, Body=b"")


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=65530-131080", 65530, 131081),
        ("bytes=-7", len(CONTENT) - 7, len(CONTENT)),
        (f"bytes=100-{10**9}", 100, len(CONTENT)),
        (f"bytes=-{10**9}", 0, len(CONTENT)),
    ],
)
def test_range(s3: Any, bucket: str, header: str, start: int, stop: int) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=CONTENT)
    got = s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert got["Body"].read() == CONTENT[start:stop]


def test_range_outside_the_object(s3: Any, bucket: str, refused: Refused) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"short")
    response = refused("InvalidRange", s3.get_object, Bucket=bucket, Key="k", Range="bytes=5-9")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 416
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=3-1")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_conditional_reads(s3: Any, bucket: str, refused: Refused) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    earlier, later, named = modified - timedelta(hours=1), modified + timedelta(hours=1), {"Bucket": bucket, "Key": "k"}
    s3.get_object(**named, IfMatch=etag, IfUnmodifiedSince=earlier)
    s3.get_object(**named, IfModifiedSince=earlier)
    s3.get_object(**named, IfNoneMatch='"other"', IfModifiedSince=later)
    refused("PreconditionFailed", s3.get_object, **named, IfMatch='"other"')
    refused("PreconditionFailed", s3.get_object, **named, IfUnmodifiedSince=earlier)
    for unchanged in ({"IfNoneMatch": etag}, {"IfModifiedSince": modified}):
        response = refused("304", s3.get_object, **named, **unchanged)
        assert response["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag
    refused("304", s3.head_object, **named, IfNoneMatch=etag)


def test_conditional_writes(s3: Any, bucket: str, refused: Refused) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    refused("NoSuchKey", s3.put_object, **named, Body=b"", IfMatch='"x"')
    etag = s3.put_object(**named, Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", s3.put_object, **named, Body=b"2", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, **named, Body=b"2", IfMatch='"other"')
    s3.put_object(**named, Body=b"3", IfMatch=etag)
    refused("PreconditionFailed", s3.delete_object, **named, IfMatch=etag)
    assert s3.get_object(**named)["Body"].read() == b"3"


def test_response_headers_are_overridden_by_a_presigned_url(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    params = {"Bucket": bucket, "Key": "k", "ResponseContentType": "text/y", "ResponseCacheControl": "no-store"}
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=params), timeout=60) as answer:
        assert answer.headers["Content-Type"] == "text/y"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.read() == b"x"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksum_that_the_client_chooses(s3: Any, bucket: str, algorithm: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=CONTENT, ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert put[f"Checksum{algorithm}"] == head[f"Checksum{algorithm}"]
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert f"Checksum{algorithm}" not in s3.head_object(Bucket=bucket, Key="k")


def test_checksum_is_worked_out_when_the_client_sends_none(client: Callable[..., Any], bucket: str) -> None:
    s3 = client("s3", config=Config(request_checksum_calculation="when_required"))
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456789")
    assert base64.b64decode(put["ChecksumCRC64NVME"]).hex() == "ae8b14860a799888"


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("BadDigest", {"ContentMD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}),
        ("InvalidDigest", {"ContentMD5": "bm90IGFuIE1ENQ=="}),
        ("BadDigest", {"ChecksumSHA256": base64.b64encode(hashlib.sha256(b"other").digest()).decode()}),
        ("InvalidRequest", {"ChecksumSHA256": "AAAA"}),
        ("MetadataTooLarge", {"Metadata": {"k": "v" * 2048}}),
        ("InvalidTag", {"Tagging": "a=1&a=2"}),
        ("BadRequest", {"Tagging": "&".join(f"k{number}=v" for number in range(11))}),
        ("InvalidArgument", {"ServerSideEncryption": "rot13"}),
        ("InvalidStorageClass", {"StorageClass": "SHELF"}),
    ],
)
def test_wrong_put_leaves_nothing(s3: Any, bucket: str, refused: Refused, code: str, params: dict[str, Any]) -> None:
    refused(code, s3.put_object, Bucket=bucket, Key="k", Body=CONTENT, **params)
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="k")


def test_missing_object(s3: Any, bucket: str, refused: Refused) -> None:
    response = refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="nothing")
    assert response["Error"]["Key"] == "nothing"
    refused("404", s3.head_object, Bucket=bucket, Key="nothing")
    assert s3.delete_object(Bucket=bucket, Key="nothing")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_tags_are_replaced_and_removed(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**named, Body=b"", Tagging="a=1")
    s3.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
    assert s3.get_object_tagging(**named)["TagSet"] == [{"Key": "b", "Value": "2"}]
    s3.delete_object_tagging(**named)
    assert s3.get_object_tagging(**named)["TagSet"] == []


def test_batch_deletion_is_quiet_when_asked(s3: Any, bucket: str) -> None:
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=str(number), Body=b"")
    asked = {"Objects": [{"Key": str(number)} for number in range(4)], "Quiet": True}
    response = s3.delete_objects(Bucket=bucket, Delete=asked)
    assert "Deleted" not in response
    assert "Errors" not in response
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with pytest.raises(ClientError, match="MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": str(number)} for number in range(1001)]})


def test_object_above_the_limit_is_refused_before_it_is_sent(server: RunningServer, s3: Any, bucket: str) -> None:
    url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}))
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Content-Length", str(5 * 1024**3 + 1))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 400
    assert answer.getheader("Connection") == "close"
    assert b"<Code>EntityTooLarge</Code>" in answer.read()
    connection.close()


@pytest.mark.parametrize("size", [10, 300_000])
def test_refused_put_leaves_the_connection_usable(s3: Any, bucket: str, refused: Refused, size: int) -> None:
    for _ in range(2):
        refused("NoSuchBucket", s3.put_object, Bucket=f"{bucket}-missing", Key="k", Body=b"x" * size)
        assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200
