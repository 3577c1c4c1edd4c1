"""Objects: put, get, head and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.s3 import checksums, conditions, encryption, ranges
from boatyard.services.s3.content import ContentStream, ContentWriter
from boatyard.services.s3.description import answer, describe, http_date, refuse_both_range_and_part
from boatyard.services.s3.lookup import blobs, bucket_of, readable, shown_version, told_if_it_may_list
from boatyard.services.s3.records import Bucket, ObjectVersion, Segment, Stored
from boatyard.services.s3.sealing import DamagedContent
from boatyard.services.s3.writing import publish, receive, unless_stored
from boatyard.state.blobs import Hold

WHOLE_LIMIT = 64 * 1024


def put_object(call: Call, params: Params) -> dict[str, Any]:
    """Stores an object of up to 5 GiB; it is on disk when the answer goes out (S3 API, "PutObject")."""
    draft, choice, writer = begin_put(call, params)
    with unless_stored(call, writer):
        draft, segment, content = take_in(writer, params, draft, choice)
        bucket, version = publish(call, params, draft, [segment], content, "PutObject")
    return put_answer(bucket, version)


def begin_put(call: Call, params: Params) -> tuple[ObjectVersion, encryption.Choice, ContentWriter]:
    """What a PutObject request asks for, before its body is read."""
    bucket = bucket_of(call, params)
    draft = describe("PutObject", bucket, params)
    choice = encryption.choose(bucket, "PutObject", params)
    data_key, sealed = encryption.new_key(call, choice, bucket.name, draft.key)
    wanted = {checksums.declared(params).algorithm or checksums.DEFAULT}
    draft = msgspec.structs.replace(draft, encryption=sealed)
    return draft, choice, ContentWriter(blobs(call), data_key, wanted)


def take_in(
    writer: ContentWriter, params: Params, draft: ObjectVersion, choice: encryption.Choice
) -> tuple[ObjectVersion, Segment, bytes | None]:
    """The body read and kept, and the object with what is known of it only then."""
    receive(writer, params.get("Body"), params, checksums.declared(params))
    segment, content = writer.finish()
    etag = encryption.etag(choice, writer.md5)
    checked = writer.checksum_values()
    return msgspec.structs.replace(draft, size=writer.size, etag=etag, checksums=checked), segment, content


def put_answer(bucket: Bucket, version: ObjectVersion) -> dict[str, Any]:
    """What PutObject answers of a version that is stored."""
    return {
        "ETag": f'"{version.etag}"',
        **shown_checksums(version),
        **encryption.answer(version),
        **shown_version(bucket, version.version_id),
    }


def shown_checksums(version: ObjectVersion) -> dict[str, str]:
    """An object's checksums as responses have them."""
    shown = {checksums.member(algorithm): value for algorithm, value in version.checksums.items()}
    return {**shown, "ChecksumType": version.checksum_type} if shown else {}


def get_object(call: Call, params: Params) -> dict[str, Any]:
    """An object's bytes, or a range or part of them, with all that describes it (S3 API, "GetObject")."""
    bucket, stored, hold = held(call, params)
    said = _head(bucket, stored, params)
    start, stop = _extent(stored, params)
    _add_extent(said, stored, params, start, stop)
    assert stored.version.encryption is not None
    short = call.installation.database.short
    try:
        data_key = encryption.open_key(call, stored.version.encryption)
        stream = ContentStream(blobs(call), data_key, stored, start, stop, hold)
        if not stream.begin(short.waits):
            stream.close()
            short.may_wait()
        # What is small goes out in one piece.
        said["Body"] = stream.read() if stop - start <= WHOLE_LIMIT else stream
    except DamagedContent as error:
        hold.release()
        raise damaged(error) from error
    return said


def damaged(error: DamagedContent) -> ApiError:
    """What is told of an object whose bytes are not those that were written."""
    text = f"This cannot be read: {error}. Upload it again, or delete it; 'boatyard doctor --verify' looks for more."
    return ApiError("InternalError", text, status=500)


def head_object(call: Call, params: Params) -> dict[str, Any]:
    """All that GetObject answers but the bytes (S3 API, "HeadObject")."""
    bucket = bucket_of(call, params)
    with told_if_it_may_list(call, params), call.installation.database.reading() as rx:
        stored = readable(rx, bucket.name, params["Key"], params.get("VersionId"))
    said = _head(bucket, stored, params)
    start, stop = _extent(stored, params)
    _add_extent(said, stored, params, start, stop)
    return said


def held(call: Call, params: Params) -> tuple[Bucket, Stored, Hold]:
    """The object and a hold on its files; looked up again when they went away in between."""
    while True:
        bucket = bucket_of(call, params)
        with told_if_it_may_list(call, params), call.installation.database.reading() as rx:
            stored = readable(rx, bucket.name, params["Key"], params.get("VersionId"))
        hold = blobs(call).hold(segment.blob for segment in stored.segments if segment.blob is not None)
        if hold is not None:
            return bucket, stored, hold
        _check_still_there(call, params, stored)


def _check_still_there(call: Call, params: Params, stored: Stored) -> None:
    """Raises when the object is recorded unchanged although its files are gone: the data directory is damaged."""
    with call.installation.database.reading() as rx:
        again = readable(rx, params["Bucket"], params["Key"], params.get("VersionId"))
    if again.row == stored.row:
        missing = [segment.blob for segment in stored.segments if segment.blob is not None]
        raise ApiError(
            "InternalError",
            f"The content of this object is missing from {blobs(call).directory} (file {missing[0]}). Restore the "
            "data directory from a copy, or delete the object and upload it again.",
            status=500,
        )


def _head(bucket: Bucket, stored: Stored, params: Mapping[str, Any]) -> dict[str, Any]:
    version = stored.version
    refuse_both_range_and_part(params)
    try:
        conditions.check_read(params, version.etag, version.modified)
    except ApiError as error:
        if error.status == 304:
            error.headers.update(_unchanged_headers(bucket, version))
        raise
    return answer(bucket, version, params)


def _unchanged_headers(bucket: Bucket, version: ObjectVersion) -> dict[str, str]:
    headers = {"ETag": f'"{version.etag}"', "Last-Modified": http_date(version.modified)}
    if bucket.versioning:
        headers["x-amz-version-id"] = version.version_id
    return headers


def _extent(stored: Stored, params: Mapping[str, Any]) -> tuple[int, int]:
    """The first byte that is asked for and the one after the last."""
    size = stored.version.size
    number = params.get("PartNumber")
    if number is not None:
        return _part_extent(stored, number)
    return ranges.parse(params.get("Range"), size) or (0, size)


def _part_extent(stored: Stored, number: int) -> tuple[int, int]:
    segments = stored.segments if stored.version.parts else stored.segments[:1]
    if not 1 <= number <= len(segments):
        message = "The requested partnumber is not satisfiable"
        raise ApiError(
            "InvalidPartNumber",
            message,
            status=416,
            PartNumberRequested=str(number),
            ActualPartCount=str(len(segments)),
        )
    start = sum(segment.size for segment in segments[: number - 1])
    return start, start + segments[number - 1].size


def _add_extent(said: dict[str, Any], stored: Stored, params: Mapping[str, Any], start: int, stop: int) -> None:
    version = stored.version
    said["ContentLength"] = stop - start
    ranged = ranges.parse(params.get("Range"), version.size) is not None
    if (ranged or params.get("PartNumber") is not None) and version.size:
        said["ContentRange"] = f"bytes {start}-{stop - 1}/{version.size}"
    if params.get("PartNumber") is not None and version.parts:
        said["PartsCount"] = version.parts
    if params.get("ChecksumMode") == "ENABLED" and (start, stop) == (0, version.size):
        said.update(shown_checksums(version))
