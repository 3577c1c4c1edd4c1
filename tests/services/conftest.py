"""What the tests of services share: one real server for all of them, and clients of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.server import RunningServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server that all tests share: each test makes things of its own, under `unique` names."""
    running = RunningServer(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    running.discard()


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Callable[..., Any]:
    """A boto3 client of the shared server: client("s3")."""
    return server.client


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Starts servers of a test's own, which may be killed and restarted: scratch(ephemeral="true")."""
    numbers = itertools.count()
    with ExitStack() as started:

        def start(**settings: str) -> RunningServer:
            running = RunningServer(tmp_path / f"data{next(numbers)}", **settings)
            started.callback(running.discard)
            return running.start()

        yield start
