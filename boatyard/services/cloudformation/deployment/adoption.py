"""Creating a resource once, even if a crash cuts off the record of it."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import ResourceRequest, ResourceState, ResourceType

log = logging.getLogger(__name__)
_TAKEN = ("AlreadyExist", "AlreadyOwned", "NameExists", "NameInUse", "Conflict", "ResourceInUse")


def create_once(kind: ResourceType, call: Call, request: ResourceRequest, *, resumed: bool) -> ResourceState:
    """Create a resource; with `resumed`, take up what an earlier try of this very creation has left.

    That try was cut off by a crash, so what is found under the name is taken for its work: it is brought to the
    wanted properties, or made anew where the type cannot be updated.
    """
    request = dataclasses.replace(request, resumed=resumed)
    call = dataclasses.replace(call, token=request.token)
    try:
        return kind.create(call, request)
    except ApiError as error:
        name = _name_of(kind, request)
        if not resumed or name is None or not is_taken(error):
            raise
        log.info("Taking up %s %s, which a creation that was cut off has left", kind.type_name, name)
    found = dataclasses.replace(request, physical_id=name, previous=request.properties)
    if can_update(kind):
        return kind.update(call, found)
    kind.delete(call, found)
    return kind.create(call, request)


def can_update(kind: ResourceType) -> bool:
    """Whether the type has an update of its own; without, every change is a replacement."""
    return type(kind).update is not ResourceType.update


def name_property(kind: ResourceType, properties: dict[str, Any]) -> str | None:
    """The property that gives the resource its name, such as BucketName or Name, where it is given."""
    for name in (f"{kind.type_name.rsplit('::', 1)[-1]}Name", "Name"):
        if name in kind.properties and isinstance(properties.get(name), str):
            return name
    return None


def _name_of(kind: ResourceType, request: ResourceRequest) -> str | None:
    if request.generated:
        return request.generated[-1]
    named = name_property(kind, request.properties)
    return str(request.properties[named]) if named is not None else None


def is_taken(error: ApiError) -> bool:
    """Whether a creation failed because there is a resource of that name already."""
    return any(word in error.code for word in _TAKEN) or "already exist" in error.message.lower()
