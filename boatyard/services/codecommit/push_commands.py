"""What a push asks for: the references named at the head of its request, before the pack (gitprotocol-pack(5))."""

from dataclasses import dataclass
from typing import Any

from boatyard.services.codecommit.backend import Receive

LIMIT = 4 << 20
"""Bytes that the list of references may have: far more than the 4,000 references that AWS takes in a push."""


class BadRequest(Exception):
    """The head of the push is not as the protocol has it."""


@dataclass(frozen=True)
class Push:
    """The full names of the references that a push changes, and what its client can read."""

    references: list[str]
    capabilities: frozenset[str]


def parse(data: bytes) -> Push | None:
    """The push at the beginning of `data`; None when its list of references is not whole yet. BadRequest."""
    references: list[str] = []
    capabilities: frozenset[str] = frozenset()
    at = 0
    while True:
        if len(data) - at < 4:
            return None
        try:
            length = int(data[at : at + 4], 16)
        except ValueError:
            raise BadRequest("a packet line without a length") from None
        if length == 0:
            return Push(references, capabilities)
        if length < 4:
            raise BadRequest("a packet line of another protocol")
        if len(data) - at < length:
            return None
        line, _, offered = data[at + 4 : at + length].partition(b"\0")
        at += length
        if offered:
            capabilities = frozenset(offered.decode(errors="replace").split())
        parts = line.decode(errors="surrogateescape").rstrip("\n").split(" ", 2)
        if parts[0] == "shallow":
            continue
        if len(parts) != 3:
            raise BadRequest("a line that is no command")
        references.append(parts[2])


async def read(receive: Receive) -> tuple[Push, Receive]:
    """The push, and the request's body from its beginning again."""
    messages: list[Any] = []
    data = b""
    while True:
        message = await receive()
        messages.append(message)
        data += message.get("body", b"")
        push = parse(data)
        if push is not None:
            return push, _again(messages, receive)
        if len(data) > LIMIT or message["type"] == "http.disconnect" or not message.get("more_body", False):
            raise BadRequest("the list of references does not end")


def _again(messages: list[Any], receive: Receive) -> Receive:
    async def replay() -> Any:
        return messages.pop(0) if messages else await receive()

    return replay


def refusal(push: Push, reason: str) -> bytes:
    """The answer that refuses every reference of a push, in the form that the client reads (report-status)."""
    text = " ".join(reason.split())[:900]
    lines = [_packet(b"unpack ok\n")]
    lines += [_packet(f"ng {name} {text}\n".encode(errors="surrogateescape")) for name in push.references]
    report = b"".join(lines) + b"0000"
    if "side-band-64k" not in push.capabilities:
        return report
    pieces = [report[at : at + 60_000] for at in range(0, len(report), 60_000)]
    return b"".join(_packet(b"\x01" + piece) for piece in pieces) + b"0000"


def _packet(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content
