"""Completing a multipart upload: its parts become one object, without being copied."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.s3 import checksums, encryption, records
from boatyard.services.s3.checksums import COMPOSITE, header, member
from boatyard.services.s3.errors import invalid_request, malformed_xml
from boatyard.services.s3.lookup import blobs, shown_version
from boatyard.services.s3.multipart import PARTS, require_upload
from boatyard.services.s3.notifications import CREATED, announce
from boatyard.services.s3.records import ObjectVersion, Part, Upload
from boatyard.services.s3.writing import add

PART_MINIMUM = 5 * 1024**2
OBJECT_LIMIT = 48_800 * 1024**3


def complete_multipart_upload(call: Call, params: Params) -> dict[str, Any]:
    """Makes an object of an upload's parts (S3 API, "CompleteMultipartUpload")."""
    encryption.refuse_client_keys("CompleteMultipartUpload", params)
    asked = (params.get("MultipartUpload") or {}).get("Parts") or []
    if not 0 < len(asked) <= PARTS:
        raise malformed_xml()
    with call.installation.database.transaction() as tx:
        bucket, upload = require_upload(tx, params)
        chosen = _choose(upload, asked, {part.number: part for part in records.parts(tx, upload.upload_id)})
        draft = _assemble(upload, chosen, params)
        version = add(call, tx, bucket, params, draft, [part.segment for part in chosen])
        unused = records.remove_upload(tx, upload.upload_id)
        tx.after_commit(lambda: blobs(call).delete(*unused))
        announce(call, tx, bucket, version, CREATED, reason="CompleteMultipartUpload")
    assert version.encryption is not None
    shown = {member(algorithm): value for algorithm, value in version.checksums.items()}
    return {
        "Location": f"{call.installation.gateway_url}/{bucket.name}/{version.key}",
        "Bucket": bucket.name,
        "Key": version.key,
        "ETag": f'"{version.etag}"',
        **shown,
        "ChecksumType": version.checksum_type,
        **shown_version(bucket, version.version_id),
        **encryption.members(version.encryption),
    }


def _choose(upload: Upload, asked: Sequence[Mapping[str, Any]], there: Mapping[int, Part]) -> list[Part]:
    """The parts that the request lists, once they are there, as it says they are, in order and large enough."""
    chosen: list[Part] = []
    for each in asked:
        number = each.get("PartNumber")
        if number is None:
            raise malformed_xml()
        if chosen and number <= chosen[-1].number:
            message = "The list of parts was not in ascending order. Parts must be ordered by part number."
            raise ApiError("InvalidPartOrder", message, status=400, UploadId=upload.upload_id)
        part = there.get(number)
        if part is None or (each.get("ETag") or "").strip('"') != part.etag:
            raise _invalid_part(upload, number, each.get("ETag") or "")
        _check_part_checksum(upload, part, each)
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < PART_MINIMUM:
            raise ApiError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                status=400,
                ProposedSize=str(part.size),
                MinSizeAllowed=str(PART_MINIMUM),
                PartNumber=str(part.number),
                ETag=part.etag,
            )
    return chosen


def _check_part_checksum(upload: Upload, part: Part, asked: Mapping[str, Any]) -> None:
    if upload.algorithm is None:
        return
    given = asked.get(member(upload.algorithm))
    if given is None and upload.checksum_type == COMPOSITE:
        message = (
            f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must include "
            f"the checksum for each part. It was missing for part {part.number} in the request."
        )
        raise invalid_request(message)
    if given is not None and given != part.checksums[upload.algorithm]:
        raise _invalid_part(upload, part.number, part.etag)


def _invalid_part(upload: Upload, number: int, etag: str) -> ApiError:
    message = (
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag."
    )
    return ApiError(
        "InvalidPart",
        message,
        status=400,
        UploadId=upload.upload_id,
        PartNumber=str(number),
        ETag=etag.strip('"'),
    )


def _assemble(upload: Upload, parts: Sequence[Part], params: Mapping[str, Any]) -> ObjectVersion:
    """The object that the parts make: its size, entity tag and checksum."""
    size = sum(part.size for part in parts)
    stated = params.get("MpuObjectSize")
    if stated is not None and stated != size:
        message = f"The provided 'x-amz-mp-object-size' header value {stated} does not match what was computed: {size}"
        raise invalid_request(message)
    if size > OBJECT_LIMIT:
        raise ApiError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.", status=400)
    digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    return msgspec.structs.replace(
        upload.draft,
        modified=now(),
        size=size,
        etag=f"{digest.hexdigest()}-{len(parts)}",
        checksums=_whole_checksum(upload, parts, params),
        checksum_type=upload.checksum_type,
        parts=len(parts),
    )


def _whole_checksum(upload: Upload, parts: Sequence[Part], params: Mapping[str, Any]) -> dict[str, str]:
    algorithm = upload.algorithm or checksums.DEFAULT
    kind = params.get("ChecksumType")
    if kind is not None and kind != upload.checksum_type:
        message = (
            f"The upload was created using the {upload.checksum_type} checksum mode. The complete request must use "
            "the same checksum mode."
        )
        raise invalid_request(message)
    if upload.checksum_type == COMPOSITE:
        value = checksums.composite(algorithm, (part.checksums[algorithm] for part in parts))
    else:
        value = checksums.joined(algorithm, ((part.checksums[algorithm], part.size) for part in parts))
    stated = params.get(member(algorithm))
    if stated is not None and stated.split("-")[0] != value.split("-")[0]:
        message = f"The {header(algorithm)} you specified did not match the calculated checksum."
        raise ApiError("BadDigest", message, status=400)
    return {algorithm: value}
