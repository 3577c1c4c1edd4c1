"""How the server reaches a container's ports: by its address, or from inside the network it has to itself.

A container without a network has nothing but a loopback interface that no packet enters or leaves. A socket that is
made in its network namespace can be connected on it all the same; the container gains no way out.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_LOOPBACK = "127.0.0.1"


class Reach:
    """The way to one running container."""

    def __init__(self, address: str, namespace: int | None = None) -> None:
        """`namespace`: a descriptor of the network namespace that has `address`, closed with this object."""
        self.address = address
        self._namespace = namespace
        if namespace is not None:
            weakref.finalize(self, os.close, namespace)

    def connect(self, port: int, timeout: float) -> socket.socket:
        """A connection to a port, with a `timeout` (seconds) for this and each later step. OSError if there is none."""
        made = self._socket()
        try:
            made.settimeout(timeout)
            made.connect((self.address, port))
        except BaseException:
            made.close()
            raise
        return made

    async def open(self, port: int) -> socket.socket:
        """As `connect`, for an event loop."""
        loop = asyncio.get_running_loop()
        made = self._socket() if self._namespace is None else await loop.run_in_executor(None, self._socket)
        try:
            made.setblocking(False)
            await loop.sock_connect(made, (self.address, port))
        except BaseException:
            made.close()
            raise
        return made

    def _socket(self) -> socket.socket:
        if self._namespace is None:
            return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        namespace = self._namespace
        found: list[socket.socket | OSError] = []

        def make() -> None:
            try:
                _enter(namespace)
                found.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            except OSError as error:
                found.append(error)

        # A thread of its own, which ends in there: none that does other work is ever in a container's network.
        thread = threading.Thread(target=make, name="socket in a container")
        thread.start()
        thread.join()
        if isinstance(found[0], OSError):
            raise found[0]
        return found[0]


def _enter(namespace: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the container's network cannot be entered: {os.strerror(number)}")


def inside(process: Callable[[], int]) -> Reach | None:
    """The way into the network of a container without one; `process` tells its first process, 0 when it has ended."""
    number = process()
    if number <= 0:
        return None
    try:
        namespace = os.open(f"/proc/{number}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    reach = Reach(_LOOPBACK, namespace)
    with contextlib.suppress(OSError):
        # The number may have become another process's meanwhile: then the container has ended.
        own = Path("/proc/self/ns/net").stat().st_ino == os.fstat(namespace).st_ino
        if not own and process() == number:
            return reach
    return None
