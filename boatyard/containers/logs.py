"""Container logs into lines: the engine's multiplexed stream, and the log file of boatyard's own podman."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from boatyard.api import timestamps
from boatyard.containers.specification import LogLine

STREAMS = {1: "stdout", 2: "stderr"}
HEADER_BYTES = 8
# A line longer than this is handed on in pieces, so that one endless line cannot fill the memory.
LONGEST_LINE = 4 * 1024 * 1024
_FRACTION = re.compile(r"\.(\d{1,9})\d*")


def parse_timestamp(text: str) -> datetime:
    """An RFC 3339 time with up to nine digits of fraction, in UTC; ValueError when it is none."""
    shortened = _FRACTION.sub(lambda match: "." + match.group(1)[:6].ljust(6, "0"), text)
    return datetime.fromisoformat(shortened).astimezone(UTC)


class LineAssembler:
    """Joins the pieces in which an engine hands on long lines, separately for each stream."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[bytes]] = {}
        self._sizes: dict[str, int] = {}
        self._times: dict[str, datetime] = {}

    def add(self, timestamp: datetime, stream: str, piece: bytes, *, ends: bool) -> LogLine | None:
        """Take one piece; the whole line when this piece ends it."""
        pieces = self._pieces.setdefault(stream, [])
        if not pieces:
            self._times[stream] = timestamp
        pieces.append(piece)
        self._sizes[stream] = self._sizes.get(stream, 0) + len(piece)
        if ends or self._sizes[stream] >= LONGEST_LINE:
            return self._take(stream)
        return None

    def rest(self) -> Iterator[LogLine]:
        """What was written without a newline at the end."""
        for stream in list(self._pieces):
            if self._pieces[stream]:
                yield self._take(stream)

    def _take(self, stream: str) -> LogLine:
        content = b"".join(self._pieces[stream])
        self._pieces[stream] = []
        self._sizes[stream] = 0
        return LogLine(self._times[stream], stream, content.decode("utf-8", "replace").rstrip("\r"))


def file_lines(records: Iterable[bytes]) -> Iterator[LogLine]:
    """Lines from the records of a Kubernetes-style log file: `TIME STREAM F|P TEXT` each."""
    assembler = LineAssembler()
    for record in records:
        parts = record.rstrip(b"\n").split(b" ", 3)
        if len(parts) < 3:
            continue
        try:
            timestamp = parse_timestamp(parts[0].decode("ascii"))
        except ValueError:
            continue
        text = parts[3] if len(parts) > 3 else b""
        line = assembler.add(timestamp, parts[1].decode("ascii", "replace"), text, ends=parts[2] == b"F")
        if line is not None:
            yield line
    yield from assembler.rest()


def stream_lines(chunks: Iterable[bytes]) -> Iterator[LogLine]:
    """Lines from the Docker Engine API's multiplexed log stream with timestamps, however it is cut."""
    assembler = LineAssembler()
    for stream, payload in frames(chunks):
        stamp, _, text = payload.partition(b" ")
        try:
            timestamp = parse_timestamp(stamp.decode("ascii"))
        except ValueError:
            timestamp, text = timestamps.now(), payload
        line = assembler.add(timestamp, stream, text.removesuffix(b"\n"), ends=text.endswith(b"\n"))
        if line is not None:
            yield line
    yield from assembler.rest()


def frames(chunks: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """(stream, payload) of each frame: one byte of stream, three of nothing, four of length, the payload."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= HEADER_BYTES:
            length = int.from_bytes(buffer[4:HEADER_BYTES], "big")
            if len(buffer) < HEADER_BYTES + length:
                break
            yield STREAMS.get(buffer[0], "stdout"), bytes(buffer[HEADER_BYTES : HEADER_BYTES + length])
            del buffer[: HEADER_BYTES + length]
