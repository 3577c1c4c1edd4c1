"""Taking an object's bytes in, and making the object visible once they are safe on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from boatyard.api.bodies import Body, chunks
from boatyard.api.call import Call
from boatyard.services.s3 import conditions, records
from boatyard.services.s3.checksums import Declared, check_md5
from boatyard.services.s3.content import ContentWriter
from boatyard.services.s3.errors import too_large
from boatyard.services.s3.lookup import blobs, bucket_in
from boatyard.services.s3.notifications import CREATED, announce
from boatyard.services.s3.records import NULL_VERSION, Bucket, ObjectVersion, Segment, Stored
from boatyard.state.database import Transaction

PUT_LIMIT = 5 * 1024**3


def receive(writer: ContentWriter, body: Body | None, params: Mapping[str, Any], declared: Declared) -> None:
    """Reads the body into the writer and checks it against the lengths and digests that the request states.

    Raises EntityTooLarge above 5 GiB, BadDigest when the bytes are not those that the client sent.
    """
    if body is None:
        body_length: int | None = 0
    else:
        body_length = body.length
    if body_length is not None and body_length > PUT_LIMIT:
        raise too_large(body_length, PUT_LIMIT)
    for data in chunks(body) if body is not None else ():
        writer.write(data)
        if writer.size > PUT_LIMIT:
            raise too_large(writer.size, PUT_LIMIT)
    declared.settle(getattr(body, "trailers", {}))
    declared.verify(writer.checksum_values())
    if params.get("ContentMD5") is not None:
        check_md5(params["ContentMD5"], writer.md5)


@contextlib.contextmanager
def unless_stored(call: Call, writer: ContentWriter) -> Iterator[None]:
    """Leaves no file behind when the block fails, whether the bytes or the transaction did."""
    try:
        yield
    except BaseException:
        writer.abort()
        if writer.blob_id is not None:
            blobs(call).delete(writer.blob_id)
        raise


def publish(
    call: Call,
    params: Mapping[str, Any],
    draft: ObjectVersion,
    segments: Sequence[Segment],
    content: bytes | None,
    reason: str,
) -> tuple[Bucket, ObjectVersion]:
    """Makes a version the newest of its key in one transaction: conditions, versioning, event."""
    with call.installation.database.transaction() as tx:
        return publish_in(tx, call, params, draft, segments, content, reason)


def publish_in(
    tx: Transaction,
    call: Call,
    params: Mapping[str, Any],
    draft: ObjectVersion,
    segments: Sequence[Segment],
    content: bytes | None,
    reason: str,
) -> tuple[Bucket, ObjectVersion]:
    """The same in a transaction that is open."""
    bucket = bucket_in(tx, params)
    version = add(call, tx, bucket, params, draft, segments, content)
    announce(call, tx, bucket, version, CREATED, reason=reason)
    return bucket, version


def add(
    call: Call,
    tx: Transaction,
    bucket: Bucket,
    params: Mapping[str, Any],
    draft: ObjectVersion,
    segments: Sequence[Segment] = (),
    content: bytes | None = None,
) -> ObjectVersion:
    """Adds a version by the bucket's versioning: beside the others, or in place of the null version."""
    key = draft.key.encode()
    current = records.latest(tx, bucket.name, key)
    live = current is not None and not current.version.delete_marker
    conditions.check_write(params, draft.key, current.version.etag if current is not None and live else None)
    if bucket.versioning == "Enabled":
        draft = msgspec.structs.replace(draft, version_id=records.new_version_id())
    else:
        replaced = current
        if bucket.versioning and (current is None or current.version.version_id != NULL_VERSION):
            replaced = records.find_version(tx, bucket.name, key, NULL_VERSION)
        draft = msgspec.structs.replace(draft, version_id=NULL_VERSION)
        if replaced is not None:
            remove(call, tx, replaced)
    records.add_version(tx, draft, segments, content)
    return draft


def remove(call: Call, tx: Transaction, stored: Stored) -> None:
    """Removes a version, and its files once that is certain."""
    unused = records.remove_version(tx, stored)
    if unused:
        tx.after_commit(lambda: blobs(call).delete(*unused))
