"""What the tests of clients share: a server, and what is run against it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import cases
from tests.clients.early import Early
from tests.clients.shell import Shell
from tests.server import RunningServer

_passed: dict[str, bool] = {}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server that the clients share, with the default settings: authorization is enforced."""
    running = RunningServer(tmp_path_factory.mktemp("clients") / "data").start()
    yield running
    running.discard()


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Callable[..., Any]:
    """A boto3 client of the shared server, for what tests prepare and look at: client("s3")."""
    return server.client


@pytest.fixture(scope="session", autouse=True)
def early(
    request: pytest.FixtureRequest, server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Early]:
    """What the tests that are to be run have begun early."""
    names = [item.nodeid.rpartition("/")[2].replace(".py::", ".") for item in request.session.items]
    begun = Early(server, names, tmp_path_factory.mktemp("early"))
    yield begun
    begun.end()


@pytest.fixture
def shell(server: RunningServer, tmp_path: Path) -> Shell:
    """A shell in an empty directory, as the root user."""
    return Shell(server, tmp_path)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what has passed, in all of its phases."""
    _passed[report.nodeid] = report.passed and _passed.get(report.nodeid, True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table when CLIENTS_TABLE names a file for it."""
    target = os.environ.get("CLIENTS_TABLE")
    if target:
        found = cases.all_cases()
        seen = {each.client.title: each.client.seen() for each in found}
        Path(target).write_text(cases.page(found, _passed, seen))
