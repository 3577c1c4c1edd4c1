"""Listing objects and versions: by prefix, rolled up at a delimiter, in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote_plus

from boatyard.api.call import Call, Params
from boatyard.api.paging import decode_token, encode_token
from boatyard.services.s3 import records
from boatyard.services.s3.errors import invalid_argument
from boatyard.services.s3.lookup import bucket_in, owner
from boatyard.services.s3.names import after_prefix
from boatyard.services.s3.records import NULL_VERSION, Bucket, ObjectVersion, Stored
from boatyard.state.database import Reader

MAXIMUM = 1000
SHORT_PAGE = 100
"""How many objects are listed at once where nothing may take long."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Entry(Generic[Item]):
    """One entry of a list: an item, or the prefix that many share."""

    key: str
    item: Item | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What every list operation is asked: prefix, delimiter, how many, how to write keys."""

    prefix: str
    delimiter: str
    limit: int
    encoded: bool

    @classmethod
    def of(cls, params: Mapping[str, Any], limit: str = "MaxKeys") -> Asked:
        """Reads them from the parameters; InvalidArgument for what cannot be."""
        maximum = params.get(limit)
        name = "max-uploads" if limit == "MaxUploads" else "max-keys"
        if maximum is not None and maximum < 0:
            message = f"Argument {name} must be an integer between 0 and 2147483647"
            raise invalid_argument(message, ArgumentName=name, ArgumentValue=str(maximum))
        encoding = params.get("EncodingType")
        if encoding not in (None, "", "url"):
            message = "Invalid Encoding Method specified in Request"
            raise invalid_argument(message, ArgumentName="encoding-type", ArgumentValue=encoding)
        return cls(
            prefix=params.get("Prefix") or "",
            delimiter=params.get("Delimiter") or "",
            limit=MAXIMUM if maximum is None else min(maximum, MAXIMUM),
            encoded=encoding == "url",
        )

    def text(self, key: str) -> str:
        """A key or prefix as the answer has it."""
        return quote_plus(key, safe="/*") if self.encoded else key

    def rolled(self, key: str) -> str | None:
        """The common prefix that a key goes under; None if it is listed itself."""
        if not self.delimiter:
            return None
        found = key.find(self.delimiter, len(self.prefix))
        return key[: found + len(self.delimiter)] if found >= 0 else None

    @property
    def stop(self) -> bytes | None:
        """The first key behind all with the prefix."""
        return after_prefix(self.prefix.encode())

    def common(self, answer: dict[str, Any], entries: list[Entry[Item]]) -> None:
        """Puts into an answer what all of them have: prefix, delimiter, common prefixes, encoding."""
        answer["Prefix"] = self.text(self.prefix)
        prefixes = [{"Prefix": self.text(entry.key)} for entry in entries if entry.item is None]
        if prefixes:
            answer["CommonPrefixes"] = prefixes
        if self.delimiter:
            answer["Delimiter"] = self.text(self.delimiter)
        if self.encoded:
            answer["EncodingType"] = "url"


def rolled_up(
    asked: Asked,
    start: Any,
    scan: Callable[[Any, int], list[Item]],
    key_of: Callable[[Item], str],
    after: Callable[[Item], Any],
    skip: Callable[[bytes], Any],
) -> Iterator[Entry[Item]]:
    """Entries in order. `scan(start, limit)` reads items; `after` and `skip` say where to read on.

    Under a common prefix nothing is read but the first: the scan goes on behind it.
    """
    batch = min(asked.limit + 1, 200 if asked.delimiter else MAXIMUM + 1)
    while items := scan(start, batch):
        for item in items:
            prefix = asked.rolled(key_of(item))
            if prefix is not None:
                yield Entry(prefix, None)
                behind = after_prefix(prefix.encode())
                assert behind is not None
                start = skip(behind)
                break
            yield Entry(key_of(item), item)
            start = after(item)
        else:
            if len(items) < batch:
                return


def _objects(rx: Reader, bucket: str, asked: Asked, after: str) -> tuple[list[Entry[ObjectVersion]], bool]:
    """A page of objects and common prefixes whose names come after `after`, and whether there are more."""
    start = max(asked.prefix.encode(), after.encode() + b"\0" if after else b"")
    if asked.delimiter and after and asked.rolled(after) is not None and after.startswith(asked.prefix):
        rolled = asked.rolled(after)
        assert rolled is not None
        if rolled == after:
            start = after_prefix(after.encode()) or start
    entries: list[Entry[ObjectVersion]] = []
    if not asked.limit:
        return entries, False
    for entry in rolled_up(
        asked,
        start,
        lambda begin, limit: records.scan_current(rx, bucket, begin, asked.stop, limit),
        lambda version: version.key,
        lambda version: version.key.encode() + b"\0",
        lambda behind: behind,
    ):
        if len(entries) == asked.limit:
            return entries, True
        entries.append(entry)
    return entries, False


def list_objects_v2(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's objects in the order of their keys' bytes (S3 API, "ListObjectsV2")."""
    asked = Asked.of(params)
    _may_be_long(call, asked)
    token, start_after = params.get("ContinuationToken"), params.get("StartAfter")
    if token is not None:
        after = decode_token(token, "InvalidArgument", "The continuation token provided is incorrect")
        if not isinstance(after, str):
            raise invalid_argument("The continuation token provided is incorrect")
    else:
        after = start_after or ""
    with call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        entries, more = _objects(rx, bucket.name, asked, after)
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "MaxKeys": asked.limit,
        "KeyCount": len(entries),
        "IsTruncated": more,
        "Contents": _contents(asked, bucket, entries, bool(params.get("FetchOwner"))),
    }
    asked.common(answer, entries)
    if token is not None:
        answer["ContinuationToken"] = token
    if start_after:
        answer["StartAfter"] = asked.text(start_after)
    if more:
        answer["NextContinuationToken"] = encode_token(entries[-1].key)
    return answer


def list_objects(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's objects, in the older form of the answer (S3 API, "ListObjects")."""
    asked = Asked.of(params)
    _may_be_long(call, asked)
    marker = params.get("Marker") or ""
    with call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        entries, more = _objects(rx, bucket.name, asked, marker)
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "Marker": asked.text(marker),
        "MaxKeys": asked.limit,
        "IsTruncated": more,
        "Contents": _contents(asked, bucket, entries, True),
    }
    asked.common(answer, entries)
    if more and asked.delimiter:
        answer["NextMarker"] = asked.text(entries[-1].key)
    return answer


def _may_be_long(call: Call, asked: Asked) -> None:
    """MustWait on the event loop, unless few objects are asked for."""
    if asked.limit > SHORT_PAGE:
        call.installation.database.short.may_wait()


def _contents(
    asked: Asked, bucket: Bucket, entries: list[Entry[ObjectVersion]], with_owner: bool
) -> list[dict[str, Any]]:
    contents = []
    for entry in entries:
        if entry.item is None:
            continue
        said = {**_described(asked, entry.item)}
        if with_owner:
            said["Owner"] = owner(bucket.account)
        contents.append(said)
    return contents


def _described(asked: Asked, version: ObjectVersion) -> dict[str, Any]:
    said: dict[str, Any] = {
        "Key": asked.text(version.key),
        "LastModified": version.modified,
        "ETag": f'"{version.etag}"',
        "Size": version.size,
        "StorageClass": version.storage_class,
    }
    if version.checksums:
        said["ChecksumAlgorithm"] = list(version.checksums)
        said["ChecksumType"] = version.checksum_type
    return said


def list_object_versions(call: Call, params: Params) -> dict[str, Any]:
    """All versions and delete markers, by key and newest first (S3 API, "ListObjectVersions")."""
    asked = Asked.of(params)
    key_marker, version_marker = params.get("KeyMarker") or "", params.get("VersionIdMarker")
    if version_marker and not key_marker:
        message = "A version-id marker cannot be specified without a key marker."
        raise invalid_argument(message, ArgumentName="version-id-marker", ArgumentValue=version_marker)
    with call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        start = _versions_start(rx, bucket.name, asked, key_marker, version_marker)
        entries, more = _versions(rx, bucket.name, asked, start)
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "KeyMarker": asked.text(key_marker),
        "VersionIdMarker": version_marker or "",
        "MaxKeys": asked.limit,
        "IsTruncated": more,
    }
    asked.common(answer, entries)
    for entry in entries:
        if entry.item is not None:
            name, said = _version_entry(asked, bucket, entry.item)
            answer.setdefault(name, []).append(said)
    if more:
        last = entries[-1]
        answer["NextKeyMarker"] = asked.text(last.key)
        if last.item is not None:
            answer["NextVersionIdMarker"] = last.item.version.version_id
    return answer


def _versions_start(
    rx: Reader, bucket: str, asked: Asked, key_marker: str, version_marker: str | None
) -> tuple[bytes, int | None]:
    prefix, marker = asked.prefix.encode(), key_marker.encode()
    if not key_marker or marker < prefix:
        return prefix, None
    if version_marker:
        stored = records.find_version(rx, bucket, marker, version_marker)
        if stored is None and version_marker != NULL_VERSION:
            raise invalid_argument(
                "Invalid version id specified", ArgumentName="version-id-marker", ArgumentValue=version_marker
            )
        if stored is not None:
            return marker, stored.row
    if asked.delimiter and asked.rolled(key_marker) == key_marker:
        return after_prefix(marker) or prefix, None
    return marker + b"\0", None


def _versions(
    rx: Reader, bucket: str, asked: Asked, start: tuple[bytes, int | None]
) -> tuple[list[Entry[Stored]], bool]:
    entries: list[Entry[Stored]] = []
    if not asked.limit:
        return entries, False
    for entry in rolled_up(
        asked,
        start,
        lambda begin, limit: records.scan_versions(rx, bucket, begin, asked.stop, limit),
        lambda stored: stored.version.key,
        lambda stored: (stored.version.key.encode(), stored.row),
        lambda behind: (behind, None),
    ):
        if len(entries) == asked.limit:
            return entries, True
        entries.append(entry)
    return entries, False


def _version_entry(asked: Asked, bucket: Bucket, stored: Stored) -> tuple[str, dict[str, Any]]:
    version = stored.version
    said: dict[str, Any] = {
        "VersionId": version.version_id,
        "IsLatest": stored.latest,
        "Owner": owner(bucket.account),
    }
    if version.delete_marker:
        said |= {"Key": asked.text(version.key), "LastModified": version.modified}
        return "DeleteMarkers", said
    return "Versions", {**_described(asked, version), **said}
