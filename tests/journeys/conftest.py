"""What the journeys share: one server of their own, its clients, and waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.server import RunningServer

LIMIT = 480.0


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server that these journeys share; each makes things under names of its own."""
    running = RunningServer(tmp_path_factory.mktemp("journeys") / "data").start()
    yield running
    running.discard()


@pytest.fixture(scope="package")
def client(server: RunningServer) -> Callable[..., Any]:
    """A boto3 client of that server: client("s3")."""
    return server.client


def until(ready: Callable[[], Any], what: str) -> Any:
    """What `ready` answers as soon as it is true."""
    deadline = time.monotonic() + LIMIT
    while not (answer := ready()):
        assert time.monotonic() < deadline, f"{what}: not within {LIMIT:.0f} s"
        time.sleep(0.1)
    return answer
