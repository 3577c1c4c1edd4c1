"""Multipart uploads: begin one, upload or copy its parts, list them, give it up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.timestamps import now
from boatyard.services.s3 import checksums, encryption, ranges, records
from boatyard.services.s3.checksums import Declared, member
from boatyard.services.s3.content import ContentWriter
from boatyard.services.s3.copies import Source
from boatyard.services.s3.description import describe
from boatyard.services.s3.errors import invalid_argument, invalid_request, no_such_upload, too_large
from boatyard.services.s3.listing import Asked, Entry, rolled_up
from boatyard.services.s3.lookup import blobs, bucket_in, bucket_of, owner
from boatyard.services.s3.names import after_prefix
from boatyard.services.s3.records import Bucket, Part, Upload
from boatyard.services.s3.writing import PUT_LIMIT, receive, unless_stored
from boatyard.state.database import Reader

PARTS = 10_000
NEVER_INLINE = -1


def create_multipart_upload(call: Call, params: Params) -> dict[str, Any]:
    """Begins a multipart upload (S3 API, "CreateMultipartUpload")."""
    bucket = bucket_of(call, params)
    draft = describe("CreateMultipartUpload", bucket, params)
    algorithm, kind = _checksum(params)
    choice = encryption.choose(bucket, "CreateMultipartUpload", params)
    _, sealed = encryption.new_key(call, choice, bucket.name, draft.key)
    upload = Upload(
        upload_id=records.new_upload_id(),
        initiated=now(),
        initiator=call.principal.arn,
        draft=msgspec.structs.replace(draft, encryption=sealed),
        algorithm=algorithm,
        checksum_type=kind,
    )
    with call.installation.database.transaction() as tx:
        bucket_in(tx, params)
        records.add_upload(tx, upload)
    answer = {"Bucket": bucket.name, "Key": draft.key, "UploadId": upload.upload_id, **encryption.members(sealed)}
    if algorithm is not None:
        answer |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    return answer


def _checksum(params: Mapping[str, Any]) -> tuple[str | None, str]:
    """The checksum algorithm and type of a new upload; without either, a CRC64NVME of the whole is worked out."""
    algorithm, kind = params.get("ChecksumAlgorithm"), params.get("ChecksumType")
    if algorithm is None:
        if kind is not None:
            raise invalid_request("The x-amz-checksum-type header can only be used with x-amz-checksum-algorithm.")
        return None, checksums.FULL_OBJECT
    checksums.check_algorithm(algorithm)
    return algorithm, checksums.check_type(algorithm, kind or checksums.default_type(algorithm))


def require_upload(rx: Reader, params: Mapping[str, Any]) -> tuple[Bucket, Upload]:
    """The upload that a request names; NoSuchUpload when it is not there or is of another key."""
    bucket = bucket_in(rx, params)
    upload = records.find_upload(rx, params["UploadId"])
    if upload is None or (upload.draft.bucket, upload.draft.key) != (bucket.name, params["Key"]):
        raise no_such_upload(params["UploadId"])
    return bucket, upload


def _upload(call: Call, operation: str, params: Mapping[str, Any]) -> Upload:
    encryption.refuse_client_keys(operation, params)
    number = params["PartNumber"]
    if not 1 <= number <= PARTS:
        message = f"Part number must be an integer between 1 and {PARTS}, inclusive"
        raise invalid_argument(message, ArgumentName="partNumber", ArgumentValue=str(number))
    with call.installation.database.reading() as rx:
        return require_upload(rx, params)[1]


def upload_part(call: Call, params: Params) -> dict[str, Any]:
    """Stores one part of up to 5 GiB, in place of an earlier one of its number (S3 API, "UploadPart")."""
    upload = _upload(call, "UploadPart", params)
    declared = checksums.declared(params)
    _check_algorithm(upload, declared)
    writer = _writer(call, upload, declared.algorithm)
    with unless_stored(call, writer):
        receive(writer, params.get("Body"), params, declared)
        _check_algorithm(upload, declared)
        part = _store(call, params, upload, writer)
    shown = part.checksums
    if upload.algorithm is None and declared.algorithm is not None:
        shown = {declared.algorithm: writer.checksum_values()[declared.algorithm]}
    assert upload.draft.encryption is not None
    return {
        "ETag": f'"{part.etag}"',
        **{member(algorithm): value for algorithm, value in shown.items()},
        **encryption.members(upload.draft.encryption),
    }


def _check_algorithm(upload: Upload, declared: Declared) -> None:
    if upload.algorithm is not None and declared.algorithm not in (None, upload.algorithm):
        message = (
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum "
            f"Type: {str(declared.algorithm).lower()}"
        )
        raise invalid_request(message)


def _writer(call: Call, upload: Upload, declared: str | None) -> ContentWriter:
    assert upload.draft.encryption is not None
    wanted = {upload.algorithm or checksums.DEFAULT} | ({declared} if declared else set())
    data_key = encryption.open_key(call, upload.draft.encryption)
    return ContentWriter(blobs(call), data_key, wanted, NEVER_INLINE)


def _store(call: Call, params: Mapping[str, Any], upload: Upload, writer: ContentWriter) -> Part:
    """Records a part whose bytes are on disk. Only the upload's own checksum is kept."""
    segment, _ = writer.finish()
    algorithm = upload.algorithm or checksums.DEFAULT
    value = writer.checksum_values()[algorithm]
    part = Part(
        number=params["PartNumber"],
        modified=now(),
        etag=writer.md5.hex(),
        segment=msgspec.structs.replace(segment, number=params["PartNumber"], checksum=value),
        checksums={algorithm: value},
    )
    with call.installation.database.transaction() as tx:
        require_upload(tx, params)
        unused = records.put_part(tx, upload.upload_id, part)
        if unused:
            tx.after_commit(lambda: blobs(call).delete(*unused))
    return part


def upload_part_copy(call: Call, params: Params) -> dict[str, Any]:
    """Stores one part that is copied from an object or a range of it (S3 API, "UploadPartCopy")."""
    upload = _upload(call, "UploadPartCopy", params)
    source = Source(call, params)
    with source.hold:
        start, stop = 0, source.version.size
        if params.get("CopySourceRange") is not None:
            start, stop = ranges.parse_copy(params["CopySourceRange"], source.version.size)
        if stop - start > PUT_LIMIT:
            raise too_large(stop - start, PUT_LIMIT)
        writer = _writer(call, upload, None)
        with unless_stored(call, writer):
            for piece in source.read(start, stop):
                writer.write(piece)
            part = _store(call, params, upload, writer)
    assert upload.draft.encryption is not None
    shown = part.checksums if upload.algorithm is not None else {}
    return {
        "CopyPartResult": {
            "ETag": f'"{part.etag}"',
            "LastModified": part.modified,
            **{member(algorithm): value for algorithm, value in shown.items()},
        },
        **source.answer(),
        **encryption.members(upload.draft.encryption),
    }


def abort_multipart_upload(call: Call, params: Params) -> None:
    """Gives an upload up and deletes its parts (S3 API, "AbortMultipartUpload")."""
    with call.installation.database.transaction() as tx:
        _, upload = require_upload(tx, params)
        unused = records.remove_upload(tx, upload.upload_id)
        tx.after_commit(lambda: blobs(call).delete(*unused))


def list_parts(call: Call, params: Params) -> dict[str, Any]:
    """The parts that an upload has so far, in pages (S3 API, "ListParts")."""
    asked, marker = params.get("MaxParts"), params.get("PartNumberMarker") or 0
    limit = 1000 if asked is None else max(0, min(1000, asked))
    with call.installation.database.reading() as rx:
        bucket, upload = require_upload(rx, params)
        found = records.parts(rx, upload.upload_id, marker, limit + 1)
    page = found[:limit]
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": upload.draft.key,
        "UploadId": upload.upload_id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": limit,
        "IsTruncated": len(found) > limit,
        "Parts": [_listed(part, upload) for part in page],
        "Initiator": {"ID": upload.initiator},
        "Owner": owner(bucket.account),
        "StorageClass": upload.draft.storage_class,
    }
    if upload.algorithm is not None:
        answer |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type}
    return answer


def _listed(part: Part, upload: Upload) -> dict[str, Any]:
    said: dict[str, Any] = {
        "PartNumber": part.number,
        "LastModified": part.modified,
        "ETag": f'"{part.etag}"',
        "Size": part.size,
    }
    shown = part.checksums if upload.algorithm is not None else {}
    return {**said, **{member(algorithm): value for algorithm, value in shown.items()}}


def list_multipart_uploads(call: Call, params: Params) -> dict[str, Any]:
    """The uploads under way in a bucket, by key and age (S3 API, "ListMultipartUploads")."""
    asked = Asked.of(params, "MaxUploads")
    key_marker, id_marker = params.get("KeyMarker") or "", params.get("UploadIdMarker") or ""
    with call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        entries, more = _uploads(rx, bucket.name, asked, key_marker, id_marker)
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": asked.text(key_marker),
        "UploadIdMarker": id_marker,
        "MaxUploads": asked.limit,
        "IsTruncated": more,
        "Uploads": [_described(asked, bucket, entry.item) for entry in entries if entry.item is not None],
    }
    asked.common(answer, entries)
    if more:
        last = entries[-1]
        answer["NextKeyMarker"] = asked.text(last.key)
        answer["NextUploadIdMarker"] = last.item.upload_id if last.item is not None else ""
    return answer


def _uploads(
    rx: Reader, bucket: str, asked: Asked, key_marker: str, id_marker: str
) -> tuple[list[Entry[Upload]], bool]:
    prefix, marker = asked.prefix.encode(), key_marker.encode()
    start = (prefix, "")
    if key_marker and marker >= prefix:
        start = (marker, id_marker) if id_marker else (marker + b"\0", "")
        if asked.delimiter and asked.rolled(key_marker) == key_marker:
            start = (after_prefix(marker) or marker, "")
    entries: list[Entry[Upload]] = []
    if not asked.limit:
        return entries, False
    for entry in rolled_up(
        asked,
        start,
        lambda begin, limit: records.scan_uploads(rx, bucket, begin, asked.stop, limit),
        lambda upload: upload.draft.key,
        lambda upload: (upload.draft.key.encode(), upload.upload_id),
        lambda behind: (behind, ""),
    ):
        if len(entries) == asked.limit:
            return entries, True
        entries.append(entry)
    return entries, False


def _described(asked: Asked, bucket: Bucket, upload: Upload) -> dict[str, Any]:
    said: dict[str, Any] = {
        "UploadId": upload.upload_id,
        "Key": asked.text(upload.draft.key),
        "Initiated": upload.initiated,
        "StorageClass": upload.draft.storage_class,
        "Owner": owner(bucket.account),
        "Initiator": {"ID": upload.initiator},
    }
    if upload.algorithm is not None:
        said |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type}
    return said
