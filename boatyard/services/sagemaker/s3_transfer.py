"""Objects of S3 to files and back, as an execution role, in pieces."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from boatyard.api.bodies import chunks
from boatyard.api.call import Call
from boatyard.containers.foreign_files import open_plain, walk

LARGEST_UNPACKED = 100 << 30
"""Bytes that a gzipped object of a channel may unpack to."""
_PART = 512 * 1024 * 1024
_SINGLE_LIMIT = 4 * 1024 * 1024 * 1024  # bytes; PutObject takes 5 GiB


class FileBody:
    """A part of an open file as a request's body: `length` bytes from where it stands."""

    def __init__(self, content: BinaryIO, length: int) -> None:
        self._content = content
        self.length: int | None = length
        self._left = length

    def read(self, size: int = -1) -> bytes:
        """The next at most `size` bytes, all that is left for -1."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._content.read(wanted)
        self._left -= len(data)
        return data


def keys(call: Call, bucket: str, prefix: str) -> Iterator[str]:
    """Every key under a prefix, in order."""
    params: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    while True:
        listing = call.invoke("s3", "ListObjectsV2", **params)
        for entry in listing.get("Contents", []):
            yield entry["Key"]
        if not listing.get("IsTruncated"):
            return
        params["ContinuationToken"] = listing["NextContinuationToken"]


def download(call: Call, bucket: str, key: str, target: Path) -> None:
    """Writes an object to a file, making the folders above it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    answer = call.invoke("s3", "GetObject", Bucket=bucket, Key=key)
    with target.open("wb") as file:
        for piece in chunks(answer["Body"]):
            file.write(piece)


def gunzip(path: Path) -> None:
    """Unpacks a gzipped file in its place and drops the ending .gz; OSError (or EOFError) when it is not gzip."""
    target = path.with_suffix("") if path.suffix == ".gz" else path
    temporary = path.with_name(path.name + ".unpacking")
    try:
        with gzip.open(path, "rb") as packed, temporary.open("wb") as plain:
            left = LARGEST_UNPACKED
            while piece := packed.read(1 << 20):
                left -= len(piece)
                if left < 0:
                    raise OSError(f"it unpacks to more than {LARGEST_UNPACKED >> 30} GiB")
                plain.write(piece)
    except zlib.error as error:
        raise OSError(str(error)) from error
    path.unlink()
    temporary.replace(target)


def upload(call: Call, content: BinaryIO, size: int, bucket: str, key: str, kms_key: str | None) -> None:
    """Writes `size` bytes of an open file to an object; large ones in parts."""
    options: dict[str, Any] = {"Bucket": bucket, "Key": key}
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    if size <= _SINGLE_LIMIT:
        call.invoke("s3", "PutObject", Body=FileBody(content, size), **options, **encryption)
        return
    options["UploadId"] = call.invoke("s3", "CreateMultipartUpload", **options, **encryption)["UploadId"]
    parts = []
    try:
        for number, start in enumerate(range(0, size, _PART), start=1):
            body = FileBody(content, min(_PART, size - start))
            answer = call.invoke("s3", "UploadPart", PartNumber=number, Body=body, **options)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        call.invoke("s3", "CompleteMultipartUpload", MultipartUpload={"Parts": parts}, **options)
    except BaseException:
        call.invoke("s3", "AbortMultipartUpload", **options)
        raise


def upload_file(call: Call, path: Path, bucket: str, key: str, kms_key: str | None = None) -> None:
    """Writes a file to an object."""
    with path.open("rb") as content:
        upload(call, content, path.stat().st_size, bucket, key, kms_key)


def upload_tree(
    call: Call,
    top: int,
    bucket: str,
    prefix: str,
    kms_key: str | None = None,
    known: dict[str, tuple[int, int]] | None = None,
) -> int:
    """Writes the plain files below an open folder that a container owns to objects under a prefix; answers how many.

    Links are not followed, not even in folders above a file: the container may change them meanwhile. With `known`
    (path to size and time of change) only files that are new or changed are written, and it is brought up to date.
    Raises OSError for folders that are nested too deeply and names that no key can have.
    """
    count = 0
    for below, entries, folder in walk(top):
        for name in (entry.name for entry in entries):
            content = open_plain(name, folder)
            if content is None:
                continue  # a folder, a link or a pipe, or gone since the folder was listed
            path = f"{below}{name}"
            with content:
                if not _is_text(path):
                    raise OSError(f"the name {path!r} is not UTF-8, as an object's key must be")
                found = os.fstat(content.fileno())
                mark = (found.st_size, found.st_mtime_ns)
                if known is not None and known.get(path) == mark:
                    continue
                upload(call, content, found.st_size, bucket, f"{prefix}{path}", kms_key)
                if known is not None:
                    known[path] = mark
                count += 1
    return count


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
