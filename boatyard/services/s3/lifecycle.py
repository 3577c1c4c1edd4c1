"""Carries out the buckets' lifecycle rules: what is over is deleted, with the events that S3 tells of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from boatyard.api.timestamps import now
from boatyard.services.s3 import deletion, records
from boatyard.services.s3.lifecycle_rules import Rule, enabled, over
from boatyard.services.s3.lookup import blobs
from boatyard.services.s3.names import after_prefix
from boatyard.services.s3.records import BUCKETS, Bucket, Stored, Upload

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

SERVICE = "s3.amazonaws.com"
REASON = "Lifecycle Expiration"
_BATCH = 500


def carry_out(installation: Installation, at: datetime | None = None) -> int:
    """Delete what is over at that moment, by default now; how many versions, markers and uploads it was."""
    moment = at or now()
    with installation.database.reading() as rx:
        buckets = [(bucket, enabled(bucket.lifecycle)) for bucket in BUCKETS.select(rx)]
    count = 0
    for bucket, rules in buckets:
        if rules:
            found = _over(installation, bucket, rules, moment)
            while versions := list(itertools.islice(found, _BATCH)):
                count += _expire(installation, bucket, rules, moment, versions)
            count += _abort(installation, bucket, rules, moment)
    return count


def find_over(installation: Installation, at: datetime) -> Iterator[Stored | Upload]:
    """What `carry_out` would end."""
    with installation.database.reading() as rx:
        buckets = [(bucket, enabled(bucket.lifecycle)) for bucket in BUCKETS.select(rx)]
    for bucket, rules in buckets:
        if rules:
            yield from _over(installation, bucket, rules, at)
            yield from _uploads_over(installation, bucket, rules, at)


def _over(installation: Installation, bucket: Bucket, rules: Sequence[Rule], at: datetime) -> Iterator[Stored]:
    for _, versions in itertools.groupby(_versions(installation, bucket, rules), lambda each: each.version.key):
        yield from over(list(versions), rules, at)


def _versions(installation: Installation, bucket: Bucket, rules: Sequence[Rule]) -> Iterator[Stored]:
    """All versions below what the rules' prefixes have in common, by key, newest first; a few hundred a snapshot."""
    prefix = _common([rule.prefix.encode() for rule in rules])
    start: tuple[bytes, int | None] = (prefix, None)
    while True:
        with installation.database.reading() as rx:
            found = records.scan_versions(rx, bucket.name, start, after_prefix(prefix), _BATCH)
        yield from found
        if len(found) < _BATCH:
            return
        start = (found[-1].version.key.encode(), found[-1].row)


def _common(prefixes: Sequence[bytes]) -> bytes:
    first, last = min(prefixes), max(prefixes)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return bytes(byte for byte, _ in same)


def _expire(
    installation: Installation, bucket: Bucket, rules: Sequence[Rule], at: datetime, found: Sequence[Stored]
) -> int:
    """End versions in one transaction, looking again whether they are over: one may have been tagged or replaced."""
    call = installation.service_call(SERVICE, bucket.account, bucket.region)
    count = 0
    with installation.database.transaction() as tx:
        now_stored = BUCKETS.get(tx, bucket.name)
        if now_stored is None or now_stored.lifecycle != bucket.lifecycle:
            return 0
        for each in found:
            key = each.version.key.encode()
            versions = records.scan_versions(tx, bucket.name, (key, None), key + b"\0", -1)
            stored = records.find_version(tx, bucket.name, key, each.version.version_id)
            if stored is None or stored.row not in {ended.row for ended in over(versions, rules, at)}:
                continue
            if stored.latest and not stored.version.delete_marker and now_stored.versioning:
                deletion.mark(call, tx, now_stored, each.version.key, REASON)
            else:
                deletion.delete_version(call, tx, now_stored, stored, stored.version.version_id, REASON)
            count += 1
    return count


def _uploads_over(installation: Installation, bucket: Bucket, rules: Sequence[Rule], at: datetime) -> list[Upload]:
    with installation.database.reading() as rx:
        uploads = records.scan_uploads(rx, bucket.name, (b"", ""), None, -1)
    return [upload for upload in uploads if any(rule.aborts(upload.draft.key, upload.initiated, at) for rule in rules)]


def _abort(installation: Installation, bucket: Bucket, rules: Sequence[Rule], at: datetime) -> int:
    call = installation.service_call(SERVICE, bucket.account, bucket.region)
    found = _uploads_over(installation, bucket, rules, at)
    for upload in found:
        with installation.database.transaction() as tx:
            unused = records.remove_upload(tx, upload.upload_id)
        blobs(call).delete(*unused)
    return len(found)
