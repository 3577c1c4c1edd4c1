"""Conditional requests: what If-Match and its kin decide, for reads, copies, writes and deletions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from boatyard.api.errors import ApiError


def check_read(params: Mapping[str, Any], etag: str, modified: datetime) -> None:
    """Raises PreconditionFailed (412) or NotModified (304) as RFC 9110, section 13, and GetObject's page have it.

    If-Match that holds outweighs If-Unmodified-Since; If-None-Match that holds outweighs If-Modified-Since.
    """
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    if match is not None:
        if not matches(match, etag):
            raise failed("If-Match")
    elif _later(modified, params.get("IfUnmodifiedSince")):
        raise failed("If-Unmodified-Since")
    since = params.get("IfModifiedSince")
    unchanged = matches(none_match, etag) if none_match is not None else since and not _later(modified, since)
    if unchanged:
        raise ApiError("NotModified", "Not Modified", status=304)


def check_copy(params: Mapping[str, Any], etag: str, modified: datetime) -> None:
    """Raises PreconditionFailed when the source of a copy is not as the CopySourceIf... members ask."""
    match, none_match = params.get("CopySourceIfMatch"), params.get("CopySourceIfNoneMatch")
    if match is not None:
        if not matches(match, etag):
            raise failed("x-amz-copy-source-If-Match")
    elif _later(modified, params.get("CopySourceIfUnmodifiedSince")):
        raise failed("x-amz-copy-source-If-Unmodified-Since")
    since = params.get("CopySourceIfModifiedSince")
    if none_match is not None:
        if matches(none_match, etag):
            raise failed("x-amz-copy-source-If-None-Match")
    elif since and not _later(modified, since):
        raise failed("x-amz-copy-source-If-Modified-Since")


def check_write(params: Mapping[str, Any], key: str, etag: str | None) -> None:
    """Raises PreconditionFailed, or NoSuchKey, when a write must not replace what is there (etag None: nothing)."""
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    if none_match is not None and none_match.strip() != "*":
        message = "A header you provided implies functionality that is not implemented"
        raise ApiError("NotImplemented", message, status=501, Header="If-None-Match", additionalMessage="only *")
    if none_match is not None and etag is not None:
        raise failed("If-None-Match")
    if match is None:
        return
    if etag is None:
        raise ApiError("NoSuchKey", "The specified key does not exist.", status=404, Key=key)
    if not matches(match, etag):
        raise failed("If-Match")


def matches(header: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header names this entity tag (both with or without quotes)."""
    wanted = etag.strip('"')
    names = (name.strip().removeprefix("W/").strip('"') for name in header.split(","))
    return any(name in ("*", wanted) for name in names)


def failed(condition: str) -> ApiError:
    """The answer to a condition that does not hold."""
    message = "At least one of the pre-conditions you specified did not hold"
    return ApiError("PreconditionFailed", message, status=412, Condition=condition)


def _later(modified: datetime, than: datetime | None) -> bool:
    return than is not None and modified.replace(microsecond=0) > than
