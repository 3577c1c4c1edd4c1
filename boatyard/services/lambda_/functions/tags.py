"""Tags of functions."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import tags as tag_rules
from boatyard.api.call import Call, Params
from boatyard.services.lambda_.functions.names import parse_name, require_settings
from boatyard.services.lambda_.records import SETTINGS


def tag_resource(call: Call, params: Params) -> None:
    """Add tags to a function (AWS: TagResource)."""
    name, _ = parse_name(params["Resource"])
    with call.installation.database.transaction() as tx:
        settings = require_settings(tx, call, name)
        tags = settings.tags | params["Tags"]
        tag_rules.check(tags, "InvalidParameterValueException")
        SETTINGS.put(tx, msgspec.structs.replace(settings, tags=tags))


def untag_resource(call: Call, params: Params) -> None:
    """Remove tags from a function (AWS: UntagResource)."""
    name, _ = parse_name(params["Resource"])
    with call.installation.database.transaction() as tx:
        settings = require_settings(tx, call, name)
        tags = {key: value for key, value in settings.tags.items() if key not in params["TagKeys"]}
        SETTINGS.put(tx, msgspec.structs.replace(settings, tags=tags))


def list_tags(call: Call, params: Params) -> dict[str, Any]:
    """A function's tags (AWS: ListTags)."""
    name, _ = parse_name(params["Resource"])
    with call.installation.database.reading() as rx:
        return {"Tags": dict(require_settings(rx, call, name).tags)}
