"""Objects' tags."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import tags as tagging
from boatyard.api.call import Call, Params
from boatyard.services.s3 import records
from boatyard.services.s3.description import check_tags
from boatyard.services.s3.lookup import bucket_in, readable, shown_version
from boatyard.services.s3.notifications import TAGS_ADDED, TAGS_DELETED, announce


def put_object_tagging(call: Call, params: Params) -> dict[str, Any]:
    """Replaces the tags of an object version (S3 API, "PutObjectTagging")."""
    pairs = [(tag["Key"], tag["Value"]) for tag in params["Tagging"]["TagSet"]]
    return _set_tags(call, params, check_tags(pairs), TAGS_ADDED)


def delete_object_tagging(call: Call, params: Params) -> dict[str, Any]:
    """Takes all tags off an object version (S3 API, "DeleteObjectTagging")."""
    return _set_tags(call, params, {}, TAGS_DELETED)


def get_object_tagging(call: Call, params: Params) -> dict[str, Any]:
    """The tags of an object version (S3 API, "GetObjectTagging")."""
    with call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        version = readable(rx, bucket.name, params["Key"], params.get("VersionId")).version
    return {"TagSet": tagging.to_list(version.tags), **shown_version(bucket, version.version_id)}


def _set_tags(call: Call, params: Params, tags: dict[str, str], detail_type: str) -> dict[str, Any]:
    with call.installation.database.transaction() as tx:
        bucket = bucket_in(tx, params)
        stored = readable(tx, bucket.name, params["Key"], params.get("VersionId"))
        version = msgspec.structs.replace(stored.version, tags=tags)
        records.change_version(tx, stored, version)
        announce(call, tx, bucket, version, detail_type)
    return shown_version(bucket, version.version_id)
