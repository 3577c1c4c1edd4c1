"""What unit tests share: an installation in a directory of its own, and a call as its root user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data directory that is this test's own."""
    return Settings(
        authorization="off",  # here roles are stand-ins without policies; tests against a server judge every call
        data_directory=tmp_path / "data",
        root_access_key_id="AKIAROOTROOTROOTROOT",
        root_secret_access_key="secret-of-the-root-user-in-tests-0000000",
    )


@pytest.fixture
def installation(settings: Settings) -> Iterator[Installation]:
    """An installation that is open but has no server, and closes after the test."""
    opened = Installation(settings)
    yield opened
    opened.close()


@pytest.fixture
def started(installation: Installation) -> Installation:
    """The same, with workflows resumed and events delivered."""
    installation.start()
    return installation


@pytest.fixture
def call(installation: Installation) -> Call:
    """A call as the root user in us-east-1."""
    return installation.root_call()
