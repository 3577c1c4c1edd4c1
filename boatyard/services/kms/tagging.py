"""Tags of keys."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.paging import page
from boatyard.services.kms.lookup import invalid_state, require_key
from boatyard.services.kms.records import KEYS


def tag_resource(call: Call, params: Params) -> None:
    """Add tags to a key. (KMS API: TagResource)"""
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["KeyId"], alias=False)
        if key.state == "PendingDeletion":
            raise invalid_state(f"{key.arn} is pending deletion.")
        tags = key.tags | tag_lists.to_dict(params["Tags"], "TagKey", "TagValue")
        tag_lists.check(tags, "TagException")
        KEYS.put(tx, msgspec.structs.replace(key, tags=tags))


def untag_resource(call: Call, params: Params) -> None:
    """Take tags from a key. (KMS API: UntagResource)"""
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["KeyId"], alias=False)
        tags = {name: value for name, value in key.tags.items() if name not in params["TagKeys"]}
        KEYS.put(tx, msgspec.structs.replace(key, tags=tags))


def list_resource_tags(call: Call, params: Params) -> dict[str, Any]:
    """List a key's tags. (KMS API: ListResourceTags)"""
    with call.installation.database.reading() as rx:
        key = require_key(rx, call, params["KeyId"], alias=False)
    rows = tag_lists.to_list(key.tags, "TagKey", "TagValue")
    chosen, token = page(rows, params.get("Marker"), params.get("Limit", 50), code="InvalidMarkerException")
    answer: dict[str, Any] = {"Tags": chosen, "Truncated": token is not None}
    return answer | ({"NextMarker": token} if token else {})
