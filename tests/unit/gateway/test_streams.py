"""Bodies from the event loop to a thread: whole, in order, and never much of them in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TypeVar

import pytest
from starlette.types import Message

from boatyard.api.errors import ApiError
from boatyard.gateway.streams import CheckedBody, ReceivedBody

PIECE = b"0123456789abcdef" * 4096
T = TypeVar("T")


class _Client:
    """Sends pieces as fast as they are taken, and counts them; may leave after some."""

    def __init__(self, pieces: int, leaves_after: int | None = None) -> None:
        self.pieces = pieces
        self.sent = 0
        self._leaves_after = leaves_after

    async def receive(self) -> Message:
        if self.sent == self._leaves_after:
            return {"type": "http.disconnect"}
        self.sent += 1
        return {"type": "http.request", "body": PIECE, "more_body": self.sent < self.pieces}


def _in_a_thread(client: _Client, work: Callable[[ReceivedBody], T]) -> T:
    async def run() -> T:
        body = ReceivedBody(client.receive, asyncio.get_running_loop())
        try:
            return await asyncio.to_thread(work, body)
        finally:
            body.close()

    return asyncio.run(run())


def test_a_body_comes_whole_and_in_order() -> None:
    client = _Client(500)

    def read(body: ReceivedBody) -> str:
        checked, digest = CheckedBody(body, 500 * len(PIECE)), hashlib.sha256()
        while piece := checked.read(100_001):
            digest.update(piece)
        return digest.hexdigest()

    assert _in_a_thread(client, read) == hashlib.sha256(PIECE * 500).hexdigest()


def test_a_reader_that_stops_stops_the_client() -> None:
    client = _Client(5000)

    def read(body: ReceivedBody) -> int:
        CheckedBody(body, None).read(1)
        before = -1
        while before != client.sent:
            before = client.sent
            asyncio.run(asyncio.sleep(0.05))
        return client.sent

    assert _in_a_thread(client, read) * len(PIECE) < 16 << 20


def test_nothing_is_asked_for_before_the_first_read() -> None:
    client = _Client(3)
    _in_a_thread(client, lambda body: None)
    assert client.sent == 0


def test_a_client_that_leaves_is_an_error_not_an_end() -> None:
    with pytest.raises(ApiError) as refused:
        _in_a_thread(_Client(10, leaves_after=3), lambda body: CheckedBody(body, None).read())
    assert refused.value.code == "IncompleteBody"
