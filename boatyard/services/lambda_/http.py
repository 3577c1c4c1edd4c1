"""The runtime API that function containers talk to, and the links to functions' code.

Follows "Using the Lambda runtime API for custom runtimes". A container is known by its address: each runs on a
network that only it and the gateway are on.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from boatyard.services.lambda_.invocations.instance import Instance, Outcome, error_payload
from boatyard.services.lambda_.invocations.pool import pool_of

RUNTIME = "/2018-06-01/runtime/"
CODE = "/_boatyard/lambda/code/"
RESPONSE_BYTES = 6 * 1024 * 1024
ARRIVAL_SECONDS = 10.0


async def runtime_api(scope: Scope, receive: Receive, send: Send) -> None:
    """next, response, error and init/error, for the instance that the address belongs to."""
    request = Request(scope, receive)
    instance = await _instance(scope)
    if instance is None:
        await _refusal(403, "Forbidden", "No function runs at this address.")(scope, receive, send)
        return
    path = str(scope["path"]).removeprefix(RUNTIME)
    response = await _answer(instance, request, path)
    await response(scope, receive, send)


async def _instance(scope: Scope) -> Instance | None:
    """The container may ask before the engine has told the server its address."""
    client = scope.get("client")
    if client is None:
        return None
    pool = pool_of(scope["installation"])
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while (found := pool.at(client[0])) is None and time.monotonic() < deadline:
        await asyncio.sleep(0.005)
    return found


async def _answer(instance: Instance, request: Request, path: str) -> Response:
    if path == "invocation/next" and request.method == "GET":
        return await _next(instance)
    if request.method != "POST":
        return _refusal(405, "MethodNotAllowed", f"{request.method} is not allowed here.")
    body = await request.body()
    if path == "init/error":
        instance.fail_init(body)
        return JSONResponse({"status": "OK"}, 202)
    kind, _, rest = path.partition("/")
    request_id, _, what = rest.partition("/")
    if kind != "invocation" or what not in ("response", "error"):
        return _refusal(404, "NotFound", "The runtime API has no such path.")
    outcome = Outcome(body) if what == "response" else Outcome(body, "Unhandled")
    if what == "response" and len(body) > RESPONSE_BYTES:
        text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
        outcome = Outcome(error_payload("Function.ResponseSizeTooLarge", text), "Unhandled")
    if not instance.finish(request_id, outcome):
        return _refusal(400, "InvalidRequestID", "Invalid request ID")
    return JSONResponse({"status": "OK"}, 202)


async def _next(instance: Instance) -> Response:
    invocation = await instance.next()
    if invocation is None:
        return _refusal(503, "ServerStopping", "boatyard stops.")
    function = instance.function
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.arn or function.arn,
        "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{invocation.request_id.replace('-', '')[:24]}",
    }
    if invocation.client_context:
        headers["Lambda-Runtime-Client-Context"] = invocation.client_context
    return Response(invocation.payload, media_type="application/json", headers=headers)


def _refusal(status: int, kind: str, message: str) -> Response:
    return Response(
        msgspec.json.encode({"errorType": kind, "errorMessage": message}), status, media_type="application/json"
    )


async def code(scope: Scope, receive: Receive, send: Send) -> None:
    """A function's zip, for whoever has the link that GetFunction gave."""
    installation = scope["installation"]
    token = str(scope["path"]).removeprefix(CODE)
    links = installation.attached("lambda.code_links", dict[str, tuple[str, float]])
    blob, until = links.get(token, ("", 0.0))
    path: Path | None = installation.blobs.path(blob) if blob and until > time.monotonic() else None
    if path is None or not path.exists():
        await _refusal(403, "AccessDenied", "The link has expired; ask GetFunction for a new one.")(
            scope, receive, send
        )
        return
    await FileResponse(path, media_type="application/zip")(scope, receive, send)


ROUTES = {RUNTIME: runtime_api, CODE: code}
