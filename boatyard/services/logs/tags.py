"""Tags of log groups, by the newer operations (ARN) and the older ones (name)."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import tags as tag_rules
from boatyard.api.call import Call, Params
from boatyard.services.logs.groups import name_in, require_group
from boatyard.services.logs.records import GROUPS


def _change(call: Call, name: str, added: dict[str, str], removed: list[str]) -> None:
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call, name)
        kept = {key: value for key, value in (group.tags | added).items() if key not in removed}
        tag_rules.check(kept, "InvalidParameterException")
        GROUPS.put(tx, msgspec.structs.replace(group, tags=kept))


def _tags(call: Call, name: str) -> dict[str, Any]:
    with call.installation.database.reading() as rx:
        return {"tags": dict(require_group(rx, call, name).tags)}


def tag_resource(call: Call, params: Params) -> None:
    """Add tags to a log group (AWS: TagResource)."""
    _change(call, name_in(params["resourceArn"]), params["tags"], [])


def untag_resource(call: Call, params: Params) -> None:
    """Remove tags from a log group (AWS: UntagResource)."""
    _change(call, name_in(params["resourceArn"]), {}, params["tagKeys"])


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """The tags of a log group (AWS: ListTagsForResource)."""
    return _tags(call, name_in(params["resourceArn"]))


def tag_log_group(call: Call, params: Params) -> None:
    """Add tags to a log group, the older way (AWS: TagLogGroup)."""
    _change(call, params["logGroupName"], params["tags"], [])


def untag_log_group(call: Call, params: Params) -> None:
    """Remove tags from a log group, the older way (AWS: UntagLogGroup)."""
    _change(call, params["logGroupName"], {}, params["tags"])


def list_tags_log_group(call: Call, params: Params) -> dict[str, Any]:
    """The tags of a log group, the older way (AWS: ListTagsLogGroup)."""
    return _tags(call, params["logGroupName"])
