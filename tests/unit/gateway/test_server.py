"""Sockets: what is taken is said, what must not be opened is not."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from boatyard.gateway.server import CannotStart, Listeners, listening_socket


class _Server:
    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    async def listen(self, made: socket.socket) -> None:
        self.sockets.append(made)


def test_a_taken_port_names_the_ways_out() -> None:
    with listening_socket("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} .*--port"):
            listening_socket("127.0.0.1", port)


async def _add(listeners: Listeners, *addresses: str) -> None:
    for address in addresses:
        await asyncio.to_thread(listeners.add, address)


@pytest.mark.parametrize("address", ["0.0.0.0", "8.8.8.8", "::"])
def test_only_private_addresses_are_opened(address: str) -> None:
    async def run() -> None:
        server: Any = _Server()
        with pytest.raises(CannotStart, match="not a private address"):
            await _add(Listeners(server, asyncio.get_running_loop(), 0), address)
        assert server.sockets == []

    asyncio.run(run())


def test_a_networks_address_is_opened_once_even_before_the_network_is_up() -> None:
    async def run() -> None:
        server: Any = _Server()
        await _add(Listeners(server, asyncio.get_running_loop(), 0), "10.99.98.97", "10.99.98.97", "127.0.0.1")
        assert [made.getsockname()[0] for made in server.sockets] == ["10.99.98.97"]
        server.sockets[0].close()

    asyncio.run(run())
