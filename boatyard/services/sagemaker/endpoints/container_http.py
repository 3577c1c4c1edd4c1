"""HTTP/1.1 to a serving container: connections that are kept open, on the server's event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import httptools

from boatyard.containers.reach import Reach

_CONNECT_SECONDS = 3.0  # a container that has gone leaves an address where nobody answers at all
_HEAD_LIMIT = 256 * 1024  # bytes that may come before the end of the answer's headers
_IDLE_LIMIT = 32  # connections kept for one container


class ContainerUnreachable(Exception):
    """No connection could be made, or it broke before the container answered anything."""


class AnswerTooLarge(Exception):
    """The container's answer is larger than it may be."""


class Answer:
    """What a container answered: status, headers (names in lower case) and body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""


class _Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._chunks: list[bytes] = []
        self._size = self._received = 0
        self._limit = 0
        self._waiting: asyncio.Future[Answer] | None = None
        self.answering = False  # a byte of the answer has arrived
        self.reusable = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, head: bytes, body: bytes, limit: int) -> asyncio.Future[Answer]:
        """Sends a request; the future gives its answer, or why there is none."""
        self._answer, self._chunks, self._size, self._limit = Answer(), [], 0, limit
        self._received = 0
        self.answering = self.reusable = False
        self._waiting = asyncio.get_running_loop().create_future()
        transport = self._transport
        if transport is None or transport.is_closing():
            self._waiting.set_exception(ContainerUnreachable("the connection was closed"))
        elif body:
            transport.writelines([head, body])
        else:
            transport.write(head)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        self.answering = True
        self._received += len(data)
        if not self._answer.status and self._received > _HEAD_LIMIT:
            self._fail(AnswerTooLarge(f"its head is longer than {_HEAD_LIMIT} bytes"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(ContainerUnreachable("the container asked for a protocol upgrade"))
        except httptools.HttpParserError as error:
            self._fail(ContainerUnreachable(f"the container did not answer HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        waiting = self._waiting
        if waiting is None or waiting.done():
            return
        if self.answering and self._answer.status and "content-length" not in self._answer.headers:
            self._complete()  # an answer without a length ends with its connection
        else:
            self._fail(ContainerUnreachable(f"the connection broke: {exc or 'closed by the container'}"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._limit:
            self._fail(AnswerTooLarge(f"more than {self._limit} bytes"))
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        if 100 <= self._answer.status < 200:
            self._answer = Answer()
            return
        self.reusable = self._parser.should_keep_alive()
        self._complete()

    def close(self) -> None:
        """Drops the connection."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def open(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def _complete(self) -> None:
        self._answer.body = b"".join(self._chunks)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._answer)

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()


class ContainerClient:
    """Requests to one container, over as many connections as are needed at once."""

    def __init__(self, reach: Reach, port: int = 8080) -> None:
        self._reach = reach
        self.port = port
        self._idle: deque[_Connection] = deque()

    async def request(self, head: bytes, body: bytes, *, limit: int, timeout: float) -> Answer:
        """Sends a request (`head` ends with the blank line) and waits `timeout` seconds for its answer.

        A kept connection that the container has closed meanwhile is replaced by a new one, once. Raises
        ContainerUnreachable, AnswerTooLarge or TimeoutError.
        """
        async with asyncio.timeout(timeout):
            while (connection := self._kept()) is not None:
                try:
                    return await self._exchange(connection, head, body, limit)
                except ContainerUnreachable:
                    if connection.answering:
                        raise
            return await self._exchange(await self._connect(), head, body, limit)

    def close(self) -> None:
        """Closes the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                made = await self._reach.open(self.port)
                _, connection = await loop.create_connection(_Connection, sock=made)
        except (OSError, TimeoutError) as error:
            raise ContainerUnreachable(f"{self._reach.address}:{self.port}: {error}") from None
        return connection

    async def _exchange(self, connection: _Connection, head: bytes, body: bytes, limit: int) -> Answer:
        try:
            answer = await connection.send(head, body, limit)
        except BaseException:
            connection.close()
            raise
        if connection.reusable and connection.open and len(self._idle) < _IDLE_LIMIT:
            self._idle.append(connection)
        else:
            connection.close()
        return answer
