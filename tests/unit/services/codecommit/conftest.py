"""An installation without a server, and a repository in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from boatyard.api.call import Call, Client
from boatyard.api.installation import Installation
from boatyard.settings import Settings


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An opened data directory."""
    directory: Path = tmp_path_factory.mktemp("data")
    opened = Installation(
        Settings(data_directory=directory, root_access_key_id="AKIAROOT", root_secret_access_key="secret")
    )
    yield opened
    opened.close()


@pytest.fixture
def call(installation: Installation) -> Iterator[Call]:
    """A call as root; everything is emptied afterwards."""
    yield installation.root_call()
    installation.reset()


@pytest.fixture
def codecommit(call: Call) -> Client:
    """CodeCommit as root, with an empty repository called algorithm."""
    client = call.client("codecommit")
    client.create_repository(repositoryName="algorithm", repositoryDescription="A model")
    return client
