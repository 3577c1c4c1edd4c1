"""Log groups: create, describe, delete and how long they keep their events."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import paging, tags
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.names import check_pattern
from boatyard.api.timestamps import milliseconds
from boatyard.services.logs import quotas
from boatyard.services.logs.records import GROUPS, STREAMS, LogGroup, delete_events, stored_bytes
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists

NAME = r"[\.\-_/#A-Za-z0-9]+"
RETENTIONS = frozenset(
    (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
)


def require_group(rx: Reader, call: Call, name: str) -> LogGroup:
    """The group of that name; ResourceNotFoundException when there is none."""
    group = GROUPS.get(rx, call.account, call.region, name)
    if group is None:
        raise ApiError("ResourceNotFoundException", "The specified log group does not exist.", status=400)
    return group


def group_name(params: Params) -> str:
    """The group that is meant, by logGroupName or by logGroupIdentifier (a name or an ARN)."""
    name = params.get("logGroupName")
    identifier = params.get("logGroupIdentifier")
    if bool(name) == bool(identifier):
        raise ApiError(
            "InvalidParameterException",
            "Exactly one of logGroupName and logGroupIdentifier must be given",
            status=400,
        )
    return str(name) if name else name_in(str(identifier))


def name_in(identifier: str) -> str:
    """The group's name in an ARN or in itself."""
    if identifier.startswith("arn:"):
        return identifier.split(":log-group:", 1)[-1].removesuffix(":*")
    return identifier


def create_log_group(call: Call, params: Params) -> None:
    """Create a log group (AWS: CreateLogGroup)."""
    if params.get("kmsKeyId"):
        raise not_supported("logs", "CreateLogGroup", "kmsKeyId")
    name = params["logGroupName"]
    check_pattern(name, NAME, "logGroupName", "InvalidParameterException")
    tags.check(params.get("tags", {}), "InvalidParameterException")
    group = LogGroup(
        account=call.account,
        region=call.region,
        name=name,
        created=milliseconds(),
        tags=params.get("tags", {}),
        group_class=params.get("logGroupClass", "STANDARD"),
    )
    try:
        with call.installation.database.transaction() as tx:
            GROUPS.insert(tx, group)
            quotas.GROUPS.check_new(call, tx, GROUPS)
    except AlreadyExists:
        raise ApiError("ResourceAlreadyExistsException", "The specified log group already exists", status=400) from None


def delete_log_group(call: Call, params: Params) -> None:
    """Delete a log group with its streams and events (AWS: DeleteLogGroup)."""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call, params["logGroupName"])
        for stream in STREAMS.select(tx, {"group": group.id}):
            STREAMS.delete(tx, group.id, stream.name)
        delete_events(tx, group.id)
        GROUPS.delete(tx, call.account, call.region, group.name)


def describe_log_groups(call: Call, params: Params) -> dict[str, Any]:
    """List log groups by prefix, pattern or identifiers, 50 at a time (AWS: DescribeLogGroups)."""
    prefix, pattern = params.get("logGroupNamePrefix"), params.get("logGroupNamePattern")
    if prefix and pattern:
        raise ApiError(
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            status=400,
        )
    with call.installation.database.reading() as rx:
        where: dict[str, Any] = {"account": call.account, "region": call.region}
        if identifiers := params.get("logGroupIdentifiers"):
            where["name"] = {name_in(each) for each in identifiers}
        chosen, token = paging.page_of(
            rx,
            GROUPS,
            where,
            params.get("nextToken"),
            params.get("limit", 50),
            prefix=("name", prefix or ""),
            keep=lambda group: not pattern or pattern.lower() in group.name.lower(),
            code="InvalidParameterException",
        )
        sizes = {group.id: stored_bytes(rx, group) for group in chosen}
    answer: dict[str, Any] = {"logGroups": [_shown(group, sizes[group.id]) for group in chosen]}
    return answer | ({"nextToken": token} if token else {})


def _shown(group: LogGroup, size: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": group.created,
        "metricFilterCount": 0,
        "arn": f"{group.arn}:*",
        "logGroupArn": group.arn,
        "storedBytes": size,
        "logGroupClass": group.group_class,
    }
    if group.retention_days is not None:
        shown["retentionInDays"] = group.retention_days
    return shown


def put_retention_policy(call: Call, params: Params) -> None:
    """Say how many days a group keeps its events (AWS: PutRetentionPolicy)."""
    days = params["retentionInDays"]
    if days not in RETENTIONS:
        allowed = ", ".join(map(str, sorted(RETENTIONS)))
        raise ApiError("InvalidParameterException", f"retentionInDays must be one of {allowed}", status=400)
    _set_retention(call, params["logGroupName"], days)


def delete_retention_policy(call: Call, params: Params) -> None:
    """Let a group keep its events for ever (AWS: DeleteRetentionPolicy)."""
    _set_retention(call, params["logGroupName"], None)


def _set_retention(call: Call, name: str, days: int | None) -> None:
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call, name)
        GROUPS.put(tx, msgspec.structs.replace(group, retention_days=days))
