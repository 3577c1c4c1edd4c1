"""What lifecycle rules say of a version or an upload at a moment (S3, "Lifecycle configuration elements")."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from boatyard.services.s3.errors import invalid_argument, invalid_request, malformed_xml
from boatyard.services.s3.records import ObjectVersion, Stored

_ACTIONS = (
    "Expiration",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
    "Transitions",
    "NoncurrentVersionTransitions",
)


def due(since: datetime, days: int) -> datetime:
    """When so many days are over: S3 rounds up to the next midnight (UTC)."""
    moment = since.astimezone(UTC) + timedelta(days=days)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == moment else midnight + timedelta(days=1)


class Rule:
    """One enabled rule."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        given = stored.get("Filter") or {}
        both = given.get("And") or {}
        self.prefix = str(stored.get("Prefix") or given.get("Prefix") or both.get("Prefix") or "")
        tags = both.get("Tags") or ([given["Tag"]] if given.get("Tag") else [])
        self.tags = {str(tag["Key"]): str(tag["Value"]) for tag in tags}
        self.above = given.get("ObjectSizeGreaterThan", both.get("ObjectSizeGreaterThan"))
        self.below = given.get("ObjectSizeLessThan", both.get("ObjectSizeLessThan"))
        self.expiration: Mapping[str, Any] = stored.get("Expiration") or {}
        self.noncurrent: Mapping[str, Any] = stored.get("NoncurrentVersionExpiration") or {}
        self.abort = (stored.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")

    def matches(self, version: ObjectVersion) -> bool:
        """Whether the filter takes the version in; a delete marker has neither tags nor a size."""
        if not version.key.startswith(self.prefix):
            return False
        if version.delete_marker:
            return not self.tags and self.above is None and self.below is None
        if any(version.tags.get(key) != value for key, value in self.tags.items()):
            return False
        above = self.above is None or version.size > self.above
        return above and (self.below is None or version.size < self.below)

    def expires(self, version: ObjectVersion, at: datetime) -> bool:
        """Whether a current version is over."""
        if not self.expiration or not self.matches(version):
            return False
        if self.expiration.get("Days") is not None:
            return due(version.modified, int(self.expiration["Days"])) <= at
        return self.expiration.get("Date") is not None and _moment(self.expiration["Date"]) <= at

    def expires_marker(self, marker: ObjectVersion, at: datetime) -> bool:
        """Whether a delete marker may go that has no version under it any more."""
        if self.expiration.get("ExpiredObjectDeleteMarker"):
            return self.matches(marker)
        return self.expires(marker, at)

    def expires_noncurrent(self, version: ObjectVersion, since: datetime, newer: int, at: datetime) -> bool:
        """Whether a version is over that another took the place of at `since`; `newer`: noncurrent ones after it."""
        if not self.noncurrent or not self.matches(version):
            return False
        days = self.noncurrent.get("NoncurrentDays")
        if days is None or due(since, int(days)) > at:
            return False
        return newer >= int(self.noncurrent.get("NewerNoncurrentVersions") or 0)

    def aborts(self, key: str, initiated: datetime, at: datetime) -> bool:
        """Whether an upload was under way for too long."""
        return self.abort is not None and key.startswith(self.prefix) and due(initiated, int(self.abort)) <= at


def enabled(rules: Sequence[Mapping[str, Any]] | None) -> list[Rule]:
    """The rules that are to be carried out and delete anything."""
    found = [Rule(rule) for rule in rules or () if rule.get("Status") == "Enabled"]
    return [rule for rule in found if rule.expiration or rule.noncurrent or rule.abort is not None]


def over(versions: Sequence[Stored], rules: Sequence[Rule], at: datetime) -> list[Stored]:
    """Of all versions of one key, newest first, those that the rules end. The current one is ended as S3 deletes it."""
    current, found = versions[0], []
    if current.version.delete_marker:
        if len(versions) == 1 and any(rule.expires_marker(current.version, at) for rule in rules):
            found.append(current)
    elif any(rule.expires(current.version, at) for rule in rules):
        found.append(current)
    for newer, (successor, stored) in enumerate(itertools.pairwise(versions)):
        since = successor.version.modified
        if any(rule.expires_noncurrent(stored.version, since, newer, at) for rule in rules):
            found.append(stored)
    return found


def check(rule: Mapping[str, Any]) -> None:
    """Raises as PutBucketLifecycleConfiguration does for a rule that cannot be carried out."""
    if not any(rule.get(name) for name in (*_ACTIONS, "Transition", "NoncurrentVersionTransition")):
        raise invalid_request("At least one action needs to be specified in a rule")
    expiration = rule.get("Expiration")
    if expiration is not None:
        _check_expiration(expiration)
    noncurrent = rule.get("NoncurrentVersionExpiration") or {}
    _positive(noncurrent.get("NoncurrentDays"), "'NoncurrentDays' for NoncurrentVersionExpiration action")
    abort = rule.get("AbortIncompleteMultipartUpload") or {}
    _positive(abort.get("DaysAfterInitiation"), "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action")
    narrowed = Rule(rule)
    if abort and (narrowed.tags or narrowed.above is not None or narrowed.below is not None):
        raise invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes")
    if narrowed.tags and narrowed.expiration.get("ExpiredObjectDeleteMarker"):
        raise invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags")


def _check_expiration(expiration: Mapping[str, Any]) -> None:
    if sum(expiration.get(name) is not None for name in ("Days", "Date", "ExpiredObjectDeleteMarker")) != 1:
        raise malformed_xml()
    _positive(expiration.get("Days"), "'Days' for Expiration action")
    date = expiration.get("Date")
    if date is not None and _moment(date).time() != datetime.min.time():
        raise invalid_argument("'Date' must be at midnight GMT", ArgumentName="Date", ArgumentValue=str(date))


def _positive(days: int | None, what: str) -> None:
    if days is not None and days < 1:
        raise invalid_argument(f"{what} must be a positive integer", ArgumentName="Days", ArgumentValue=str(days))


def _moment(value: datetime | str) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
