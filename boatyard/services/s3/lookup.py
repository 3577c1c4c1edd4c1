"""Finding the bucket and the object version that a request means, with AWS's answers when they are not there."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.s3 import records
from boatyard.services.s3.errors import no_such_bucket, no_such_key, no_such_version
from boatyard.services.s3.names import key_bytes
from boatyard.services.s3.records import BUCKETS, Bucket, Stored
from boatyard.state.blobs import BlobStore
from boatyard.state.changes import Cache
from boatyard.state.database import Reader

AREA = "s3-objects"
HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


def bucket_in(
    rx: Reader, params: Mapping[str, Any], name: str = "Bucket", owner: str = "ExpectedBucketOwner"
) -> Bucket:
    """The bucket that a request names; NoSuchBucket, or AccessDenied when it is not the expected owner's."""
    return _checked(BUCKETS.get(rx, params[name]), params, name, owner)


def _checked(bucket: Bucket | None, params: Mapping[str, Any], name: str, owner: str) -> Bucket:
    if bucket is None:
        raise no_such_bucket(params[name])
    expected = params.get(owner)
    if expected is not None and expected != bucket.account:
        raise ApiError("AccessDenied", "Access Denied", status=403)
    return bucket


def bucket_of(call: Call, params: Mapping[str, Any]) -> Bucket:
    """The same, outside of a transaction."""
    return _checked(known_bucket(call, params["Bucket"]), params, "Bucket", "ExpectedBucketOwner")


def known_bucket(call: Call, name: str) -> Bucket | None:
    """The bucket of a name as it is now, kept in memory until any bucket changes."""
    database = call.installation.database

    def load() -> Bucket | None:
        with database.reading() as rx:
            return BUCKETS.get(rx, name)

    def make() -> Cache[str, Bucket | None]:
        return Cache(database.watch(BUCKETS.name))

    return call.installation.attached("s3 buckets", make).get(name, load)


def change_bucket(call: Call, params: Mapping[str, Any], **changes: Any) -> Bucket:
    """Stores a bucket with some fields changed."""
    return edit_bucket(call, params, lambda bucket: msgspec.structs.replace(bucket, **changes))


def edit_bucket(call: Call, params: Mapping[str, Any], change: Callable[[Bucket], Bucket]) -> Bucket:
    """Stores a bucket as a function changes it."""
    with call.installation.database.transaction() as tx:
        changed = change(bucket_in(tx, params))
        BUCKETS.put(tx, changed)
    return changed


def readable(rx: Reader, bucket: str, key: str, version_id: str | None) -> Stored:
    """The version to read; raises as GetObject does for what is deleted, or a delete marker itself."""
    encoded = key_bytes(key)
    if version_id is None:
        stored = records.latest(rx, bucket, encoded)
        if stored is None:
            raise no_such_key(key)
        if stored.version.delete_marker:
            raise no_such_key(key, _marker_headers(stored))
        return stored
    stored = named_version(rx, bucket, key, version_id)
    if stored.version.delete_marker:
        message = "The specified method is not allowed against this resource."
        headers = {
            **_marker_headers(stored),
            "Allow": "DELETE",
            "Last-Modified": stored.version.modified.strftime(HTTP_DATE),
        }
        raise ApiError(
            "MethodNotAllowed", message, status=405, headers=headers, Method="GET", ResourceType="DeleteMarker"
        )
    return stored


@contextlib.contextmanager
def told_if_it_may_list(call: Call, params: Mapping[str, Any]) -> Iterator[None]:
    """Within it who may not list the bucket learns not that an object is missing: AccessDenied for NoSuchKey.

    So GetObject, HeadObject and GetObjectAttributes have it, for versions too (S3 API, "GetObject", Permissions).
    """
    try:
        yield
    except ApiError as error:
        if error.code in ("NoSuchKey", "NoSuchVersion"):
            call.authorize("s3", "HeadBucket", {"Bucket": params["Bucket"]})
        raise


def named_version(rx: Reader, bucket: str, key: str, version_id: str) -> Stored:
    """The version of that id; NoSuchVersion when there is none, InvalidArgument for an empty id."""
    if not version_id:
        message = "Version id cannot be the empty string"
        raise ApiError("InvalidArgument", message, status=400, ArgumentName="versionId", ArgumentValue="")
    stored = records.find_version(rx, bucket, key_bytes(key), version_id)
    if stored is None:
        raise no_such_version(key, version_id)
    return stored


def _marker_headers(stored: Stored) -> dict[str, str]:
    return {"x-amz-delete-marker": "true", "x-amz-version-id": stored.version.version_id}


def shown_version(bucket: Bucket, version_id: str) -> dict[str, str]:
    """VersionId as responses have it: not at all where versioning was never on."""
    return {"VersionId": version_id} if bucket.versioning else {}


@functools.lru_cache(maxsize=64)
def owner(account: str) -> dict[str, str]:
    """An account as S3's Owner: its canonical user id, 64 hexadecimal digits."""
    return {"ID": hashlib.sha256(f"boatyard canonical user {account}".encode()).hexdigest()}


def blobs(call: Call) -> BlobStore:
    """Where S3's blobs are."""
    return call.installation.blobs.area(AREA)
