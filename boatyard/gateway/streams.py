"""Request bodies that stream: bytes from the event loop to the thread that reads them, with back pressure."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Protocol

from starlette.types import Receive

from boatyard.api.errors import ApiError

_HIGH = 4 << 20
_LOW = 1 << 20
_PIECE = 1 << 20
_SETTLED_WITHIN = 2.0


class Source(Protocol):
    """Something that bytes come from."""

    def next(self) -> bytes:
        """The next bytes, as many as there are; b"" at the end. Blocks."""
        ...


class BytesSource:
    """Bytes in memory as a source."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = deque(pieces)

    def next(self) -> bytes:
        """The next piece."""
        return self._pieces.popleft() if self._pieces else b""


class ReceivedBody:
    """The body of an ASGI request, read from another thread: at most a few MiB wait in memory.

    Nothing is asked of the client before the first read, so that `Expect: 100-continue` means what it says.
    """

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._ready = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._lost = False
        self._drained: asyncio.Event | None = None
        self._pump: Future[None] | None = None
        self._discarding = False

    def next(self) -> bytes:
        """The next bytes; ApiError when the client went away."""
        if self._pump is None:
            self._pump = asyncio.run_coroutine_threadsafe(self._fill(), self._loop)
        with self._ready:
            while not self._pieces and not self._ended:
                self._ready.wait()
            if self._pieces:
                piece = self._take()
            else:
                piece = b""
            if not piece and self._lost:
                raise ApiError("IncompleteBody", "The connection ended before the whole body came.", status=400)
            wake = self._drained is not None and self._waiting < _LOW
        if wake and self._drained is not None:
            self._loop.call_soon_threadsafe(self._drained.set)
        return piece

    async def take_in(self) -> None:
        """Wait on the event loop until all is there, so that `next` does not; for bodies that are known to be small."""
        self._pump = Future()
        await self._fill()
        self._pump.set_result(None)

    def _take(self) -> bytes:
        taken, size = [], 0
        while self._pieces and size < _PIECE:
            piece = self._pieces.popleft()
            taken.append(piece)
            size += len(piece)
        self._waiting -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)

    async def _fill(self) -> None:
        self._drained = asyncio.Event()
        lost, discarded = True, 0
        try:
            while True:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    return
                body = message.get("body", b"")
                more = message.get("more_body", False)
                with self._ready:
                    if self._discarding:
                        discarded += len(body)
                        if discarded > _LOW:
                            return
                    elif body:
                        self._pieces.append(body)
                        self._waiting += len(body)
                    self._ready.notify()
                    full = self._waiting >= _HIGH
                    self._drained.clear()
                if not more:
                    lost = False
                    return
                if full and not self._discarding:
                    await self._drained.wait()
        finally:
            with self._ready:
                self._ended, self._lost = True, lost
                self._ready.notify_all()

    async def settle(self, expected: bool) -> bool:
        """Whether the connection can serve another request: nothing of this one's body is still to come.

        What an operation left unread is read and dropped, up to 1 MiB and for at most 2 s. A client that waits
        for `100 Continue` (`expected`) and was answered without it keeps its body.
        """
        if self._ended:
            return not self._lost
        if self._pump is None and expected:
            return False
        self._discarding = True
        if self._pump is None:
            self._pump = asyncio.run_coroutine_threadsafe(self._fill(), self._loop)
        elif self._drained is not None:
            self._drained.set()
        await asyncio.wait([asyncio.wrap_future(self._pump)], timeout=_SETTLED_WITHIN)
        return self._ended and not self._lost

    def close(self) -> None:
        """Stop reading: the answer is on its way."""
        if self._pump is not None:
            self._pump.cancel()


class CheckedBody:
    """The body that an operation reads: checked as it passes, so that its last bytes come only when all is right.

    `length` is what the client declared, `trailers` what came after an aws-chunked body (known at the end).
    """

    def __init__(
        self,
        source: Source,
        length: int | None,
        *,
        sha256: str | None = None,
        at_end: Callable[[], None] | None = None,
    ) -> None:
        self.length = length
        self.trailers: dict[str, str] = {}
        self.arrive: Callable[[], Awaitable[None]] | None = None
        """For api.bodies.arrived."""
        self._source = source
        self._digest = hashlib.sha256() if sha256 is not None else None
        self._sha256 = sha256
        self._at_end = at_end
        self._held: deque[bytes] = deque()
        self._size = 0
        self._total = 0
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """The next at most `size` bytes, all that is left for -1, b"" at the end."""
        # One byte more than is asked for: the end, and with it every check, is seen before the last byte is given.
        while not self._ended and (size < 0 or self._size <= size):
            self._advance()
        wanted = self._size if size < 0 else min(size, self._size)
        taken = []
        while wanted > 0:
            piece = self._held.popleft()
            if len(piece) > wanted:
                self._held.appendleft(piece[wanted:])
                piece = piece[:wanted]
            taken.append(piece)
            wanted -= len(piece)
            self._size -= len(piece)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _advance(self) -> None:
        piece = self._source.next()
        if piece:
            self._total += len(piece)
            if self.length is not None and self._total > self.length:
                raise ApiError("InvalidRequest", "The body is longer than its declared length.", status=400)
            if self._digest is not None:
                self._digest.update(piece)
            self._held.append(piece)
            self._size += len(piece)
            return
        if self.length is not None and self._total != self.length:
            raise ApiError(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header.",
                status=400,
                NumberBytesExpected=self.length,
                NumberBytesProvided=self._total,
            )
        if self._digest is not None and self._digest.hexdigest() != self._sha256:
            raise content_mismatch(self._sha256 or "", self._digest.hexdigest())
        if self._at_end is not None:
            self._at_end()
        self._ended = True


def content_mismatch(declared: str, computed: str) -> ApiError:
    """S3's error for a body that is not the one that was signed."""
    return ApiError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        status=400,
        ClientComputedContentSHA256=declared,
        S3ComputedContentSHA256=computed,
    )
