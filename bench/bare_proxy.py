"""The least that a server in Python does between a client and a container: no signature, no policy, no model of an API.

An ASGI application on the same server and with the same connections to the container as boatyard's: what it reaches is
the limit of what InvokeEndpoint can.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from boatyard.containers.reach import Reach
from boatyard.services.sagemaker.endpoints.container_http import ContainerClient

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ADDRESS = "BENCH_CONTAINER"
_client = ContainerClient(Reach(os.environ.get(ADDRESS, "")))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand one request on, and its answer back."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    lines = [f"{scope['method']} {scope['path']} HTTP/1.1", "Host: container:8080", "Content-Type: text/csv"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
    answer = await _client.request(head, body, limit=6 << 20, timeout=60)
    headers = [(b"content-type", b"text/csv"), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
