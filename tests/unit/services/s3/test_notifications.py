"""Events of buckets: what is stored for EventBridge, what only for boatyard's own listeners."""

from __future__ import annotations

import json
from typing import Any

from boatyard.api.call import Call


def _events(call: Call) -> list[tuple[dict[str, Any], bool]]:
    with call.installation.database.reading() as rx:
        rows = rx.execute("SELECT event, internal FROM events_outbox ORDER BY position").fetchall()
    return [(json.loads(row[0]), bool(row[1])) for row in rows]


def test_events_of_a_bucket_with_eventbridge(call: Call) -> None:
    s3 = call.client("s3")
    s3.create_bucket(Bucket="events")
    s3.put_bucket_notification_configuration(
        Bucket="events", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket="events", Key="a/b", Body=b"12345")
    s3.put_object_tagging(Bucket="events", Key="a/b", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.copy_object(Bucket="events", Key="c", CopySource="events/a/b")
    s3.delete_object(Bucket="events", Key="a/b")
    stored = _events(call)
    assert [event["detail-type"] for event, _ in stored] == [
        "Object Created",
        "Object Tags Added",
        "Object Created",
        "Object Deleted",
    ]
    assert not any(internal for _, internal in stored)
    created, tagged, copied, deleted = (event["detail"] for event, _ in stored)
    assert created["bucket"] == {"name": "events"}
    assert (created["object"]["key"], created["object"]["size"], created["reason"]) == ("a/b", 5, "PutObject")
    assert created["object"]["sequencer"] < copied["object"]["sequencer"] < deleted["object"]["sequencer"]
    assert "sequencer" not in tagged["object"]
    assert copied["reason"] == "CopyObject"
    assert deleted["deletion-type"] == "Permanently Deleted"
    assert stored[0][0]["resources"] == ["arn:aws:s3:::events"]


def test_versions_without_eventbridge_are_told_to_boatyard_alone(call: Call) -> None:
    s3 = call.client("s3")
    s3.create_bucket(Bucket="internal")
    s3.put_object(Bucket="internal", Key="k", Body=b"")
    assert _events(call) == []
    s3.put_bucket_versioning(Bucket="internal", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="internal", Key="k", Body=b"")["VersionId"]
    marker = s3.delete_object(Bucket="internal", Key="k")["VersionId"]
    (created, deleted), internal = zip(*_events(call), strict=True)
    assert internal == (True, True)
    assert created["detail"]["object"]["version-id"] == version
    assert deleted["detail"]["object"]["version-id"] == marker
    assert deleted["detail"]["deletion-type"] == "Delete Marker Created"
