"""A repository without a server."""

import pytest

from boatyard.api.call import Call, Client


@pytest.fixture
def codecommit(call: Call) -> Client:
    """CodeCommit as root, with an empty repository called algorithm."""
    client = call.client("codecommit")
    client.create_repository(repositoryName="algorithm", repositoryDescription="A model")
    return client
