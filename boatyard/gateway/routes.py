"""Paths that are no AWS API: boatyard's own, container credentials, and those that packages bring (`http.py`)."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import Message, Receive, Scope, Send

import boatyard
from boatyard.api import registry
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.gateway import sending
from boatyard.gateway.access_log import AccessLog
from boatyard.gateway.authentication import authenticate
from boatyard.gateway.faults import from_exception
from boatyard.gateway.messages import HttpRequest
from boatyard.gateway.refusals import Refusal, to_error
from boatyard.keeping import tasks
from boatyard.services import PACKAGES

log = logging.getLogger(__name__)

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


async def answer_json(send: Send, status: int, value: Any, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """A whole JSON answer."""
    body = msgspec.json.encode(value)
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


class Routes:
    """The handlers by path prefix, the longest first. Each gets `scope["installation"]`."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._prefixes: list[tuple[str, str, Handler]] = [
            ("/_boatyard/health", "boatyard", self._health),
            ("/_boatyard/reset", "boatyard", self._reset),
            ("/_boatyard/permissions", "boatyard", self._permissions),
            ("/_boatyard/tasks/", "boatyard", self._task),
            ("/v2/credentials/", "boatyard", self._credentials),
        ]
        for service in PACKAGES:
            for module in registry.modules(service, "HTTP_MODULES", ("http",)):
                for prefix, handler in _routes_of(module):
                    self._prefixes.append((prefix, service, handler))
        self._prefixes.sort(key=lambda each: len(each[0]), reverse=True)

    async def handle(self, scope: Scope, receive: Receive, send: Send, access: AccessLog) -> bool:
        """Answer the request if its path is one of these; whether it was."""
        path = scope["path"]
        for prefix, service, handler in self._prefixes:
            if path.startswith(prefix) or path == prefix.rstrip("/"):
                await self._run(service, handler, scope, receive, send, access)
                return True
        return False

    async def _run(
        self, service: str, handler: Handler, scope: Scope, receive: Receive, send: Send, access: AccessLog
    ) -> None:
        request_id, started, status = str(uuid.uuid4()), time.perf_counter(), 0
        scope["installation"], scope["request_id"] = self._installation, request_id

        async def sending_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-amzn-requestid", request_id.encode())]
            await send(message)

        try:
            await handler(scope, receive, sending_status)
        except ApiError as error:
            if status == 0:
                await answer_json(sending_status, error.status or 400, {"code": error.code, "message": error.message})
        except Exception as error:
            log.exception("Request %s failed", request_id)
            if status == 0:
                fault = from_exception(error, service, request_id, self._installation.data_directory)
                await answer_json(sending_status, fault.status or 500, {"code": fault.code, "message": fault.message})
        finally:
            access.write(
                principal=scope.get("principal", "-"),
                service=service,
                operation=f"{scope['method']}:{_logged_path(scope['path'])}",
                status=status,
                seconds=time.perf_counter() - started,
                request_id=request_id,
            )

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer_json(send, 200, {"status": "ready", "version": boatyard.__version__})

    async def _reset(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST, signed by the root for the service `boatyard` (or any): empties an ephemeral server."""
        await self._check_root(scope, receive)
        if not self._installation.settings.ephemeral:
            raise ApiError(
                "NotEphemeral",
                "This server keeps its data. Start one with 'boatyard up --ephemeral' for tests, or use"
                " 'boatyard reset' to empty this one.",
                status=403,
            )
        await asyncio.get_running_loop().run_in_executor(None, self._installation.reset)
        await answer_json(send, 200, {"status": "empty"})

    async def _check_root(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a POST that the root has signed; ApiError for any other request."""
        if scope["method"] != "POST":
            raise ApiError("MethodNotAllowed", "Use POST.", status=405)
        request = HttpRequest.from_scope(scope)
        request.body = await sending.whole_body(request, receive, 1 << 20)
        loop = asyncio.get_running_loop()
        scope["principal"] = await loop.run_in_executor(None, self._authenticated_root, request)
        return bytes(request.body)

    async def _task(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /_boatyard/tasks/NAME with options as JSON, signed by the root: a line of JSON for each step of it."""
        body = await self._check_root(scope, receive)
        task = tasks.TASKS.get(scope["path"].removeprefix("/_boatyard/tasks/"))
        if task is None:
            raise ApiError("NoSuchTask", "There is no such task.", status=404)
        told = task(self._installation, msgspec.json.decode(body or b"{}"))
        head = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        loop, left = asyncio.get_running_loop(), asyncio.ensure_future(receive())
        try:
            while (line := await loop.run_in_executor(None, next, told, None)) is not None and not left.done():
                content = msgspec.json.encode(line) + b"\n"
                await send({"type": "http.response.body", "body": content, "more_body": True})
            await send({"type": "http.response.body", "body": tasks.END, "more_body": False})
        finally:
            left.cancel()

    async def _permissions(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET, signed by the root: what users and roles used; of one alone with `?principal=ARN`."""
        from boatyard.identity.recorded_use import recorded_use

        if scope["method"] != "GET":
            raise ApiError("MethodNotAllowed", "Use GET.", status=405)
        request = HttpRequest.from_scope(scope)
        request.body = await sending.whole_body(request, receive, 1 << 20)
        loop = asyncio.get_running_loop()
        scope["principal"] = await loop.run_in_executor(None, self._authenticated_root, request)
        principal = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("principal", [None])[0]
        uses = await loop.run_in_executor(None, recorded_use(self._installation).uses, principal)
        told = {"authorization": self._installation.settings.authorization, "uses": uses}
        await answer_json(send, 200, told)

    def _authenticated_root(self, request: HttpRequest) -> str:
        try:
            caller = authenticate(self._installation, request, "boatyard", "boatyard")
        except Refusal as refusal:
            error = to_error(refusal, "query")
            raise ApiError(error.code, error.message, status=error.status) from None
        if not caller.principal.is_root:
            raise ApiError("AccessDenied", "Only the root key may do this.", status=403)
        return caller.principal.arn

    async def _credentials(self, scope: Scope, receive: Receive, send: Send) -> None:
        from boatyard.identity.workloads import container_credentials

        if scope["method"] != "GET":
            raise ApiError("MethodNotAllowed", "Use GET.", status=405)
        secret = scope["path"].removeprefix("/v2/credentials/")
        client = scope.get("client")
        loop = asyncio.get_running_loop()
        address = client[0] if client else None
        found = await loop.run_in_executor(None, container_credentials, self._installation, secret, address)
        await answer_json(send, 200, found, ((b"cache-control", b"no-store"),))


def _logged_path(path: str) -> str:
    """The path without what is secret in it."""
    return "/v2/credentials/..." if path.startswith("/v2/credentials/") else path[:300]


def _routes_of(module: Any) -> list[tuple[str, Handler]]:
    """A module's ROUTES: a mapping of prefix to handler."""
    return list(dict(getattr(module, "ROUTES", {})).items())
