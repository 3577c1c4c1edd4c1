"""The list of references at the head of a push."""

import asyncio
from typing import Any

import pytest

from boatyard.services.codecommit.push_commands import BadRequest, Push, parse, read, refusal

OLD, NEW = "0" * 40, "1" * 40


def packet(text: str) -> bytes:
    """A packet line."""
    return f"{len(text.encode()) + 4:04x}{text}".encode()


HEAD = (
    packet(f"shallow {NEW}")
    + packet(f"{OLD} {NEW} refs/heads/main\0report-status side-band-64k agent=git")
    + packet(f"{NEW} {OLD} refs/tags/v1\n")
    + b"0000"
)


def test_references_and_capabilities_are_read() -> None:
    push = parse(HEAD + b"PACK...")
    assert push is not None
    assert push.references == ["refs/heads/main", "refs/tags/v1"]
    assert "side-band-64k" in push.capabilities
    assert parse(b"0000") == Push([], frozenset())


def test_what_has_not_come_yet_is_waited_for() -> None:
    assert all(parse(HEAD[:length]) is None for length in range(len(HEAD)))


@pytest.mark.parametrize("data", [b"xxxx", b"0001", packet("push-cert"), packet("a b")])
def test_what_is_no_command_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(data + b"0000")


def test_the_body_begins_again_after_it_was_read() -> None:
    async def story(pieces: list[bytes]) -> tuple[list[str], bytes]:
        async def receive() -> Any:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        push, again = await read(receive)
        body = b""
        while True:
            message = await again()
            body += message["body"]
            if not message["more_body"]:
                return push.references, body

    assert asyncio.run(story([HEAD[:50], HEAD[50:], b"PACK"])) == (["refs/heads/main", "refs/tags/v1"], HEAD + b"PACK")
    with pytest.raises(BadRequest):
        asyncio.run(story([HEAD[:50]]))


def test_a_refusal_names_every_reference() -> None:
    push = Push(["refs/heads/main"], frozenset())
    assert refusal(push, "no\n way") == packet("unpack ok\n") + packet("ng refs/heads/main no way\n") + b"0000"
    banded = refusal(Push(["refs/heads/main"], frozenset({"side-band-64k"})), "no")
    assert banded.endswith(b"00000000")
    assert banded[4:5] == b"\x01"
