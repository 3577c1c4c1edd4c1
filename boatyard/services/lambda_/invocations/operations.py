"""Invoke: synchronously, asynchronously, or only to see whether one may."""

from __future__ import annotations

import base64
import random
import uuid
from typing import Any

from boatyard.api import json_text
from boatyard.api.bodies import whole
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.lambda_.functions.names import parse_name, require_function, require_settings
from boatyard.services.lambda_.invocations.instance import Invocation
from boatyard.services.lambda_.invocations.pool import pool_of
from boatyard.services.lambda_.records import ALIASES, EVENTS, LATEST, Event, Function
from boatyard.state.database import Reader

PAYLOAD_BYTES = 6_291_456
EVENT_BYTES = 1_048_576


def invoke(call: Call, params: Params) -> dict[str, Any]:
    """Invoke a function and give its answer, or keep the event and invoke it later (AWS: Invoke)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    kind = params.get("InvocationType", "RequestResponse")
    payload = _payload(params, EVENT_BYTES if kind == "Event" else PAYLOAD_BYTES)
    with call.installation.database.reading() as rx:
        function = choose_version(rx, call, name, qualifier)
        reserved = require_settings(rx, call, name).concurrency
    if kind == "DryRun":
        return {"StatusCode": 204}
    if kind == "Event":
        accept(call, name, qualifier, payload)
        return {"StatusCode": 202, "Payload": b""}
    arn = f"{function.unqualified_arn}:{qualifier}" if qualifier else function.unqualified_arn
    invocation = Invocation(payload, 0.0, call.request_id, client_context=_context(params), arn=arn)
    outcome, instance = pool_of(call.installation).invoke(function, invocation, reserved)
    answer: dict[str, Any] = {
        "StatusCode": 200,
        "ExecutedVersion": function.version,
        "Payload": outcome.payload,
    }
    if outcome.error:
        answer["FunctionError"] = outcome.error
    if params.get("LogType") == "Tail":
        answer["LogResult"] = base64.b64encode(instance.tail()).decode()
    return answer


def invoke_async(call: Call, params: Params) -> dict[str, Any]:
    """Keep an event and invoke the function with it later, the old way (AWS: InvokeAsync)."""
    name, qualifier = parse_name(params["FunctionName"])
    payload = _payload({"Payload": params["InvokeArgs"]}, EVENT_BYTES)
    with call.installation.database.reading() as rx:
        require_function(rx, call, name, qualifier)
    accept(call, name, qualifier, payload)
    return {"Status": 202}


def _payload(params: Params, limit: int) -> bytes:
    body = params.get("Payload")
    payload = b"" if body is None else whole(body.encode() if isinstance(body, str) else body)
    if len(payload) > limit:
        raise ApiError(
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            status=413,
            Type="User",
        )
    if not payload:
        return b"{}"
    try:
        json_text.read(payload)
    except ValueError as error:
        raise ApiError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
            status=400,
            Type="User",
        ) from None
    return payload


def _context(params: Params) -> str | None:
    encoded = params.get("ClientContext")
    if not encoded:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        raise ApiError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.", status=400
        ) from None


def choose_version(rx: Reader, call: Call, name: str, qualifier: str | None) -> Function:
    """The version to run: an alias with a second version gives that its share."""
    alias = ALIASES.get(rx, call.account, call.region, name, qualifier or LATEST)
    for version, weight in (alias.weights if alias else {}).items():
        if random.random() < weight:  # noqa: S311 - spreads load, guards nothing
            return require_function(rx, call, name, version)
    return require_function(rx, call, name, qualifier)


def accept(call: Call, name: str, qualifier: str | None, payload: bytes) -> None:
    """Keep an event; a workflow invokes the function with it, and again when it fails."""
    event = Event(
        id=str(uuid.uuid4()),
        account=call.account,
        region=call.region,
        function=name,
        qualifier=qualifier or "",
        payload=payload,
        accepted=now(),
    )
    with call.installation.database.transaction() as tx:
        EVENTS.insert(tx, event)
        call.installation.workflows.start(tx, "lambda.event", f"lambda.event/{event.id}", [event.id])
