"""Tags of topics."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.sns.lookup import require_topic
from boatyard.services.sns.records import TOPICS, Topic
from boatyard.state.database import Reader


def _tagged(call: Call, rx: Reader, params: Params) -> Topic:
    try:
        return require_topic(rx, call, params["ResourceArn"])
    except ApiError as error:
        raise ApiError("ResourceNotFound", "Resource does not exist", status=404) from error


def tag_resource(call: Call, params: Params) -> None:
    """Add tags to a topic. (SNS API: TagResource)"""
    with call.installation.database.transaction() as tx:
        topic = _tagged(call, tx, params)
        tags = topic.tags | tag_lists.to_dict(params["Tags"])
        tag_lists.check(tags, "InvalidParameter")
        TOPICS.put(tx, msgspec.structs.replace(topic, tags=tags))


def untag_resource(call: Call, params: Params) -> None:
    """Take tags from a topic. (SNS API: UntagResource)"""
    with call.installation.database.transaction() as tx:
        topic = _tagged(call, tx, params)
        tags = {key: value for key, value in topic.tags.items() if key not in params["TagKeys"]}
        TOPICS.put(tx, msgspec.structs.replace(topic, tags=tags))


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """List a topic's tags. (SNS API: ListTagsForResource)"""
    with call.installation.database.reading() as rx:
        return {"Tags": tag_lists.to_list(_tagged(call, rx, params).tags)}
