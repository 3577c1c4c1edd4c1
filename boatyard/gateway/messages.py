"""One HTTP request and one HTTP response, as the gateway's steps hand them on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_plus

from starlette.types import Scope


class Headers(dict[str, str]):
    """Header names in lower case; a name that was sent twice holds both values, joined by a comma."""

    @classmethod
    def from_raw(cls, raw: list[tuple[bytes, bytes]]) -> Headers:
        """The headers of an ASGI scope."""
        headers = cls()
        for name, value in raw:
            key, text = str(name, "latin-1").lower(), str(value, "latin-1")
            headers[key] = f"{headers[key]},{text}" if key in headers else text
        return headers


def split_query(query_string: str) -> list[tuple[str, str]]:
    """The pairs of a query string or of a form, decoded, in their order, blank values kept."""
    pairs = []
    for part in query_string.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def read_query(query_string: str) -> tuple[tuple[tuple[str, str], ...], Mapping[str, str]]:
    """The pairs of a query string, and by name the first of each."""
    pairs = tuple(split_query(query_string))
    return pairs, MappingProxyType(dict(reversed(pairs)))


_LONGEST_KEPT = 1024
_kept_query = lru_cache(maxsize=1024)(read_query)
"""The same query string comes often: presigned URLs, and operations that it names."""


@dataclass
class HttpRequest:
    """A request as it came: the path and the query string still percent-encoded, because they were signed so.

    `path` is what the operation is found by: for virtual-host-style S3 requests it holds the bucket too.
    `body` is bytes, or a file-like object where the operation streams.
    """

    method: str
    raw_path: str
    query_string: str
    headers: Headers
    path: str = ""
    body: Any = b""
    client: str = "127.0.0.1"
    claim: Any = field(default=None, init=False, repr=False, compare=False)
    """What gateway.signature has read of the signature."""

    def __post_init__(self) -> None:
        """The path to route by is the path sent, unless the host says otherwise later."""
        self.path = self.path or self.raw_path

    @classmethod
    def from_scope(cls, scope: Scope) -> HttpRequest:
        """The request of an ASGI scope, without its body."""
        client = scope.get("client")
        raw = scope["raw_path"].decode("latin-1") or "/"
        return cls(
            method=scope["method"],
            raw_path=raw.split("?", 1)[0],
            query_string=scope["query_string"].decode("latin-1"),
            headers=Headers.from_raw(scope["headers"]),
            client=client[0] if client else "127.0.0.1",
        )

    @property
    def query_pairs(self) -> tuple[tuple[str, str], ...]:
        """The decoded pairs of the query string in their order."""
        return self._read_query[0]

    @property
    def query(self) -> Mapping[str, str]:
        """The decoded query string; of a repeated name the first value counts."""
        return self._read_query[1]

    @cached_property
    def _read_query(self) -> tuple[tuple[tuple[str, str], ...], Mapping[str, str]]:
        text = self.query_string
        return _kept_query(text) if len(text) <= _LONGEST_KEPT else read_query(text)

    @property
    def content_length(self) -> int | None:
        """The length that the client declared, in bytes."""
        value = self.headers.get("content-length", "")
        return int(value) if value.isascii() and value.isdigit() else None


@dataclass
class OpenFile:
    """A stretch of an open file that is sent as the body: `descriptor` is read from `offset` and closed at the end."""

    descriptor: int
    offset: int
    length: int
    path: Path | None = None


@dataclass
class HttpResponse:
    """A response before it is sent; `headers` may hold a name more than once."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | OpenFile | Iterator[bytes] = b""
    error_code: str | None = None
