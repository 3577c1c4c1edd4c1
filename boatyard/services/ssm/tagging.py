"""Tags of parameters."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.ssm.lookup import require_parameter
from boatyard.services.ssm.records import PARAMETERS, Parameter
from boatyard.state.database import Reader


def _tagged(call: Call, rx: Reader, params: Params) -> Parameter:
    if params["ResourceType"] != "Parameter":
        raise ApiError(
            "InvalidResourceType",
            f"boatyard has no {params['ResourceType']}: only Parameter can be tagged.",
            status=400,
        )
    try:
        return require_parameter(call, rx, params["ResourceId"])
    except ApiError as error:
        raise ApiError(
            "InvalidResourceId",
            "The resource ID is not valid. Verify that you entered the correct ID and try again.",
            status=400,
        ) from error


def add_tags_to_resource(call: Call, params: Params) -> None:
    """Add tags to a parameter. (SSM API: AddTagsToResource)"""
    with call.installation.database.transaction() as tx:
        parameter = _tagged(call, tx, params)
        tags = parameter.tags | tag_lists.to_dict(params["Tags"])
        if len(tags) > tag_lists.MAXIMUM:
            raise ApiError("TooManyTagsError", f"At most {tag_lists.MAXIMUM} tags are allowed.", status=400)
        tag_lists.check(tags)
        PARAMETERS.put(tx, msgspec.structs.replace(parameter, tags=tags))


def remove_tags_from_resource(call: Call, params: Params) -> None:
    """Take tags from a parameter. (SSM API: RemoveTagsFromResource)"""
    with call.installation.database.transaction() as tx:
        parameter = _tagged(call, tx, params)
        tags = {key: value for key, value in parameter.tags.items() if key not in params["TagKeys"]}
        PARAMETERS.put(tx, msgspec.structs.replace(parameter, tags=tags))


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """List a parameter's tags. (SSM API: ListTagsForResource)"""
    with call.installation.database.reading() as rx:
        return {"TagList": tag_lists.to_list(_tagged(call, rx, params).tags)}
