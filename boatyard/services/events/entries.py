"""Events that users send, and the try of a pattern on one."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from boatyard.api import json_text
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import iso, now
from boatyard.services.events import deliveries, lookup, patterns
from boatyard.state.database import Transaction

_MAXIMUM_SIZE = 1024 * 1024
_REQUIRED = ("id", "account", "source", "time", "region", "resources", "detail-type")


def put_events(call: Call, params: Params) -> dict[str, Any]:
    """Sends events to buses; each has an id or an error. EventBridge API Reference: PutEvents."""
    if "EndpointId" in params:
        raise ApiError("ValidationException", "boatyard does not support EndpointId in PutEvents.")
    if sum(_size(entry) for entry in params["Entries"]) >= _MAXIMUM_SIZE:
        raise ApiError("ValidationException", "Total size of the entries in the request is over the limit.", status=400)
    results = []
    with call.installation.database.transaction() as tx:
        for entry in params["Entries"]:
            try:
                results.append({"EventId": _put(call, tx, entry)})
            except ApiError as error:
                results.append({"ErrorCode": error.code, "ErrorMessage": error.message})
    return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


def _size(entry: dict[str, Any]) -> int:
    texts = [entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", [])]
    return sum(len(text.encode()) for text in texts) + (14 if "Time" in entry else 0)


def _put(call: Call, tx: Transaction, entry: dict[str, Any]) -> str:
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            raise ApiError(
                "InvalidArgument", f"Parameter {member} is not valid. Reason: {member} is a required argument."
            )
    if entry["Source"].startswith("aws."):
        raise ApiError("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json_text.read(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        raise ApiError("MalformedDetail", "Detail is malformed.")
    bus = lookup.bus_name(call, tx, entry.get("EventBusName"))
    moment: datetime = entry.get("Time") or now()
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": call.account,
        "time": iso(moment),
        "region": call.region,
        "resources": entry.get("Resources", []),
        "detail": detail,
    }
    deliveries.route(call.installation, tx, event, bus)
    return str(event["id"])


def test_event_pattern(call: Call, params: Params) -> dict[str, Any]:
    """Whether a pattern matches an event. EventBridge API Reference: TestEventPattern."""
    matches = patterns.compiled(params["EventPattern"])
    try:
        event = json_text.read(params["Event"])
    except ValueError as error:
        raise ApiError("ValidationException", f"Parameter Event is not valid. Reason: {error}") from error
    missing = [name for name in _REQUIRED if not isinstance(event, dict) or name not in event]
    if missing:
        raise ApiError("ValidationException", f"Parameter Event is not valid. Reason: {missing[0]} is missing.")
    return {"Result": matches(event)}
