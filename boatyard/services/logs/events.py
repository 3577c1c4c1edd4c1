"""Log events: put, read along one stream, and filter over a group."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from boatyard.api import paging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import milliseconds
from boatyard.services.logs.groups import group_name, require_group
from boatyard.services.logs.patterns import compile_pattern
from boatyard.services.logs.records import STREAMS, LogEvent, LogStream, add_events, grow_group, select_events
from boatyard.services.logs.streams import require_stream

DAY = 24 * 3600 * 1000
OLDEST = 14 * DAY
NEWEST = 2 * 3600 * 1000
BATCH_BYTES = 1_048_576
EVENT_BYTES = 1_048_576
SCANNED = 10_000


def put_log_events(call: Call, params: Params) -> dict[str, Any]:
    """Add events to a stream, in order of time (AWS: PutLogEvents).

    Events older than 14 days or the retention, or more than 2 hours ahead, are left out and reported.
    """
    events = [(event["timestamp"], event["message"]) for event in params["logEvents"]]
    sizes = [len(message.encode()) + 26 for _, message in events]
    if sum(sizes) > BATCH_BYTES:
        text = f"Upload too large: {sum(sizes)} bytes exceeds limit of {BATCH_BYTES}"
        raise ApiError("InvalidParameterException", text, status=400)
    if any(later[0] < earlier[0] for earlier, later in itertools.pairwise(events)):
        text = "Log events in a single PutLogEvents request must be in chronological order."
        raise ApiError("InvalidParameterException", text, status=400)
    if events and events[-1][0] - events[0][0] > DAY:
        text = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        raise ApiError("InvalidParameterException", text, status=400)
    now = milliseconds()
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call, params["logGroupName"])
        stream = require_stream(tx, group, params["logStreamName"])
        expired = now - (group.retention_days or 36500) * DAY
        rejected = _rejections(events, now, expired)
        kept = [event for event in events if max(now - OLDEST, expired) <= event[0] <= now + NEWEST]
        add_events(tx, group.id, stream.name, kept, now)
        if kept:
            grown = _grown(stream, kept, now)
            grow_group(tx, group, grown.bytes - stream.bytes)
            STREAMS.put(tx, grown)
        tx.after_commit(lambda: call.installation.workflows.notify(("logs", group.id)))
    answer: dict[str, Any] = {"nextSequenceToken": "0"}
    return answer | ({"rejectedLogEventsInfo": rejected} if rejected else {})


def _rejections(events: list[tuple[int, str]], now: int, expired: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, (timestamp, _) in enumerate(events):
        if timestamp < expired:
            found["expiredLogEventEndIndex"] = index + 1
        elif timestamp < now - OLDEST:
            found["tooOldLogEventEndIndex"] = index + 1
        elif timestamp > now + NEWEST:
            found.setdefault("tooNewLogEventStartIndex", index)
    return found


def _grown(stream: LogStream, events: list[tuple[int, str]], now: int) -> LogStream:
    times = [timestamp for timestamp, _ in events]
    return msgspec.structs.replace(
        stream,
        first=min(times) if stream.first is None else min(stream.first, *times),
        last=max(times) if stream.last is None else max(stream.last, *times),
        ingested=now,
        bytes=stream.bytes + sum(len(message.encode()) + 26 for _, message in events),
    )


def get_log_events(call: Call, params: Params) -> dict[str, Any]:
    """Read along one stream, forwards or backwards, with tokens for both ways (AWS: GetLogEvents)."""
    direction, place = _place(params.get("nextToken"))
    forward = params.get("startFromHead", False) if place is None else direction == "f"
    with call.installation.database.reading() as rx:
        group = require_group(rx, call, group_name(params))
        stream = require_stream(rx, group, params["logStreamName"])
        found = select_events(
            rx,
            group.id,
            streams=[stream.name],
            start=params.get("startTime"),
            end=params.get("endTime"),
            after=place if forward else None,
            before=None if forward else place,
            limit=params.get("limit", 10_000),
            descending=not forward,
        )
    events = found if forward else found[::-1]
    here = list(place) if place else [0, 0]
    first = [events[0].timestamp, events[0].id] if events else here
    last = [events[-1].timestamp, events[-1].id] if events else here
    return {
        "events": [
            {"timestamp": each.timestamp, "message": each.message, "ingestionTime": each.ingestion} for each in events
        ],
        "nextForwardToken": "f/" + paging.encode_token(last),
        "nextBackwardToken": "b/" + paging.encode_token(first),
    }


def _place(token: str | None) -> tuple[str, tuple[int, int] | None]:
    if not token:
        return "", None
    message = "The specified nextToken is invalid."
    direction, _, rest = token.partition("/")
    if direction not in ("f", "b"):
        raise ApiError("InvalidParameterException", message, status=400)
    return direction, _pair(paging.decode_token(rest, "InvalidParameterException", message), message)


def _pair(place: Any, message: str) -> tuple[int, int]:
    if not (isinstance(place, list) and len(place) == 2 and all(type(part) is int for part in place)):
        raise ApiError("InvalidParameterException", message, status=400)
    return place[0], place[1]


def filter_log_events(call: Call, params: Params) -> dict[str, Any]:
    """Events of a group over all or some of its streams that match a pattern (AWS: FilterLogEvents)."""
    if params.get("logStreamNames") and params.get("logStreamNamePrefix"):
        text = "logStreamNames and logStreamNamePrefix cannot both be given"
        raise ApiError("InvalidParameterException", text, status=400)
    matches = compile_pattern(params.get("filterPattern", ""))
    limit = params.get("limit", 10_000)
    place: tuple[int, int] | None = None
    if token := params.get("nextToken"):
        message = "The specified nextToken is invalid."
        place = _pair(paging.decode_token(token, "InvalidParameterException", message), message)
    found: list[LogEvent] = []
    with call.installation.database.reading() as rx:
        group = require_group(rx, call, group_name(params))
        streams = params.get("logStreamNames")
        if prefix := params.get("logStreamNamePrefix"):
            streams = [each.name for each in STREAMS.select(rx, {"group": group.id}, prefix=("name", prefix))]
        scanned = select_events(
            rx,
            group.id,
            streams=streams,
            start=params.get("startTime"),
            end=None if params.get("endTime") is None else params["endTime"] + 1,
            after=place,
            limit=SCANNED if params.get("filterPattern") else min(limit + 1, SCANNED),
        )
    seen = place
    for event in scanned:
        seen = (event.timestamp, event.id)
        if matches(event.message):
            found.append(event)
        if len(found) == limit:
            break
    answer: dict[str, Any] = {"events": [_filtered(event) for event in found], "searchedLogStreams": []}
    more = len(scanned) == SCANNED or (scanned and seen != (scanned[-1].timestamp, scanned[-1].id))
    return answer | ({"nextToken": paging.encode_token(list(seen))} if more and seen else {})


def _filtered(event: LogEvent) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingestion,
        "eventId": event.event_id,
    }
