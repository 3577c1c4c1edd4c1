"""Tags of alarms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from boatyard.api import tags as tagging
from boatyard.api.arns import Arn
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.cloudwatch.errors import invalid_value
from boatyard.services.cloudwatch.records import ALARMS, Alarm


def tag_resource(call: Call, params: Params) -> dict[str, Any]:
    """Adds tags to an alarm (CloudWatch API, "TagResource")."""
    given = tagging.to_dict(params["Tags"])
    _change(call, params["ResourceARN"], lambda tags: {**tags, **given})
    return {}


def untag_resource(call: Call, params: Params) -> dict[str, Any]:
    """Takes tags off an alarm (CloudWatch API, "UntagResource")."""
    gone = set(params["TagKeys"])
    _change(call, params["ResourceARN"], lambda tags: {key: value for key, value in tags.items() if key not in gone})
    return {}


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """The tags of an alarm (CloudWatch API, "ListTagsForResource")."""
    account, region, name = _key(params["ResourceARN"])
    with call.installation.database.reading() as rx:
        alarm = ALARMS.get(rx, account, region, name)
    if alarm is None:
        raise _not_found(params["ResourceARN"])
    return {"Tags": tagging.to_list(alarm.tags)}


def _change(call: Call, arn: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    with call.installation.database.transaction() as tx:
        alarm: Alarm | None = ALARMS.get(tx, *_key(arn))
        if alarm is None:
            raise _not_found(arn)
        tags = change(alarm.tags)
        tagging.check(tags, "InvalidParameterValueException")
        ALARMS.put(tx, msgspec.structs.replace(alarm, tags=tags))


def _key(arn: str) -> tuple[str, str, str]:
    try:
        parsed = Arn.parse(arn)
    except ValueError:
        raise invalid_value(f"The value {arn} for parameter ResourceARN is invalid.") from None
    if (parsed.partition, parsed.service) != ("aws", "cloudwatch") or not parsed.resource.startswith("alarm:"):
        raise _not_found(arn)
    return parsed.account, parsed.region, parsed.resource.removeprefix("alarm:")


def _not_found(arn: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"There is no alarm {arn}.", status=404, ResourceId=arn)
