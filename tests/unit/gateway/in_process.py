"""botocore's own clients, led into the gateway without a socket: all of botocore and all of the gateway are in between.

The one thing that is not real is the operation: a test says what it answers, and sees what it was given.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.loaders import Loader
from botocore.response import StreamingBody
from urllib3 import HTTPHeaderDict, HTTPResponse

from boatyard.api import models, registry
from boatyard.api.bodies import Body, arrived
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.gateway import asynchronous
from boatyard.gateway.app import Gateway
from boatyard.services import PACKAGES
from boatyard.services.s3.content import INLINE_LIMIT
from boatyard.state.short_reads import MustWait

# What an HTTP server or client would not let through in a header's value.
_NOT_IN_HEADERS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$")
_PIECE = 7000


class _OneProtocol(Loader):
    """botocore's models, as they would be if a service spoke one protocol only; each file is read once for all."""

    _of_all = Loader()

    def __init__(self, protocol: str) -> None:
        super().__init__()
        self._protocol = protocol

    def load_data_with_path(self, name: str) -> Any:
        return self._of_all.load_data_with_path(name)

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name != "service-2":
            return model
        return {**model, "metadata": {**model["metadata"], "protocols": [self._protocol]}}


@dataclass
class Exchanged:
    """What one call of a client came to; `sent` and `read` are the client's side, `received` the operation's."""

    sent: dict[str, Any] | None = None
    received: dict[str, Any] | None = None
    read: dict[str, Any] | None = None
    request_id: str = ""
    head: dict[str, str] = field(default_factory=dict)


class InProcess:
    """The gateway of an installation, and clients of it. `answer` is what every operation returns or raises."""

    def __init__(self, installation: Installation) -> None:
        self.answer: dict[str, Any] | ApiError | None = None
        self.last = Exchanged()
        self._installation = installation
        self._gateway = Gateway(installation)
        self._loop = asyncio.new_event_loop()
        self._clients: dict[tuple[str, str, str], Any] = {}

    def close(self) -> None:
        """End the gateway's threads and its loop."""
        self._gateway.close()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def client(self, service: str, protocol: str, scheme: str = "http") -> Any:
        """A client of a service that speaks one protocol; S3's sends trailers to an https address only."""
        key = (service, protocol, scheme)
        if key not in self._clients:
            self._clients[key] = self._new_client(*key)
        return self._clients[key]

    def _new_client(self, service: str, protocol: str, scheme: str) -> Any:
        session = botocore.session.Session()
        session.register_component("data_loader", _OneProtocol(protocol))
        settings = self._installation.settings
        client: Any = session.create_client(
            service,
            region_name=settings.region,
            endpoint_url=f"{scheme}://127.0.0.1:4566",
            aws_access_key_id=settings.root_access_key_id,
            aws_secret_access_key=settings.root_secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, response_checksum_validation="when_required"),
        )
        client.meta.events.register("before-send", self._send)
        serialize = client._serializer.serialize_to_request

        def keep_sent(params: dict[str, Any], operation: Any) -> Any:
            self.last.sent = {
                name: value.getvalue() if isinstance(value, io.BytesIO) else deepcopy(value)
                for name, value in params.items()
            }
            return serialize(params, operation)

        make_request = client._endpoint.make_request

        def keep_read(operation: Any, request: Any) -> Any:
            http, parsed = make_request(operation, request)
            self._keep_read(http, parsed)
            return http, parsed

        # Innermost: handlers of botocore do more with parameters and answers (policies read as JSON), which is no
        # protocol's doing.
        client._serializer.serialize_to_request = keep_sent
        client._endpoint.make_request = keep_read
        return client

    def operation(self, call: Call, params: dict[str, Any]) -> dict[str, Any] | None:
        """Stands in for every operation: keeps what it was given, and answers."""
        self.last.received = {
            name: value.read() if isinstance(value, Body) else value for name, value in params.items()
        }
        self.last.request_id = call.request_id
        if isinstance(self.answer, ApiError):
            raise self.answer
        return self.answer

    async def operation_on_the_loop(self, call: Call, params: dict[str, Any]) -> dict[str, Any] | None:
        """The same, for what runs on the event loop, where nothing may be read that has not come yet."""
        for body in (value for value in params.values() if isinstance(value, Body)):
            if body.length is None or body.length > INLINE_LIMIT:
                raise MustWait
            await arrived(body)
        return self.operation(call, params)

    def _keep_read(self, response: Any, parsed: dict[str, Any]) -> None:
        self.last.read = {
            name: value.read() if isinstance(value, StreamingBody) else deepcopy(value)
            for name, value in parsed.items()
            if name != "ResponseMetadata"
        }
        self.last.head = {name.lower(): value for name, value in response.headers.items()}

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        return self._loop.run_until_complete(self._exchange(request))

    async def _exchange(self, request: Any) -> AWSResponse:
        messages: list[Any] = []
        pieces = list(_pieces(request.body))
        ended = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
            await ended.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)

        await self._gateway(_scope(request), receive, send)
        ended.set()
        return _response(request, messages)


def _pieces(body: Any) -> Iterator[bytes]:
    content = body.read() if hasattr(body, "read") else body or b""
    content = content.encode() if isinstance(content, str) else bytes(content)
    yield content[:_PIECE]
    for start in range(_PIECE, len(content), _PIECE):
        yield content[start : start + _PIECE]


def _scope(request: Any) -> dict[str, Any]:
    """An ASGI server's scope of a prepared request; headers as http.client would put them on the wire."""
    parts = urlsplit(request.url)
    headers = [(b"host", parts.netloc.encode())]
    for name, value in request.headers.items():
        raw = value if isinstance(value, bytes) else str(value).encode("latin-1")
        assert not _NOT_IN_HEADERS.search(raw), (name, raw)
        headers.append((name.lower().encode("ascii"), raw))
    return {
        "type": "http",
        "method": request.method,
        "path": parts.path,
        "raw_path": parts.path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "headers": headers,
        "client": ("127.0.0.1", 40000),
    }


def _response(request: Any, messages: list[Any]) -> AWSResponse:
    """What botocore's HTTP session would make of the ASGI messages."""
    start, *rest = messages
    headers: Any = HTTPHeaderDict()
    for name, value in start["headers"]:
        assert not _NOT_IN_HEADERS.search(value), (name, value)
        headers.add(name.decode("ascii"), value.decode("latin-1"))
    body = b"".join(message.get("body", b"") for message in rest)
    declared = headers.get("content-length")
    bare = request.method == "HEAD" or start["status"] in (204, 304)
    assert not (bare and body), "a body where there is none in HTTP"
    assert bare or declared is None or int(declared) == len(body)
    raw = HTTPResponse(
        io.BytesIO(body),
        headers=headers,
        status=start["status"],
        preload_content=False,
        decode_content=False,
        request_method=request.method,
    )
    return AWSResponse(request.url, start["status"], headers, raw)


@contextmanager
def operations_replaced(wire: InProcess) -> Iterator[None]:
    """Every operation that boatyard does is `wire`'s stand-in; those that it does not do stay undone."""
    found, found_on_loop = registry.find, asynchronous.find
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "find", lambda *key: wire.operation if found(*key) is not None else None)
        patch.setattr(
            asynchronous, "find", lambda *key: wire.operation_on_the_loop if found_on_loop(*key) is not None else None
        )
        yield


def protocols(service: str) -> list[str]:
    """The protocols that a service's model names."""
    metadata = models.service_model(service).metadata
    return list(metadata.get("protocols") or [metadata["protocol"]])


def operations(service: str) -> list[Any]:
    """The models of the operations that boatyard does."""
    names = [name for name in models.service_model(service).operation_names if registry.find(service, name)]
    return [models.operation_model(service, name) for name in names]


PAIRS = [(service, protocol) for service in sorted(PACKAGES) for protocol in protocols(service)]
