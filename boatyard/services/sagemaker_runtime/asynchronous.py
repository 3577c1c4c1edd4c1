"""InvokeEndpoint on the server's event loop."""

from __future__ import annotations

from typing import Any, cast

from boatyard.api import exports
from boatyard.api.call import Call, Params


async def invoke_endpoint(call: Call, params: Params) -> dict[str, Any]:
    """Sends a request to an endpoint's container and gives back its answer. AWS: InvokeEndpoint."""
    return cast("dict[str, Any]", await exports.get("sagemaker.invoke_endpoint")(call, params))
