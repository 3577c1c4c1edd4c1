"""Files of objects: none is left behind by what fails, is replaced, is deleted or is given up."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.bodies import whole
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.s3.lookup import blobs

LARGE = b"x" * 100_000


@pytest.fixture
def s3(call: Call) -> Any:
    client = call.client("s3")
    client.create_bucket(Bucket="files")
    return client


def _count(call: Call) -> int:
    with call.installation.database.reading() as rx:
        counted = rx.execute("SELECT count(*) FROM s3_blobs").fetchone()[0]
    files = list(blobs(call).ids())
    assert len(files) == counted
    assert not list(blobs(call).temporary.iterdir())
    return len(files)


def test_refused_put_leaves_no_file(call: Call, s3: Any) -> None:
    s3.put_object(Bucket="files", Key="k", Body=LARGE)
    with pytest.raises(ApiError, match="PreconditionFailed"):
        s3.put_object(Bucket="files", Key="k", Body=LARGE, IfNoneMatch="*")
    with pytest.raises(ApiError, match="BadDigest"):
        s3.put_object(Bucket="files", Key="other", Body=LARGE, ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    assert _count(call) == 1


def test_replaced_and_deleted_objects_leave_no_file(call: Call, s3: Any) -> None:
    for _ in range(2):
        s3.put_object(Bucket="files", Key="k", Body=LARGE)
    assert _count(call) == 1
    s3.delete_object(Bucket="files", Key="k")
    assert _count(call) == 0


def test_copy_shares_the_file_until_both_are_gone(call: Call, s3: Any) -> None:
    s3.put_object(Bucket="files", Key="k", Body=LARGE)
    s3.copy_object(Bucket="files", Key="copy", CopySource="files/k")
    assert _count(call) == 1
    s3.delete_object(Bucket="files", Key="k")
    assert whole(s3.get_object(Bucket="files", Key="copy")["Body"]) == LARGE
    s3.delete_object(Bucket="files", Key="copy")
    assert _count(call) == 0


def test_parts_go_with_the_upload_or_its_bucket(call: Call, s3: Any) -> None:
    for end in ("abort", "replace", "leave out", "delete the bucket"):
        upload = s3.create_multipart_upload(Bucket="files", Key="k")["UploadId"]
        named = {"Bucket": "files", "Key": "k", "UploadId": upload}
        parts = [
            {"PartNumber": number, "ETag": s3.upload_part(**named, PartNumber=number, Body=LARGE)["ETag"]}
            for number in (1, 1, 2)
        ]
        assert _count(call) == 2
        if end == "abort":
            s3.abort_multipart_upload(**named)
        elif end == "leave out":
            s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts[2:]})
            assert _count(call) == 1
            s3.delete_object(Bucket="files", Key="k")
        elif end == "replace":
            s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts[2:]})
            s3.put_object(Bucket="files", Key="k", Body=b"small")
            assert _count(call) == 0
            s3.delete_object(Bucket="files", Key="k")
        else:
            s3.delete_bucket(Bucket="files")
        assert _count(call) == 0


def test_object_that_is_deleted_while_it_is_read_comes_whole(call: Call, s3: Any) -> None:
    content = LARGE * 30
    s3.put_object(Bucket="files", Key="k", Body=content)
    pieces = iter(s3.get_object(Bucket="files", Key="k")["Body"])
    first = next(pieces)
    s3.delete_object(Bucket="files", Key="k")
    assert first + b"".join(pieces) == content
    assert _count(call) == 0
