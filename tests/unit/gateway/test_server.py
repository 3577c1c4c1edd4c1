"""Sockets: what is taken is said."""

from __future__ import annotations

import pytest

from boatyard.gateway.server import CannotStart, listening_socket


def test_a_taken_port_names_the_ways_out() -> None:
    with listening_socket("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} .*--port"):
            listening_socket("127.0.0.1", port)
