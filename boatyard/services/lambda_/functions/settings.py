"""What holds for a function beside its versions: reserved concurrency and the retries of asynchronous calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from boatyard.api import paging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.lambda_.functions.configuration import invalid
from boatyard.services.lambda_.functions.names import parse_name, require_function, require_settings
from boatyard.services.lambda_.records import SETTINGS, FunctionSettings


def _change(call: Call, name: str, **changes: Any) -> None:
    with call.installation.database.transaction() as tx:
        settings = require_settings(tx, call, name)
        SETTINGS.put(tx, msgspec.structs.replace(settings, **changes))


def put_function_concurrency(call: Call, params: Params) -> dict[str, Any]:
    """Reserve a number of instances, 0 to let nothing run (AWS: PutFunctionConcurrency)."""
    name, _ = parse_name(params["FunctionName"])
    _change(call, name, concurrency=params["ReservedConcurrentExecutions"])
    return {"ReservedConcurrentExecutions": params["ReservedConcurrentExecutions"]}


def get_function_concurrency(call: Call, params: Params) -> dict[str, Any]:
    """What is reserved (AWS: GetFunctionConcurrency)."""
    name, _ = parse_name(params["FunctionName"])
    with call.installation.database.reading() as rx:
        settings = require_settings(rx, call, name)
    return {} if settings.concurrency is None else {"ReservedConcurrentExecutions": settings.concurrency}


def delete_function_concurrency(call: Call, params: Params) -> None:
    """Reserve nothing (AWS: DeleteFunctionConcurrency)."""
    name, _ = parse_name(params["FunctionName"])
    _change(call, name, concurrency=None)


def _put_retries(call: Call, params: Params, *, keep: bool) -> dict[str, Any]:
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    destinations = params.get("DestinationConfig") or {}
    if any((destinations.get(side) or {}).get("Destination") for side in ("OnSuccess", "OnFailure")):
        raise invalid("boatyard does not support DestinationConfig in lambda:PutFunctionEventInvokeConfig.")
    with call.installation.database.transaction() as tx:
        require_function(tx, call, name, qualifier)
        settings = require_settings(tx, call, name)
        key = qualifier or "$LATEST"
        if keep and key not in settings.retries:
            raise _no_config(settings, key)
        config = dict(settings.retries.get(key, {})) if keep else {}
        for member in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds"):
            if member in params:
                config[member] = params[member]
        config["LastModified"] = int(now().timestamp())
        settings = msgspec.structs.replace(settings, retries=settings.retries | {key: config})
        SETTINGS.put(tx, settings)
    return _shown(settings, key)


def put_function_event_invoke_config(call: Call, params: Params) -> dict[str, Any]:
    """Say how often an asynchronous invocation is tried again (AWS: PutFunctionEventInvokeConfig)."""
    return _put_retries(call, params, keep=False)


def update_function_event_invoke_config(call: Call, params: Params) -> dict[str, Any]:
    """Change a part of it (AWS: UpdateFunctionEventInvokeConfig)."""
    return _put_retries(call, params, keep=True)


def get_function_event_invoke_config(call: Call, params: Params) -> dict[str, Any]:
    """The configuration (AWS: GetFunctionEventInvokeConfig)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    with call.installation.database.reading() as rx:
        settings = require_settings(rx, call, name)
    key = qualifier or "$LATEST"
    if key not in settings.retries:
        raise _no_config(settings, key)
    return _shown(settings, key)


def list_function_event_invoke_configs(call: Call, params: Params) -> dict[str, Any]:
    """Those of all qualifiers (AWS: ListFunctionEventInvokeConfigs)."""
    name, _ = parse_name(params["FunctionName"])
    with call.installation.database.reading() as rx:
        settings = require_settings(rx, call, name)
    chosen, marker = paging.page(
        sorted(settings.retries), params.get("Marker"), params.get("MaxItems", 50), lambda key: key,
        "InvalidParameterValueException",
    )  # fmt: skip
    answer: dict[str, Any] = {"FunctionEventInvokeConfigs": [_shown(settings, key) for key in chosen]}
    return answer | ({"NextMarker": marker} if marker else {})


def delete_function_event_invoke_config(call: Call, params: Params) -> None:
    """Back to two retries (AWS: DeleteFunctionEventInvokeConfig)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    key = qualifier or "$LATEST"
    with call.installation.database.transaction() as tx:
        settings = require_settings(tx, call, name)
        if key not in settings.retries:
            raise _no_config(settings, key)
        retries = {each: config for each, config in settings.retries.items() if each != key}
        SETTINGS.put(tx, msgspec.structs.replace(settings, retries=retries))


def _no_config(settings: FunctionSettings, key: str) -> ApiError:
    arn = f"arn:aws:lambda:{settings.region}:{settings.account}:function:{settings.name}:{key}"
    text = f"The function {arn} doesn't have an EventInvokeConfig"
    return ApiError("ResourceNotFoundException", text, status=404, Type="User")


def _shown(settings: FunctionSettings, key: str) -> dict[str, Any]:
    config = settings.retries[key]
    return {
        "FunctionArn": f"arn:aws:lambda:{settings.region}:{settings.account}:function:{settings.name}:{key}",
        "LastModified": datetime.fromtimestamp(config["LastModified"], UTC),
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
    } | {name: value for name, value in config.items() if name != "LastModified"}
