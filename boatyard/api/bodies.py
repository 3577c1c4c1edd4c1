"""Bodies that stream: what an operation reads from a request and what it gives to an answer."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeGuard, cast, runtime_checkable

CHUNK = 1 << 20


@runtime_checkable
class Body(Protocol):
    """A request's body: read in pieces, never held whole. `length` is in bytes, None when not known."""

    length: int | None

    def read(self, size: int = -1) -> bytes:
        """The next at most `size` bytes, all that is left for -1, b"" at the end."""
        ...


async def arrived(body: Body | None) -> None:
    """Waits, on the event loop, until all of a body that is known to be small has come: reading it blocks no more."""
    arrive = getattr(body, "arrive", None)
    if arrive is not None:
        await arrive()


class BytesBody(io.BytesIO):
    """A body that is in memory already."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.length: int | None = len(content)


class FileSlice:
    """A part of a file as an answer's body, which the gateway may hand to the kernel."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self.path = path
        self.offset = offset
        self.length = length
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """The next at most `size` bytes of the slice, all that is left for -1."""
        left = self.length - self._at
        wanted = left if size < 0 else min(size, left)
        if wanted <= 0:
            return b""
        with self.path.open("rb") as file:
            file.seek(self.offset + self._at)
            content = file.read(wanted)
        self._at += len(content)
        return content

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.offset)
            left = self.length
            while left > 0:
                content = file.read(min(CHUNK, left))
                if not content:
                    return
                left -= len(content)
                yield content


def _is_body(value: object) -> TypeGuard[Body]:
    """The same as `isinstance(value, Body)`, which takes longer than a small body's reading."""
    return hasattr(value, "read") and hasattr(value, "length")


Streamed = bytes | Body | FileSlice | Iterable[bytes]


def chunks(body: Streamed) -> Iterator[bytes]:
    """The pieces of anything that an operation may return as a streaming member."""
    if isinstance(body, bytes | bytearray):
        yield bytes(body)
    elif isinstance(body, FileSlice):
        yield from body
    elif _is_body(body):
        while content := body.read(CHUNK):
            yield content
    else:
        yield from cast("Iterable[bytes]", body)


def whole(body: Streamed) -> bytes:
    """All of a body in memory: only for what is known to be small."""
    return b"".join(chunks(body))


def as_body(content: bytes | str | Body) -> Body:
    """What an in-process caller gave as a body, as a Body."""
    if isinstance(content, str):
        return BytesBody(content.encode())
    if isinstance(content, bytes | bytearray):
        return BytesBody(bytes(content))
    if _is_body(content):
        return content
    raise TypeError(f"not a body: {type(content).__name__}")
