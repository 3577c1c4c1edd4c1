"""Lifecycle rules are carried out as S3 does, at moments that the test chooses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.s3 import lifecycle, records
from boatyard.services.s3.lifecycle_rules import due
from boatyard.services.s3.lookup import AREA

NAME = "bucket"
DAY = timedelta(days=1)


@pytest.fixture(params=["", "Enabled", "Suspended"])
def versioning(request: pytest.FixtureRequest) -> str:
    """What a bucket's versioning can be."""
    return str(request.param)


@pytest.fixture
def bucket(call: Call) -> Call:
    """A bucket, without versioning."""
    call.invoke("s3", "CreateBucket", Bucket=NAME)
    return call


def _rules(call: Call, *rules: dict[str, Any]) -> None:
    named = [
        {"ID": str(number), "Status": "Enabled", "Filter": {"Prefix": ""}, **rule} for number, rule in enumerate(rules)
    ]
    call.invoke("s3", "PutBucketLifecycleConfiguration", Bucket=NAME, LifecycleConfiguration={"Rules": named})


def _put(call: Call, key: str, size: int = 3, tags: str = "") -> None:
    given = {"Tagging": tags} if tags else {}
    call.invoke("s3", "PutObject", Bucket=NAME, Key=key, Body=b"x" * size, **given)


def _version(call: Call, status: str) -> None:
    if status:
        call.invoke("s3", "PutBucketVersioning", Bucket=NAME, VersioningConfiguration={"Status": status})


def _keys(call: Call) -> list[str]:
    return [each["Key"] for each in call.invoke("s3", "ListObjectsV2", Bucket=NAME).get("Contents", [])]


def _versions(call: Call) -> tuple[int, int]:
    found = call.invoke("s3", "ListObjectVersions", Bucket=NAME)
    return len(found.get("Versions", [])), len(found.get("DeleteMarkers", []))


def _files(call: Call) -> int:
    return len(list(call.installation.blobs.area(AREA).ids()))


def test_days_are_rounded_up_to_midnight() -> None:
    noon = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    assert due(noon, 3) == datetime(2026, 1, 19, tzinfo=UTC)
    assert due(datetime(2026, 1, 15, tzinfo=UTC), 1) == datetime(2026, 1, 16, tzinfo=UTC)


def test_objects_expire_by_age_as_their_bucket_deletes(bucket: Call, versioning: str) -> None:
    _version(bucket, versioning)
    _put(bucket, "logs/old", 100_000)
    _put(bucket, "models/kept")
    _rules(bucket, {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}})
    assert lifecycle.carry_out(bucket.installation, now() + 7 * DAY - timedelta(seconds=5)) == 0
    assert _keys(bucket) == ["logs/old", "models/kept"]
    assert lifecycle.carry_out(bucket.installation, now() + 8 * DAY) == 1
    assert _keys(bucket) == ["models/kept"]
    # With versioning the object is under a marker; where it is suspended, the marker has replaced the null version.
    assert _versions(bucket) == {"": (1, 0), "Enabled": (2, 1), "Suspended": (1, 1)}[versioning]
    assert _files(bucket) == (versioning == "Enabled")


def test_a_date_ends_all_that_is_there(bucket: Call) -> None:
    _put(bucket, "a")
    _rules(bucket, {"Expiration": {"Date": datetime(2020, 1, 1, tzinfo=UTC)}})
    assert lifecycle.carry_out(bucket.installation) == 1
    assert _keys(bucket) == []


def test_filters_by_tag_and_size(bucket: Call) -> None:
    for key, size, tags in (("small", 10, "t=1"), ("large", 600, "t=1"), ("other", 600, "t=2"), ("plain", 600, "")):
        _put(bucket, key, size, tags)
    both = {"And": {"Prefix": "", "Tags": [{"Key": "t", "Value": "1"}], "ObjectSizeGreaterThan": 500}}
    _rules(bucket, {"Filter": both, "Expiration": {"Days": 1}})
    lifecycle.carry_out(bucket.installation, now() + 3 * DAY)
    assert _keys(bucket) == ["other", "plain", "small"]
    _rules(bucket, {"Filter": {"Tag": {"Key": "t", "Value": "2"}}, "Expiration": {"Days": 1}})
    lifecycle.carry_out(bucket.installation, now() + 3 * DAY)
    assert _keys(bucket) == ["plain", "small"]
    _rules(bucket, {"Filter": {"ObjectSizeLessThan": 100}, "Expiration": {"Days": 1}})
    lifecycle.carry_out(bucket.installation, now() + 3 * DAY)
    assert _keys(bucket) == ["plain"]
    _rules(bucket, {"Status": "Disabled", "Expiration": {"Days": 1}})
    assert lifecycle.carry_out(bucket.installation, now() + 3 * DAY) == 0


def test_noncurrent_versions_go_but_for_the_newest_that_are_kept(bucket: Call) -> None:
    _version(bucket, "Enabled")
    for _ in range(5):
        _put(bucket, "k", 100_000)
    rule = {"NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1}}
    _rules(bucket, rule)
    assert lifecycle.carry_out(bucket.installation, now() + DAY) == 0
    assert lifecycle.carry_out(bucket.installation, now() + 4 * DAY) == 3
    assert (_versions(bucket), _files(bucket), _keys(bucket)) == ((2, 0), 2, ["k"])


def test_a_marker_goes_when_nothing_is_under_it(bucket: Call) -> None:
    _version(bucket, "Enabled")
    _put(bucket, "k")
    bucket.invoke("s3", "DeleteObject", Bucket=NAME, Key="k")
    _rules(
        bucket,
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
    )
    assert lifecycle.carry_out(bucket.installation, now()) == 0
    lifecycle.carry_out(bucket.installation, now() + 3 * DAY)
    lifecycle.carry_out(bucket.installation, now() + 3 * DAY)
    assert _versions(bucket) == (0, 0)


def test_uploads_that_nobody_ends_are_aborted(bucket: Call) -> None:
    for key in ("tmp/a", "kept/a"):
        upload = bucket.invoke("s3", "CreateMultipartUpload", Bucket=NAME, Key=key)["UploadId"]
        bucket.invoke("s3", "UploadPart", Bucket=NAME, Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 100_000)
    _rules(bucket, {"Filter": {"Prefix": "tmp/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    assert lifecycle.carry_out(bucket.installation, now()) == 0
    assert lifecycle.carry_out(bucket.installation, now() + 3 * DAY) == 1
    left = bucket.invoke("s3", "ListMultipartUploads", Bucket=NAME)["Uploads"]
    assert ([each["Key"] for each in left], _files(bucket)) == (["kept/a"], 1)


def test_many_keys_are_gone_through_whole(bucket: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "_BATCH", 3)
    _version(bucket, "Enabled")
    for number in range(4):
        for _ in range(4):
            _put(bucket, f"key-{number}")
    _rules(bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    assert lifecycle.carry_out(bucket.installation, now() + 3 * DAY) == 12
    assert _versions(bucket) == (4, 0)


def test_what_is_replaced_or_tagged_meanwhile_stays(bucket: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(bucket, "k", tags="t=1")
    _rules(bucket, {"Filter": {"Tag": {"Key": "t", "Value": "1"}}, "Expiration": {"Days": 1}})
    at = now() + 3 * DAY
    (found,) = lifecycle.find_over(bucket.installation, at)
    monkeypatch.setattr(lifecycle, "_over", lambda *_: iter([found]))
    bucket.invoke("s3", "PutObjectTagging", Bucket=NAME, Key="k", Tagging={"TagSet": [{"Key": "t", "Value": "2"}]})
    assert lifecycle.carry_out(bucket.installation, at) == 0
    _put(bucket, "k", tags="t=2")
    assert lifecycle.carry_out(bucket.installation, at) == 0
    assert _keys(bucket) == ["k"]


def test_events_tell_that_the_lifecycle_did_it(bucket: Call) -> None:
    configuration: dict[str, Any] = {"EventBridgeConfiguration": {}}
    bucket.invoke("s3", "PutBucketNotificationConfiguration", Bucket=NAME, NotificationConfiguration=configuration)
    _put(bucket, "k")
    _rules(bucket, {"Expiration": {"Days": 1}})
    lifecycle.carry_out(bucket.installation, now() + 3 * DAY)
    with bucket.installation.database.reading() as rx:
        rows = rx.execute("SELECT event FROM events_outbox ORDER BY position").fetchall()
    event = json.loads(rows[-1]["event"])
    assert event["detail-type"] == "Object Deleted"
    detail = event["detail"]
    assert (detail["reason"], detail["deletion-type"]) == ("Lifecycle Expiration", "Permanently Deleted")
    assert detail["requester"] == "s3.amazonaws.com"
    assert "source-ip-address" not in detail


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"Expiration": {}},
        {"Expiration": {"Days": 0}},
        {"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}},
        {"Expiration": {"Date": datetime(2026, 1, 1, 12, tzinfo=UTC)}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}},
        {
            "Filter": {"Tag": {"Key": "t", "Value": "1"}},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ],
    ids=str,
)
def test_rules_that_mean_nothing_are_refused(bucket: Call, rule: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        _rules(bucket, rule)
    with bucket.installation.database.reading() as rx:
        stored = records.BUCKETS.get(rx, NAME)
    assert stored is not None
    assert stored.lifecycle is None
