"""What an object is described by beside its bytes: content headers, metadata, storage class, tags."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

from boatyard.api.errors import ApiError, not_supported
from boatyard.api.timestamps import now
from boatyard.services.s3 import encryption
from boatyard.services.s3.bucket_access import check_new_acl
from boatyard.services.s3.errors import invalid_argument, invalid_request
from boatyard.services.s3.lookup import HTTP_DATE, shown_version
from boatyard.services.s3.names import key_bytes
from boatyard.services.s3.records import Bucket, ObjectVersion

CONTENT_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "WebsiteRedirectLocation",
)
OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
STORAGE_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
)
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP")
METADATA_LIMIT = 2048
TAG_LIMIT = 10
NOT_DONE = (
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockLegalHoldStatus",
    "ObjectLockEventHold",
    "ObjectLockEventHoldDurationDays",
    "ObjectLockEventHoldDurationYears",
    "WriteOffsetBytes",
)


def describe(operation: str, bucket: Bucket, params: Mapping[str, Any]) -> ObjectVersion:
    """The object that a request asks for, without its bytes; raises for what is wrong or not done."""
    for name in NOT_DONE:
        if params.get(name) is not None:
            raise not_supported("S3", operation, name)
    key_bytes(params["Key"])
    check_new_acl(operation, params, bucket.ownership)
    return ObjectVersion(
        bucket=bucket.name,
        key=params["Key"],
        modified=now(),
        headers=content_headers(params),
        metadata=check_metadata(params.get("Metadata") or {}),
        storage_class=check_storage_class(operation, params.get("StorageClass")),
        tags=parse_tags(params.get("Tagging")),
    )


def content_headers(params: Mapping[str, Any]) -> dict[str, str]:
    """The content headers as they are kept; Content-Type is binary/octet-stream unless given."""
    headers = {name: params[name] for name in CONTENT_HEADERS if params.get(name)}
    encodings = [each.strip() for each in headers.pop("ContentEncoding", "").split(",")]
    kept = ",".join(each for each in encodings if each and each != "aws-chunked")
    if kept:
        headers["ContentEncoding"] = kept
    if params.get("Expires") is not None:
        headers["Expires"] = http_date(params["Expires"])
    headers.setdefault("ContentType", "binary/octet-stream")
    return headers


def http_date(moment: datetime | str) -> str:
    """A moment as HTTP writes it; text stays as it is."""
    return moment.astimezone(UTC).strftime(HTTP_DATE) if isinstance(moment, datetime) else moment


def check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """User metadata with lower-case names, at most 2 KB of it (MetadataTooLarge)."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if size > METADATA_LIMIT:
        raise ApiError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            status=400,
            Size=str(size),
            MaxSizeAllowed=str(METADATA_LIMIT),
        )
    return {name.lower(): value for name, value in metadata.items()}


def check_storage_class(operation: str, storage_class: str | None) -> str:
    """The storage class; archives are refused because nothing would be restored from them."""
    if storage_class in ARCHIVES:
        raise not_supported("S3", operation, f"StorageClass {storage_class}")
    if storage_class is not None and storage_class not in STORAGE_CLASSES:
        message = "The storage class you specified is not valid"
        raise ApiError("InvalidStorageClass", message, status=400, StorageClassRequested=storage_class)
    return storage_class or "STANDARD"


def parse_tags(header: str | None) -> dict[str, str]:
    """The tags in an x-amz-tagging header, which are written like a query string."""
    if not header:
        return {}
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        message = (
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates."
        )
        raise invalid_argument(message, ArgumentName="x-amz-tagging", ArgumentValue=header) from None
    return check_tags(pairs)


def check_tags(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """An object's tags: at most ten, no name twice (S3, "Categorizing your objects using tags")."""
    tags = dict(pairs)
    if len(tags) < len(pairs):
        message = "Cannot provide multiple Tags with the same key"
        raise ApiError("InvalidTag", message, status=400)
    if len(tags) > TAG_LIMIT:
        raise ApiError("BadRequest", "Object tags cannot be greater than 10", status=400)
    for name, value in tags.items():
        if not 1 <= len(name) <= 128:
            raise ApiError("InvalidTag", "The TagKey you have provided is invalid", status=400, TagKey=name)
        if len(value) > 256:
            raise ApiError("InvalidTag", "The TagValue you have provided is invalid", status=400, TagValue=value)
        if name.startswith("aws:"):
            raise ApiError("InvalidTag", "System tags cannot be added/updated by requester", status=400, TagKey=name)
    return tags


def answer(bucket: Bucket, version: ObjectVersion, params: Mapping[str, Any]) -> dict[str, Any]:
    """What GetObject and HeadObject say about an object, length and range left out."""
    said: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": version.modified.replace(microsecond=0),
        "ETag": f'"{version.etag}"',
        "Metadata": version.metadata,
        **_shown_headers(version, params),
        **encryption.answer(version),
        **shown_version(bucket, version.version_id),
    }
    if version.storage_class != "STANDARD":
        said["StorageClass"] = version.storage_class
    if version.tags:
        said["TagCount"] = len(version.tags)
    return said


def _shown_headers(version: ObjectVersion, params: Mapping[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = dict(version.headers)
    for override, name in OVERRIDES.items():
        if params.get(override) is not None:
            headers[name] = params[override]
    expires = headers.get("Expires")
    if isinstance(expires, str):
        headers["Expires"] = _moment(expires)
        if headers["Expires"] is None:
            del headers["Expires"]
    return headers


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def refuse_both_range_and_part(params: Mapping[str, Any]) -> None:
    """InvalidRequest when Range and partNumber are both given."""
    if params.get("Range") is not None and params.get("PartNumber") is not None:
        raise invalid_request("Cannot specify both Range header and partNumber query parameter")
