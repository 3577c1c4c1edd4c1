"""What the registry has acknowledged is there after the server was killed."""

import base64
import os
from collections.abc import Callable

from tests.server import RunningServer
from tests.services.ecr.registry_client import EMPTY, Registry, digest_of, manifest_of


def test_an_image_survives_the_death_of_the_server(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    ecr = server.client("ecr")
    ecr.create_repository(repositoryName="kept")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().removeprefix("AWS:")
    registry = Registry(server.url, "kept", password)
    layer = os.urandom(200_000)
    registry.push_image("one", layer)
    begun = registry.ask("POST", "blobs/uploads/").headers["Location"]
    assert registry.ask("PATCH", begun, data=layer[:1000]).status_code == 202
    server.kill()
    server.start()
    # The password is good for its twelve hours, whichever server gave it.
    registry = Registry(server.url, "kept", password)
    assert registry.ask("GET", "manifests/one").content == manifest_of(EMPTY, layer)
    assert registry.ask("GET", f"blobs/{digest_of(layer)}").content == layer
    assert registry.error(registry.ask("PATCH", begun, data=layer[1000:])) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert list((server.data_directory / "blobs" / "tmp").iterdir()) == []
