"""InvokeEndpoint for callers inside the server; requests from outside stay on the event loop (asynchronous.py)."""

from __future__ import annotations

import asyncio
from typing import Any

from boatyard.api import exports
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.sagemaker_runtime import asynchronous


def invoke_endpoint(call: Call, params: Params) -> dict[str, Any]:
    """Sends a request to an endpoint's container and gives back its answer. AWS: InvokeEndpoint."""
    loop = exports.get("sagemaker.event_loop")(call.installation)
    if loop is None:
        raise ApiError("ServiceUnavailable", "No request has reached this server's gateway yet; try again.")
    return asyncio.run_coroutine_threadsafe(asynchronous.invoke_endpoint(call, params), loop).result()
