"""A repository without a server, and images put into it directly."""

import hashlib
import json
from collections.abc import Callable

import pytest

from boatyard.api.call import Call, Client
from boatyard.services.ecr.images import store
from boatyard.services.ecr.layers.uploads import uploads
from boatyard.services.ecr.records import REPOSITORIES, Image, Repository

NAME = "team/model"
Push = Callable[..., Image]


@pytest.fixture
def ecr(call: Call) -> Client:
    """ECR as root, with an empty repository."""
    client = call.client("ecr")
    client.create_repository(repositoryName=NAME)
    return client


@pytest.fixture
def repository(ecr: Client, call: Call) -> Repository:
    """The repository's record."""
    with call.installation.database.reading() as rx:
        found = REPOSITORIES.get(rx, call.account, call.region, NAME)
    assert found is not None
    return found


@pytest.fixture
def push(call: Call, repository: Repository) -> Push:
    """push("tag", b"layer") puts an image of that one layer."""

    def put_blob(content: bytes) -> dict[str, object]:
        upload = uploads(call.installation).begin(repository)
        upload.write(content)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        uploads(call.installation).finish(upload, digest)
        return {"mediaType": "application/x", "digest": digest, "size": len(content)}

    def push_image(tag: str | None, layer: bytes) -> Image:
        manifest = {"schemaVersion": 2, "config": put_blob(b"{}"), "layers": [put_blob(layer)]}
        image, _ = store.put(call.installation, repository, json.dumps(manifest).encode(), tag=tag)
        return image

    return push_image
