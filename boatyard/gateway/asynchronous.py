"""Operations that run on the event loop: a package lists them in ASYNC_OPERATIONS, operation name to module name.

The module has a coroutine function of the operation's usual name, called with the call and the parameters.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from botocore import xform_name

from boatyard.api import registry, validation
from boatyard.api.bodies import as_body
from boatyard.api.call import Call
from boatyard.services import PACKAGES

Handler = Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any] | None]]


@cache
def find(service: str, operation: str) -> Handler | None:
    """The coroutine function of an operation; None for the many that run in a thread."""
    if service not in PACKAGES:
        return None
    package = registry.module(service, "")
    name = getattr(package, "ASYNC_OPERATIONS", {}).get(operation)
    module = registry.module(service, name) if name else None
    handler: Handler | None = getattr(module, xform_name(operation), None)
    return handler


async def perform(call: Call, operation: Any, params: dict[str, Any], handler: Handler) -> dict[str, Any]:
    """The same door as api.invoke: validated, authorised, done."""
    payload = operation.input_shape.serialization.get("payload") if operation.has_streaming_input else None
    if payload in params:
        params[payload] = as_body(params[payload])
    validation.validate(operation, params)
    call.authorize(operation.service_model.service_name, operation.name, params)
    return await handler(call.within(operation.service_model.service_name), params) or {}
