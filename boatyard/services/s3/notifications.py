"""What S3 tells EventBridge: objects created, deleted and tagged, with AWS's details."""

from __future__ import annotations

import time
from typing import Any

from boatyard.api import events
from boatyard.api.call import Call
from boatyard.services.s3.records import Bucket, ObjectVersion
from boatyard.state.database import Transaction

CREATED = "Object Created"
DELETED = "Object Deleted"
TAGS_ADDED = "Object Tags Added"
TAGS_DELETED = "Object Tags Deleted"


def announce(
    call: Call, tx: Transaction, bucket: Bucket, version: ObjectVersion, detail_type: str, **particulars: str
) -> None:
    """Stores an event of the bucket in the transaction of the change (S3, "Event message structure").

    With EventBridge turned on for the bucket it reaches the rules. Without, it is stored as `internal`, which
    only boatyard's own listeners get (CodePipeline's S3 source, which AWS feeds in its own ways); and only if
    the bucket keeps versions, because a pipeline's source bucket must.
    """
    if not bucket.event_bridge and not bucket.versioning:
        return
    described: dict[str, Any] = {"key": version.key}
    if detail_type == CREATED:
        described["size"] = version.size
    if version.etag:
        described["etag"] = version.etag
    if bucket.versioning:
        described["version-id"] = version.version_id
    if detail_type in (CREATED, DELETED):
        described["sequencer"] = f"{time.time_ns():018X}"
    events.emit(
        call.installation,
        tx,
        source="aws.s3",
        detail_type=detail_type,
        detail={
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": described,
            "request-id": call.request_id,
            "requester": call.principal.service or call.account,
            **({} if call.principal.service else {"source-ip-address": call.source_ip}),
            **{name.replace("_", "-"): value for name, value in particulars.items()},
        },
        account=bucket.account,
        region=bucket.region,
        resources=[bucket.arn],
        internal=not bucket.event_bridge,
    )
