"""Log streams: create, describe and delete."""

from __future__ import annotations

from typing import Any

from boatyard.api import paging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.names import check_pattern
from boatyard.api.timestamps import milliseconds
from boatyard.services.logs.groups import group_name, require_group
from boatyard.services.logs.records import STREAMS, LogGroup, LogStream, delete_events, grow_group
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists

NAME = r"[^:*]*"


def require_stream(rx: Reader, group: LogGroup, name: str) -> LogStream:
    """The stream of that name; ResourceNotFoundException when there is none."""
    stream = STREAMS.get(rx, group.id, name)
    if stream is None:
        raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.", status=400)
    return stream


def create_log_stream(call: Call, params: Params) -> None:
    """Create a log stream in a group (AWS: CreateLogStream)."""
    name = params["logStreamName"]
    check_pattern(name, NAME, "logStreamName", "InvalidParameterException")
    try:
        with call.installation.database.transaction() as tx:
            group = require_group(tx, call, params["logGroupName"])
            arn = f"{group.arn}:log-stream:{name}"
            STREAMS.insert(tx, LogStream(group=group.id, name=name, created=milliseconds(), arn=arn))
    except AlreadyExists:
        raise ApiError(
            "ResourceAlreadyExistsException", "The specified log stream already exists", status=400
        ) from None


def delete_log_stream(call: Call, params: Params) -> None:
    """Delete a log stream with its events (AWS: DeleteLogStream)."""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call, params["logGroupName"])
        stream = require_stream(tx, group, params["logStreamName"])
        grow_group(tx, group, -stream.bytes)
        STREAMS.delete(tx, group.id, stream.name)
        delete_events(tx, group.id, stream.name)


def describe_log_streams(call: Call, params: Params) -> dict[str, Any]:
    """List a group's streams by name or by their last event (AWS: DescribeLogStreams)."""
    by_time = params.get("orderBy") == "LastEventTime"
    descending = bool(params.get("descending"))
    prefix = params.get("logStreamNamePrefix", "")
    if by_time and prefix:
        raise ApiError(
            "InvalidParameterException",
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
            status=400,
        )
    with call.installation.database.reading() as rx:
        group = require_group(rx, call, group_name(params))
        chosen, token = paging.page_of(
            rx,
            STREAMS,
            {"group": group.id},
            params.get("nextToken"),
            params.get("limit", 50),
            order=("last_event",) if by_time else (),
            descending=descending,
            prefix=("name", prefix),
            code="InvalidParameterException",
        )
    answer: dict[str, Any] = {"logStreams": [_shown(stream) for stream in chosen]}
    return answer | ({"nextToken": token} if token else {})


def _shown(stream: LogStream) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "arn": stream.arn,
        "storedBytes": 0,
        "uploadSequenceToken": "0",
    }
    times = {
        "firstEventTimestamp": stream.first,
        "lastEventTimestamp": stream.last,
        "lastIngestionTime": stream.ingested,
    }
    return shown | {name: value for name, value in times.items() if value is not None}
