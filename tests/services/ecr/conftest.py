"""A repository of one test's own, with a client of the API and one of the registry."""

import base64
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.server import RunningServer
from tests.services.ecr.registry_client import Registry


@pytest.fixture(scope="session")
def ecr(client: Callable[..., Any]) -> Any:
    """boto3's ECR client."""
    return client("ecr")


@pytest.fixture(scope="session")
def password(ecr: Any) -> str:
    """A registry password."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    assert user == "AWS"
    return str(password)


@pytest.fixture
def name(ecr: Any) -> str:
    """An empty repository's name."""
    name = f"team/image-{uuid.uuid4().hex[:8]}"
    ecr.create_repository(repositoryName=name)
    return name


@pytest.fixture
def registry(server: RunningServer, name: str, password: str) -> Registry:
    """The same repository in the registry."""
    return Registry(server.url, name, password)
