"""Requests as they go over the wire, built and signed by boto3 before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Prepared:
    """One request: its head with the empty line, and its body."""

    head: bytes
    body: bytes = b""


def to_url(url: str, method: str = "GET", body: bytes = b"") -> Prepared:
    """A request to a URL that carries all that is needed, as presigned ones do."""
    return _prepared(method, url, {"Content-Length": str(len(body))} if method != "GET" else {}, body)


def of_call(client: Any, method: str, **arguments: Any) -> Prepared:
    """What a call of boto3 sends, with its signature; nothing is sent. The body is not read from a stream."""
    kept: list[Prepared] = []

    def keep(request: Any, **_: Any) -> None:
        body = request.body or b""
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        kept.append(_prepared(request.method, request.url, headers, body.encode() if isinstance(body, str) else body))
        raise Kept

    client.meta.events.register("before-send", keep)
    try:
        getattr(client, method)(**arguments)
    except Kept:
        pass
    finally:
        client.meta.events.unregister("before-send", keep)
    return kept[0]


class Kept(Exception):
    """The request is kept, and is not to be sent."""


def _prepared(method: str, url: str, headers: dict[str, str], body: bytes) -> Prepared:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in ("host", "expect")]
    return Prepared("\r\n".join([*lines, "", ""]).encode("latin-1"), body)


def several(count: int, make: Callable[[], Prepared]) -> list[Prepared]:
    """The same call several times: each is signed anew, over an invocation id of its own."""
    return [make() for _ in range(count)]


def write(path: Path, requests: list[Prepared]) -> Path:
    """The file that prepared.lua reads."""
    with path.open("wb") as file:
        for each in requests:
            file.write(b"%d\n%b%b" % (len(each.head) + len(each.body), each.head, each.body))
    return path
