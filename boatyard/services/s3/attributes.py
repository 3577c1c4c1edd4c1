"""What is known about an object, its checksums and its parts, without its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.services.s3.checksums import member
from boatyard.services.s3.errors import invalid_argument
from boatyard.services.s3.lookup import bucket_in, readable, shown_version, told_if_it_may_list
from boatyard.services.s3.objects import shown_checksums
from boatyard.services.s3.records import Segment, Stored

ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


def get_object_attributes(call: Call, params: Params) -> dict[str, Any]:
    """The attributes asked for (S3 API, "GetObjectAttributes")."""
    asked = params["ObjectAttributes"]
    unknown = [name for name in asked if name not in ATTRIBUTES]
    if unknown or not asked:
        raise invalid_argument(
            "Invalid attribute name specified.",
            ArgumentName="x-amz-object-attributes",
            ArgumentValue=",".join(unknown),
        )
    with told_if_it_may_list(call, params), call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        stored = readable(rx, bucket.name, params["Key"], params.get("VersionId"))
    version = stored.version
    answer: dict[str, Any] = {
        "LastModified": version.modified.replace(microsecond=0),
        **shown_version(bucket, version.version_id),
    }
    if "ETag" in asked:
        answer["ETag"] = version.etag
    if "Checksum" in asked and version.checksums:
        answer["Checksum"] = shown_checksums(version)
    if "ObjectParts" in asked and version.parts:
        answer["ObjectParts"] = _parts(stored, params)
    if "StorageClass" in asked:
        answer["StorageClass"] = version.storage_class
    if "ObjectSize" in asked:
        answer["ObjectSize"] = version.size
    return answer


def _parts(stored: Stored, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parts, listed one by one only where they have checksums of their own (composite)."""
    said: dict[str, Any] = {"TotalPartsCount": stored.version.parts}
    if stored.version.checksum_type != "COMPOSITE":
        return said
    marker = params.get("PartNumberMarker") or 0
    asked = params.get("MaxParts")
    limit = 1000 if asked is None else min(1000, asked)
    rest = [segment for segment in stored.segments if segment.number > marker]
    page = rest[:limit]
    (algorithm,) = stored.version.checksums
    return {
        **said,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": limit,
        "IsTruncated": len(page) < len(rest),
        "Parts": [_part(segment, algorithm) for segment in page],
    }


def _part(segment: Segment, algorithm: str) -> dict[str, Any]:
    said: dict[str, Any] = {"PartNumber": segment.number, "Size": segment.size}
    if segment.checksum is not None:
        said[member(algorithm)] = segment.checksum
    return said
