"""Bytes on the event loop: reading small bodies whole, sending answers in large pieces."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Send

from boatyard.api.bodies import Body, FileSlice, chunks
from boatyard.api.errors import ApiError
from boatyard.gateway.messages import HttpRequest, HttpResponse, OpenFile
from boatyard.gateway.protocols.rest_xml import host_id
from boatyard.gateway.protocols.values import Malformed

if TYPE_CHECKING:
    from boatyard.gateway.app import Exchange

_PIECE = 1 << 20
_CLIENT_LEFT = 499
"""What the access log shows for an answer that nobody waited for."""


async def whole_body(request: HttpRequest, receive: Receive, largest: int) -> bytes:
    """The body in memory; ApiError (413) above `largest` bytes, 400 where the client goes away."""
    if (request.content_length or 0) > largest:
        raise _too_large(largest)
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError("IncompleteBody", "The connection ended before the whole body came.", status=400)
        piece = message.get("body", b"")
        size += len(piece)
        if size > largest:
            raise _too_large(largest)
        pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def decompress(request: HttpRequest, largest: int) -> None:
    """Unpack a body that the client compressed (botocore does above 10 KiB where a model allows it).

    Objects are kept as they were sent. Malformed for what is no gzip, ApiError (413) above `largest` bytes.
    """
    if not isinstance(request.body, bytes) or request.headers.get("content-encoding", "").lower() != "gzip":
        return
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacking.decompress(request.body, largest + 1)
    except zlib.error:
        raise Malformed("The request's body is not gzip, as its Content-Encoding says") from None
    if len(body) > largest:
        raise _too_large(largest)
    if not unpacking.eof:
        raise Malformed("The request's body ends before its gzip data does")
    request.body = body


def _too_large(largest: int) -> ApiError:
    return ApiError("RequestEntityTooLargeException", f"The request's body is above {largest} bytes.", status=413)


def opened(response: HttpResponse) -> HttpResponse:
    """The response with its file open, so that what happens to the file from now on does not matter."""
    body: Any = response.body
    if isinstance(body, FileSlice):
        descriptor = os.open(body.path, os.O_RDONLY | os.O_CLOEXEC)
        response.body = OpenFile(descriptor, body.offset, body.length, body.path)
    elif not isinstance(body, bytes | OpenFile):
        response.body = chunks(body) if isinstance(body, Body) else iter(body)
    return response


def _head(exchange: Exchange, response: HttpResponse) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in response.headers}
    headers = list(response.headers)
    if exchange.protocol == "rest-xml":
        headers += [("x-amz-request-id", exchange.request_id), ("x-amz-id-2", host_id(exchange.request_id))]
    else:
        headers.append(("x-amzn-RequestId", exchange.request_id))
    if "content-length" not in names and response.status not in (204, 304):
        length = _length(response)
        if length is not None:
            headers.append(("Content-Length", str(length)))
    headers.append(("Server", "boatyard"))
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers]


def _length(response: HttpResponse) -> int | None:
    if isinstance(response.body, bytes):
        return len(response.body)
    return response.body.length if isinstance(response.body, OpenFile) else None


class ClientLeft(Exception):
    """The client has closed the connection before the whole answer went out."""


class _Watch:
    """Whether the client is still there: `send` alone does not say so. Closed at the end of the answer."""

    def __init__(self, receive: Receive) -> None:
        self._left = asyncio.ensure_future(self._wait(receive))

    @staticmethod
    async def _wait(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    def check(self) -> None:
        """ClientLeft when the client has gone."""
        if self._left.done():
            raise ClientLeft

    def close(self) -> None:
        """Watch no more."""
        self._left.cancel()


async def send_response(exchange: Exchange, response: HttpResponse, receive: Receive, send: Send) -> int:
    """Send it; HEAD, 204 and 304 go without a body. Returns the status."""
    bare = exchange.request.method == "HEAD" or response.status in (204, 304)
    if bare and isinstance(response.body, bytes) and response.status >= 300:
        response.headers = [item for item in response.headers if item[0].lower() != "content-type"]
        response.body = b""
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": _head(exchange, response)})
        if bare:
            await send({"type": "http.response.body", "body": b""})
        elif isinstance(response.body, bytes):
            await send({"type": "http.response.body", "body": response.body})
        else:
            await _send_streamed(response.body, receive, send)
    except ClientLeft:
        return _CLIENT_LEFT
    finally:
        if isinstance(response.body, OpenFile):
            os.close(response.body.descriptor)
        elif not isinstance(response.body, bytes):
            close = getattr(response.body, "close", None)
            if close is not None:
                close()
    return response.status


async def _send_streamed(body: OpenFile | Iterator[bytes], receive: Receive, send: Send) -> None:
    watch = _Watch(receive)
    try:
        if isinstance(body, OpenFile):
            await _send_file(body, watch, send)
        else:
            await _send_pieces(body, watch, send)
    finally:
        watch.close()


async def _send_file(file: OpenFile, watch: _Watch, send: Send) -> None:
    loop = asyncio.get_running_loop()
    offset, left = file.offset, file.length
    while left > 0:
        wanted = min(_PIECE, left)
        if file.length <= _PIECE:
            piece = os.pread(file.descriptor, wanted, offset)
        else:
            piece = await loop.run_in_executor(None, os.pread, file.descriptor, wanted, offset)
        if not piece:
            raise OSError(f"{file.path} is shorter than its record says")
        offset += len(piece)
        left -= len(piece)
        watch.check()
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send_pieces(pieces: Iterator[bytes], watch: _Watch, send: Send) -> None:
    """Pieces that are in memory are taken at once, others by a thread."""
    loop = asyncio.get_running_loop()
    now: Callable[[], bytes | None] = getattr(pieces, "now", lambda: None)
    while (piece := now()) != b"":
        if piece is None:
            piece = await loop.run_in_executor(None, next, pieces, None)
            if piece is None:
                break
        watch.check()
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
