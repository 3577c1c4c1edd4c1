"""The `boatyard` command beside servers of a test's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import RunningServer

Boatyard = Callable[..., subprocess.CompletedProcess[str]]


def boatyard(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`boatyard ARGUMENTS` with a server's settings."""
    return subprocess.run(
        [sys.executable, "-m", "boatyard.cli.main", *arguments],
        env=server.server_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def done(server: RunningServer, *arguments: str) -> str:
    """The output of a command that must succeed."""
    ended = boatyard(server, *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RunningServer]:
    """A server with an empty data directory and another port, which is not started."""
    made = RunningServer(tmp_path / "another place" / "data")
    made.data_directory.parent.mkdir()
    yield made
    made.discard()
