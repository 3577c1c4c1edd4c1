"""Deleting objects: one or a thousand, versions and delete markers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.timestamps import now
from boatyard.services.s3 import records
from boatyard.services.s3.conditions import failed, matches
from boatyard.services.s3.errors import malformed_xml
from boatyard.services.s3.lookup import bucket_in
from boatyard.services.s3.names import key_bytes
from boatyard.services.s3.notifications import DELETED, announce
from boatyard.services.s3.records import NULL_VERSION, Bucket, ObjectVersion, Stored
from boatyard.services.s3.writing import remove
from boatyard.state.database import Transaction

BATCH_LIMIT = 1000
REASON = "DeleteObject"


def delete_object(call: Call, params: Params) -> dict[str, Any]:
    """Deletes an object, or puts a delete marker over it, or deletes one version (S3 API, "DeleteObject")."""
    if params.get("MFA"):
        raise not_supported("S3", "DeleteObject", "MFA")
    with call.installation.database.transaction() as tx:
        bucket = bucket_in(tx, params)
        wanted = {
            "ETag": params.get("IfMatch"),
            "LastModifiedTime": params.get("IfMatchLastModifiedTime"),
            "Size": params.get("IfMatchSize"),
        }
        return _delete(call, tx, bucket, params["Key"], params.get("VersionId"), wanted)


def delete_objects(call: Call, params: Params) -> dict[str, Any]:
    """Deletes up to 1000 objects or versions in one transaction (S3 API, "DeleteObjects")."""
    asked = params["Delete"]
    if not 0 < len(asked["Objects"]) <= BATCH_LIMIT:
        raise malformed_xml()
    if params.get("MFA"):
        raise not_supported("S3", "DeleteObjects", "MFA")
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    with call.installation.database.transaction() as tx:
        bucket = bucket_in(tx, params)
        for each in asked["Objects"]:
            named = {name: each[name] for name in ("Key", "VersionId") if each.get(name) is not None}
            try:
                done = _delete(call, tx, bucket, each["Key"], each.get("VersionId"), each)
            except ApiError as error:
                errors.append({**named, "Code": error.code, "Message": error.message})
                continue
            deleted.append({**named, **_entry(done, each)})
    answer: dict[str, Any] = {"Errors": errors} if errors else {}
    if not asked.get("Quiet"):
        answer["Deleted"] = deleted
    return answer


def _entry(done: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    if not done.get("DeleteMarker"):
        return {}
    return {"DeleteMarker": True, "DeleteMarkerVersionId": done["VersionId"]}


def _delete(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    key: str,
    version_id: str | None,
    wanted: Mapping[str, Any],
) -> dict[str, Any]:
    encoded = key_bytes(key)
    current = records.latest(tx, bucket.name, encoded)
    if version_id is not None:
        stored = records.find_version(tx, bucket.name, encoded, version_id)
        _check_wanted(wanted, stored)
        return delete_version(call, tx, bucket, stored, version_id)
    _check_wanted(wanted, None if current is not None and current.version.delete_marker else current)
    if bucket.versioning:
        return mark(call, tx, bucket, key)
    if current is not None:
        delete_version(call, tx, bucket, current, NULL_VERSION)
    return {}


def _check_wanted(wanted: Mapping[str, Any], stored: Stored | None) -> None:
    """Raises PreconditionFailed when a conditional deletion does not meet the object it is meant for."""
    etag, modified, size = wanted.get("ETag"), wanted.get("LastModifiedTime"), wanted.get("Size")
    if stored is None:
        if etag is not None:
            raise failed("If-Match")
        return
    version = stored.version
    if etag is not None and not matches(etag, version.etag):
        raise failed("If-Match")
    if isinstance(modified, datetime) and version.modified.replace(microsecond=0) != modified.replace(microsecond=0):
        raise failed("x-amz-if-match-last-modified-time")
    if size is not None and size != version.size:
        raise failed("x-amz-if-match-size")


def delete_version(
    call: Call, tx: Transaction, bucket: Bucket, stored: Stored | None, version_id: str, reason: str = REASON
) -> dict[str, Any]:
    """Deletes one version for good; one that is not there counts as deleted."""
    answer: dict[str, Any] = {"VersionId": version_id} if bucket.versioning else {}
    if stored is None:
        return answer
    remove(call, tx, stored)
    announce(call, tx, bucket, stored.version, DELETED, reason=reason, deletion_type="Permanently Deleted")
    return {**answer, "DeleteMarker": True} if stored.version.delete_marker else answer


def mark(call: Call, tx: Transaction, bucket: Bucket, key: str, reason: str = REASON) -> dict[str, Any]:
    """Puts a delete marker over the object; where versioning is suspended it replaces the null version."""
    version_id = records.new_version_id()
    if bucket.versioning != "Enabled":
        version_id = NULL_VERSION
        replaced = records.find_version(tx, bucket.name, key.encode(), NULL_VERSION)
        if replaced is not None:
            remove(call, tx, replaced)
    marker = ObjectVersion(bucket=bucket.name, key=key, modified=now(), version_id=version_id, delete_marker=True)
    records.add_version(tx, marker)
    announce(call, tx, bucket, marker, DELETED, reason=reason, deletion_type="Delete Marker Created")
    return {"DeleteMarker": True, "VersionId": version_id}
