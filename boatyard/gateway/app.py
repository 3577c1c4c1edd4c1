"""The gateway's ASGI application: the path of a request, from its head to its line in the access log."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from boatyard.api import registry
from boatyard.api.call import Call
from boatyard.api.errors import ApiError, OperationNotSupported
from boatyard.api.installation import Installation
from boatyard.api.invoke import Admitted, admit
from boatyard.gateway import (
    access_log,
    asynchronous,
    authentication,
    faults,
    refusals,
    routes,
    sending,
    signature,
    targets,
    upstream,
)
from boatyard.gateway.messages import HttpRequest, HttpResponse
from boatyard.gateway.protocols import protocol
from boatyard.gateway.protocols.base import Params
from boatyard.gateway.protocols.values import Malformed
from boatyard.gateway.refusals import Refusal
from boatyard.gateway.streams import CheckedBody, ReceivedBody
from boatyard.gateway.targets import Target
from boatyard.state.short_reads import MustWait

log = logging.getLogger(__name__)

LARGEST_BODY = 100 << 20
"""Bytes that a body which does not stream may have: above what any AWS API takes."""

SMALL_BODY = 40 << 10
"""Bytes of a streaming body that are taken in whole: what S3 keeps in its records, and the signatures of its chunks."""

LARGE_BODY = 256 << 10
"""Bytes from which on a body is waited for only when the head's signature may be right."""

# Operations that wait for a workload's answer. They have threads of their own: a workload that calls back
# into the gateway must always find one free.
_WAITING = frozenset({("lambda", "Invoke"), ("sagemaker-runtime", "InvokeEndpoint")})


@dataclass
class Exchange:
    """One request on its way through the gateway."""

    request: HttpRequest
    scope: Scope
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.perf_counter)
    service: str = "-"
    protocol: str = "rest-xml"
    target: Target | None = None
    call: Call | None = None
    params: Params = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    received: ReceivedBody | None = None
    unread: bool = False
    """Whether the body was left where it is: the answer needs nothing of it."""

    @property
    def operation(self) -> Any:
        """botocore's model of the operation, None until it is known."""
        return self.target.operation if self.target is not None else None


class Gateway:
    """HTTP in, operation out. `__call__` is the ASGI application."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._threads = ThreadPoolExecutor(installation.settings.threads, "operation")
        self._waiting = ThreadPoolExecutor(4 * installation.settings.threads, "waiting")
        self._routes = routes.Routes(installation)
        self._access_log = access_log.AccessLog(installation.data_directory / "logs")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        if await self._routes.handle(scope, receive, send, self._access_log):
            return
        exchange = Exchange(HttpRequest.from_scope(scope), scope)
        response = await self._respond(exchange, receive)
        expected = exchange.request.headers.get("expect", "").lower() == "100-continue"
        if (exchange.unread and expected) or (
            exchange.received is not None and not await exchange.received.settle(expected)
        ):
            response.headers.append(("Connection", "close"))
        try:
            response.status = await sending.send_response(exchange, response, receive, send)
        finally:
            if exchange.received is not None:
                exchange.received.close()
            self._record(exchange, response)

    async def _respond(self, exchange: Exchange, receive: Receive) -> HttpResponse:
        """The path, in order: what needs the event loop here, the rest in a thread (`_perform`)."""
        try:
            self._identify_service(exchange)
            await self._receive_body(exchange, receive)
            try:
                self._identify_operation(exchange)
            except OperationNotSupported:
                if self.installation.settings.upstream is None or not isinstance(exchange.request.body, bytes):
                    raise
                return await asyncio.get_running_loop().run_in_executor(self._waiting, self._forward, exchange)
            key = (exchange.service, exchange.target.name if exchange.target else "")
            handler = asynchronous.find(*key)
            if handler is not None and _is_small(exchange):
                return await self._perform_asynchronously(exchange, handler)
            if asynchronous.is_quick(*key):
                return await self._perform_quickly(exchange)
            threads = self._waiting if key in _WAITING else self._threads
            return await asyncio.get_running_loop().run_in_executor(threads, self._perform, exchange)
        except Exception as error:  # noqa: BLE001 - answered, and logged where nobody foresaw it
            return self._refuse(exchange, error)

    def _perform(self, exchange: Exchange) -> HttpResponse:
        """Everything that may block: keys, signature, parameters, the operation and its answer."""
        try:
            self._authenticate(exchange)
            self._parse(exchange)
            return self._do(exchange, self._admit(exchange))
        except Exception as error:  # noqa: BLE001 - answered, and logged where nobody foresaw it
            return self._refuse(exchange, error)

    def _admit(self, exchange: Exchange) -> Admitted:
        assert exchange.call is not None
        return admit(exchange.call, exchange.service, exchange.operation.name, exchange.params)

    def _do(self, exchange: Exchange, admitted: Admitted) -> HttpResponse:
        exchange.output = admitted()
        return self._answer(exchange)

    async def _perform_quickly(self, exchange: Exchange) -> HttpResponse:
        """The same on the event loop, as long as there is nothing to wait for; else by a thread from there on."""
        self._authenticate(exchange)
        self._parse(exchange)
        admitted = self._admit(exchange)
        try:
            with self.installation.database.short.only():
                return self._do(exchange, admitted)
        except MustWait:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, exchange, admitted)

    def _forward(self, exchange: Exchange) -> HttpResponse:
        """What boatyard does not do, for whoever may use boatyard."""
        try:
            request, sent = exchange.request, exchange.request.body
            scope = signature.scope_service(request)
            authentication.authenticate(self.installation, request, exchange.service, scope or exchange.service)
            return upstream.forward(str(self.installation.settings.upstream), request, sent)
        except Exception as error:  # noqa: BLE001 - answered, and logged where nobody foresaw it
            return self._refuse(exchange, error)

    async def _perform_asynchronously(self, exchange: Exchange, handler: asynchronous.Handler) -> HttpResponse:
        self._authenticate(exchange)
        self._parse(exchange)
        admitted = self._admit(exchange)
        body = exchange.request.body
        if exchange.received is not None and isinstance(body, CheckedBody):
            body.arrive = exchange.received.take_in
        exchange.output = await asynchronous.perform(admitted, handler, self._threads)
        return self._answer(exchange)

    def _identify_service(self, exchange: Exchange) -> None:
        exchange.service, exchange.protocol = targets.find_service(exchange.request)
        if exchange.service == "s3":
            targets.use_virtual_host(exchange.request)

    async def _receive_body(self, exchange: Exchange, receive: Receive) -> None:
        """Streams stay where they are until the operation reads them; everything else is small and read whole."""
        request = exchange.request
        if exchange.service == "s3":
            operation = targets.rest_operation("s3", request)
            if operation is not None and operation.has_streaming_input:
                _require_length(request)
                exchange.received = ReceivedBody(receive, asyncio.get_running_loop())
                request.body = exchange.received
                return
        if _is_large(request) and exchange.service != "unknown":
            exchange.unread = True
            check = partial(authentication.check_head, self.installation, request, exchange.service)
            await asyncio.get_running_loop().run_in_executor(self._threads, check)
            exchange.unread = False
        request.body = await sending.whole_body(request, receive, LARGEST_BODY)

    def _identify_operation(self, exchange: Exchange) -> None:
        if exchange.protocol == "query" and exchange.service == "unknown":
            exchange.service = targets.service_of_form(exchange.request)
        exchange.target = targets.find_operation(exchange.request, exchange.service, exchange.protocol)
        if registry.find(exchange.service, exchange.target.name) is None:
            raise OperationNotSupported(exchange.service, exchange.target.name)

    def _authenticate(self, exchange: Exchange) -> None:
        request = exchange.request
        signing_name = str(exchange.operation.service_model.signing_name)
        caller = authentication.authenticate(self.installation, request, exchange.service, signing_name)
        exchange.call = Call(
            installation=self.installation,
            principal=caller.principal,
            account=caller.principal.account,
            region=caller.region or self.installation.settings.region,
            request_id=exchange.request_id,
            source_ip=request.client,
            host=request.headers.get("host"),
            user_agent=request.headers.get("user-agent", ""),
        )

    def _parse(self, exchange: Exchange) -> None:
        sending.decompress(exchange.request, LARGEST_BODY)
        exchange.params = protocol(exchange.protocol).parse(exchange.request, exchange.operation)

    def _answer(self, exchange: Exchange) -> HttpResponse:
        response = protocol(exchange.protocol).answer(exchange.output, exchange.operation, exchange.request_id)
        return sending.opened(response)

    def _refuse(self, exchange: Exchange, error: Exception) -> HttpResponse:
        if isinstance(error, Refusal):
            error = refusals.to_error(error, exchange.protocol)
        if isinstance(error, Malformed):
            error = malformed(exchange.protocol, str(error))
        if not isinstance(error, ApiError):
            log.error("Request %s failed", exchange.request_id, exc_info=error)
            error = faults.from_exception(
                error, exchange.service, exchange.request_id, self.installation.data_directory
            )
        fault = faults.to_fault(error, exchange.service, exchange.protocol, exchange.operation)
        return protocol(exchange.protocol).refuse(
            fault, faults.model_of(exchange.service), exchange.request_id, resource=exchange.request.path
        )

    def _record(self, exchange: Exchange, response: HttpResponse) -> None:
        self._access_log.write(
            principal=exchange.call.principal.arn if exchange.call is not None else "-",
            service=exchange.service,
            operation=exchange.target.name if exchange.target is not None else "-",
            status=response.status,
            seconds=time.perf_counter() - exchange.started,
            request_id=exchange.request_id,
            code=response.error_code,
        )

    def close(self) -> None:
        """Let no new work begin."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._waiting.shutdown(wait=False, cancel_futures=True)
        self._access_log.close()


def _is_small(exchange: Exchange) -> bool:
    """Whether the body is in memory, or may be."""
    return exchange.received is None or (exchange.request.content_length or SMALL_BODY + 1) <= SMALL_BODY


def _is_large(request: HttpRequest) -> bool:
    """Whether a body is announced that is large, or of a length that nobody knows."""
    return (request.content_length or 0) > LARGE_BODY or "transfer-encoding" in request.headers


def _require_length(request: HttpRequest) -> None:
    if request.content_length is None and "x-amz-decoded-content-length" not in request.headers:
        raise ApiError("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)


def malformed(protocol_name: str, message: str) -> ApiError:
    """The error for a request that cannot be read, as services of this protocol word it."""
    if protocol_name == "rest-xml":
        code = "MalformedXML" if message.startswith("The XML") else "InvalidArgument"
        return ApiError(code, message, status=400)
    code = "MalformedInput" if protocol_name == "query" else "SerializationException"
    return ApiError(code, message, status=400)
