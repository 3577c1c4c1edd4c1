"""The least that a server in Python can do: answers every request alike, for what boatyard's figures are held against.

Run by uvicorn, as boatyard is; what it does beside is told by BENCH_LIMIT_BYTES (of the answer to a GET) and
BENCH_LIMIT_DIRECTORY (where the body of a PUT is kept, in a file of its own with fsync; kept nowhere when unset).
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
ANSWER = bytes(int(os.environ.get("BENCH_LIMIT_BYTES", "1024")))
DIRECTORY = os.environ.get("BENCH_LIMIT_DIRECTORY")
_numbers = itertools.count()


async def application(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """One request (ASGI 3.0); other scopes are let pass."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    put = scope["method"] == "PUT"
    if put and DIRECTORY is not None:
        await asyncio.to_thread(keep, Path(DIRECTORY) / str(next(_numbers) % 1024), body)
    answer = b"" if put else ANSWER
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def keep(path: Path, body: bytes) -> None:
    """The body in a file, on the disk when this returns."""
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
