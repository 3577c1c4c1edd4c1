"""Asks a container's HTTP server for a status, within a time that the container cannot stretch."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from boatyard.containers.reach import Reach

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_MOST_BYTES = 64 * 1024


def status_of(reach: Reach, port: int, path: str, seconds: float, headers: Mapping[str, str] | None = None) -> int:
    """The status of a GET, all of it within `seconds`, however the answer trickles in.

    Raises TimeoutError, ConnectionRefusedError where nothing listens, or another OSError that says what happened.
    """
    deadline = time.monotonic() + seconds
    fields = {"Host": f"{reach.address}:{port}", "Connection": "close", **(headers or {})}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    answer = b""
    with reach.connect(port, seconds) as made:
        made.sendall("\r\n".join(lines).encode())
        try:
            # To the end of its head, with which a short answer comes whole.
            while b"\r\n\r\n" not in answer and len(answer) < _MOST_BYTES and (left := deadline - time.monotonic()) > 0:
                made.settimeout(left)
                piece = made.recv(_MOST_BYTES)
                if not piece:
                    break
                answer += piece
        except OSError:
            if not _STATUS_LINE.match(answer):
                raise
    found = _STATUS_LINE.match(answer)
    if found is None and time.monotonic() >= deadline:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    if found is None:
        raise OSError("it did not answer HTTP")
    return int(found[1])
