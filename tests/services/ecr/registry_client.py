"""A small client of the OCI distribution protocol, over requests."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import Any

import requests

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY = b"{}"


def digest_of(content: bytes) -> str:
    """sha256:..."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer_of(**files: bytes) -> bytes:
    """A tar with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def descriptor(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    """An OCI descriptor of content."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def manifest_of(config: bytes, *layers: bytes, **more: Any) -> bytes:
    """An OCI image manifest."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, OCI_CONFIG),
            "layers": [descriptor(layer, OCI_LAYER) for layer in layers],
            **more,
        }
    ).encode()


@dataclass
class Registry:
    """One repository of a registry."""

    base: str
    repository: str
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request; `path` is below /v2/REPOSITORY/ unless it begins with a slash."""
        address = self.base + (path if path.startswith("/") else f"/v2/{self.repository}/{path}")
        return self.session.request(method, address, auth=("AWS", self.password), timeout=120, **options)

    def push_blob(self, content: bytes) -> str:
        """Upload a blob in one request; its digest."""
        digest = digest_of(content)
        done = self.ask("POST", "blobs/uploads/", params={"digest": digest}, data=content)
        assert done.status_code == 201, done.text
        return digest

    def push_manifest(self, reference: str, content: bytes, media_type: str = OCI_MANIFEST) -> requests.Response:
        """Put a manifest under a tag or a digest."""
        return self.ask("PUT", f"manifests/{reference}", data=content, headers={"Content-Type": media_type})

    def push_image(self, tag: str, *layers: bytes, config: bytes = EMPTY, **more: Any) -> str:
        """Push an image of layers; its digest."""
        for blob in (config, *layers):
            self.push_blob(blob)
        done = self.push_manifest(tag, manifest_of(config, *layers, **more))
        assert done.status_code == 201, done.text
        return done.headers["Docker-Content-Digest"]

    def error(self, response: requests.Response) -> tuple[int, str]:
        """The status and the code of an error."""
        return response.status_code, response.json()["errors"][0]["code"]
