"""Manifests as they are pushed: docker's schema 2 and OCI's, checked and taken apart."""

from dataclasses import dataclass, field
from typing import Any

from boatyard.api import json_text
from boatyard.services.ecr.repositories import DIGEST

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
INDEXES = (DOCKER_LIST, OCI_INDEX)
MEDIA_TYPES = (DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX)
LIMIT = 4 * 1024 * 1024


class BadManifest(Exception):
    """A manifest that cannot be taken; the text says why."""


@dataclass(frozen=True)
class Manifest:
    """What a manifest says. `blobs` and `children` are digests that must be in the repository; `size` in bytes."""

    media_type: str
    blobs: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    size: int = 0
    artifact_type: str | None = None
    subject: str | None = None
    annotations: dict[str, str] = field(default_factory=dict)


def read(content: bytes, media_type: str | None) -> Manifest:
    """Take a manifest apart (OCI Image Format Specification 1.1, Docker Image Manifest V2 Schema 2); BadManifest."""
    if len(content) > LIMIT:
        raise BadManifest(f"the manifest has {len(content)} bytes; at most {LIMIT} are taken")
    try:
        document = json_text.read(content)
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"the manifest is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise BadManifest("the manifest must be an object with schemaVersion 2")
    kind = _media_type(document, media_type)
    index = kind in INDEXES
    layers = [] if index else _descriptors(document, "layers")
    config = [] if index else [_descriptor(document.get("config"), "config")]
    children = _descriptors(document, "manifests") if index else []
    subject = document.get("subject")
    artifact = document.get("artifactType")
    if artifact is None and config and config[0].get("mediaType"):
        artifact = config[0]["mediaType"]
    annotations = document.get("annotations")
    return Manifest(
        media_type=kind,
        # Layers with addresses of their own are had from there and are not pushed.
        blobs=list(dict.fromkeys(one["digest"] for one in (*config, *layers) if not one.get("urls"))),
        children=list(dict.fromkeys(one["digest"] for one in children)),
        size=sum(one["size"] for one in (*config, *layers)),
        artifact_type=artifact if isinstance(artifact, str) else None,
        subject=_descriptor(subject, "subject")["digest"] if subject is not None else None,
        annotations={str(key): str(value) for key, value in annotations.items()}
        if isinstance(annotations, dict)
        else {},
    )


def _media_type(document: dict[str, Any], given: str | None) -> str:
    own = document.get("mediaType")
    kind = (given or "").partition(";")[0].strip() or own
    if own is not None and kind in MEDIA_TYPES and own != kind:
        raise BadManifest(f"the manifest says that it is {own}, the request that it is {kind}")
    if kind not in MEDIA_TYPES and own in MEDIA_TYPES:
        kind = own
    if kind not in MEDIA_TYPES:
        if own is None and "config" in document and "layers" in document:
            return OCI_MANIFEST
        raise BadManifest(f"manifests of type {kind} are not taken: use {', '.join(MEDIA_TYPES)}")
    return str(kind)


def _descriptors(document: dict[str, Any], member: str) -> list[dict[str, Any]]:
    found = document.get(member)
    if not isinstance(found, list):
        raise BadManifest(f"{member} must be a list of descriptors")
    return [_descriptor(one, member) for one in found]


def _descriptor(value: object, member: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not DIGEST.match(str(value.get("digest"))):
        raise BadManifest(f"{member} must have descriptors with a sha256 digest")
    size = value.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise BadManifest(f"{member} must have descriptors with a size")
    return value
