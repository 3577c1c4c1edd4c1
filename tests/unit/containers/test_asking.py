"""Statuses of servers in containers: those that answer, those that do not, and those that never come to an end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from boatyard.containers.asking import status_of
from boatyard.containers.reach import Reach

Serve = Callable[[Callable[[socket.socket], object]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Gives the next connection to a function; answers the port."""
    listeners = []

    def start(answer: Callable[[socket.socket], object]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            made, _ = listener.accept()
            with contextlib.suppress(OSError), made:
                made.recv(1000)
                answer(made)

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def trickle(made: socket.socket) -> None:
    """A byte ten times a second, for ever."""
    pause = threading.Event()
    made.sendall(b"HTTP/1.1 ")
    while not pause.wait(0.1):
        made.sendall(b" ")


def trickle_after_status(made: socket.socket) -> None:
    """A status, and then headers for ever."""
    made.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    trickle(made)


def answer_and_stay(made: socket.socket) -> None:
    """A whole answer, on a connection that stays open."""
    made.sendall(b"HTTP/1.0 503 Not Ready\r\n\r\nbody")
    made.recv(1)


def test_a_status_is_told(serve: Serve) -> None:
    assert status_of(Reach("127.0.0.1"), serve(lambda made: made.sendall(b"HTTP/1.1 200 OK\r\n\r\n")), "/", 60) == 200
    port = serve(answer_and_stay)
    assert status_of(Reach("127.0.0.1"), port, "/", 60) == 503


def test_an_answer_that_trickles_in_is_not_waited_for(serve: Serve) -> None:
    with pytest.raises(TimeoutError):
        status_of(Reach("127.0.0.1"), serve(trickle), "/", 0.5)
    assert status_of(Reach("127.0.0.1"), serve(trickle_after_status), "/", 0.5) == 200


def test_what_is_no_answer_is_said(serve: Serve) -> None:
    with pytest.raises(OSError, match="did not answer HTTP"):
        status_of(Reach("127.0.0.1"), serve(lambda made: made.sendall(b"SSH-2.0\r\n")), "/", 60)
    with pytest.raises(OSError, match="did not answer HTTP"):
        status_of(Reach("127.0.0.1"), serve(lambda made: None), "/", 60)
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    with pytest.raises(ConnectionRefusedError):
        status_of(Reach("127.0.0.1"), port, "/", 60)
