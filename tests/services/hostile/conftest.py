"""The server under hostile names: whatever they are, they never become files, and nothing outside is touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from tests.server import RunningServer
from tests.services.hostile.names import MARK


def _outside(server: RunningServer) -> list[str]:
    return sorted(path.name for path in server.data_directory.parent.iterdir())


def planted(directory: Path) -> list[str]:
    """The files whose path a hostile name has got into; git's references are files by their nature."""
    found = []
    # os.walk passes over folders that the containers of other tests take away meanwhile.
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            below = (Path(folder) / name).relative_to(directory).parts
            if any(MARK in part for part in below) and not (below[0] == "git" and below[2:3] in (("refs",), ("logs",))):
                found.append("/".join(below))
    return found


@pytest.fixture(scope="module", autouse=True)
def nothing_is_planted(server: RunningServer) -> Iterator[None]:
    """After every module: no name has become a file, no file has appeared beside the data directory."""
    before = _outside(server)
    yield
    assert _outside(server) == before
    assert planted(server.data_directory) == []
    assert "Traceback" not in server.output_text()


@pytest.fixture(scope="session")
def raw(server: RunningServer) -> Callable[[str], Any]:
    """Clients that check nothing themselves: raw("lambda")."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = server.client(service, config=Config(parameter_validation=False))
        return made[service]

    return client
