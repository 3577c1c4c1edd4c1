"""Which manifests are taken, and what is read from them."""

import json
from typing import Any

import pytest

from boatyard.services.ecr.images.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    LIMIT,
    OCI_INDEX,
    OCI_MANIFEST,
    BadManifest,
    read,
)

ONE, TWO = (f"sha256:{digit * 64}" for digit in "ab")


def image(**changes: Any) -> dict[str, Any]:
    """An image manifest of one layer."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": ONE, "size": 7}
    return {"schemaVersion": 2, "config": config, "layers": [{"digest": TWO, "size": 100}], **changes}


def test_an_image_names_its_blobs_and_its_size() -> None:
    manifest = read(json.dumps(image(mediaType=OCI_MANIFEST)).encode(), None)
    assert (manifest.media_type, manifest.blobs, manifest.size) == (OCI_MANIFEST, [ONE, TWO], 107)
    assert manifest.artifact_type == "application/vnd.oci.image.config.v1+json"


def test_the_request_says_the_type_where_the_manifest_does_not() -> None:
    content = json.dumps(image()).encode()
    assert read(content, f"{DOCKER_MANIFEST}; charset=utf-8").media_type == DOCKER_MANIFEST
    assert read(content, None).media_type == OCI_MANIFEST


def test_a_foreign_layer_need_not_be_pushed() -> None:
    layers = [{"digest": TWO, "size": 100, "urls": ["https://example.com/layer"]}]
    assert read(json.dumps(image(layers=layers)).encode(), OCI_MANIFEST).blobs == [ONE]


@pytest.mark.parametrize("kind", [OCI_INDEX, DOCKER_LIST])
def test_an_index_names_its_images(kind: str) -> None:
    content = {"schemaVersion": 2, "manifests": [{"digest": ONE, "size": 1}, {"digest": TWO, "size": 2}]}
    manifest = read(json.dumps(content).encode(), kind)
    assert (manifest.children, manifest.blobs) == ([ONE, TWO], [])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b" " * (LIMIT + 1), None),
        (json.dumps(image(schemaVersion=1)).encode(), None),
        (json.dumps(image(mediaType=OCI_INDEX)).encode(), OCI_MANIFEST),
        (json.dumps(image(layers="x")).encode(), OCI_MANIFEST),
        (json.dumps(image(layers=[{"digest": "../x", "size": 1}])).encode(), OCI_MANIFEST),
        (json.dumps(image(layers=[{"digest": ONE, "size": -1}])).encode(), OCI_MANIFEST),
        (json.dumps(image(layers=[{"digest": ONE, "size": True}])).encode(), OCI_MANIFEST),
        (json.dumps(image(config=None)).encode(), OCI_MANIFEST),
        (json.dumps(image(subject={"digest": 1})).encode(), OCI_MANIFEST),
        (b'{"schemaVersion": 2, "fsLayers": []}', "application/vnd.docker.distribution.manifest.v1+json"),
    ],
)
def test_what_is_no_manifest_is_refused(content: bytes, kind: str | None) -> None:
    with pytest.raises(BadManifest):
        read(content, kind)
