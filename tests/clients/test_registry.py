"""podman and skopeo against the registry of ECR."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cases import AWS_CLI, PODMAN, SKOPEO, case
from tests.clients.programs import skopeo
from tests.clients.shell import Shell
from tests.server import RunningServer, unique


@pytest.fixture
def repository(client: Callable[..., Any]) -> str:
    """An empty repository's name, with a path as many have."""
    name = f"team/{unique('image')}"
    client("ecr").create_repository(repositoryName=name)
    return name


@pytest.fixture
def storage() -> Iterator[Path]:
    """A directory for podman, whose path must be short (its run root at most 50 characters)."""
    with tempfile.TemporaryDirectory(prefix="pod") as directory:
        yield Path(directory)


def _layer(path: Path) -> None:
    content = b"a model\n" * 500_000
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("model")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _password(shell: Shell) -> str:
    return shell(AWS_CLI.program("aws"), "ecr", "get-login-password")


def _podman(shell: Shell, storage: Path) -> Callable[..., str]:
    places = ("--root", str(storage / "root"), "--runroot", str(storage / "run"), "--storage-driver", "vfs")
    shell.environment["REGISTRY_AUTH_FILE"] = str(shell.directory / "auth.json")

    def podman(*arguments: str, data: str = "") -> str:
        return shell("podman", *places, *arguments, data=data)

    return podman


@case(PODMAN, "`login` with `aws ecr get-login-password`, `build`, `push`, `pull` by tag and digest, `logout`")
def test_podman_builds_pushes_and_pulls(
    shell: Shell, server: RunningServer, repository: str, storage: Path, client: Callable[..., Any]
) -> None:
    podman = _podman(shell, storage)
    host = server.url.removeprefix("http://")
    image = f"{host}/{repository}:one"
    _layer(shell.directory / "model.tar")
    (shell.directory / "Containerfile").write_text("FROM scratch\nADD model.tar /opt/\nLABEL made=here\n")
    podman("build", "--quiet", "--tag", image, str(shell.directory))
    podman("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host, data=_password(shell))
    podman("push", "--quiet", "--tls-verify=false", image)
    (detail,) = client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    assert detail["imageTags"] == ["one"]
    for name in (image, f"{host}/{repository}@{detail['imageDigest']}"):
        podman("rmi", "--all", "--force")
        podman("pull", "--quiet", "--tls-verify=false", name)
        assert json.loads(podman("image", "inspect", name))[0]["Labels"]["made"] == "here"
    podman("logout", host)
    with pytest.raises(AssertionError, match=r"authentication required|unauthorized|denied"):
        podman("pull", "--quiet", "--tls-verify=false", image)


@case(SKOPEO, "`login`, `copy` to, within and from the registry, `inspect`, `list-tags`, `delete`")
def test_skopeo_copies_inspects_and_deletes(
    shell: Shell, server: RunningServer, repository: str, client: Callable[..., Any]
) -> None:
    program = str(skopeo())
    host = server.url.removeprefix("http://")
    shell.environment["REGISTRY_AUTH_FILE"] = str(shell.directory / "auth.json")
    there = f"docker://{host}/{repository}"
    _image_directory(shell.directory / "image")
    plain = "--tls-verify=false"
    shell(program, "login", plain, "--username", "AWS", "--password-stdin", host, data=_password(shell))
    copy = (program, "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false")
    shell(*copy, "oci:image:latest", f"{there}:one")
    shell(*copy, "--format", "v2s2", f"{there}:one", f"{there}:two")
    assert json.loads(shell(program, "list-tags", plain, there))["Tags"] == ["one", "two"]
    inspected = json.loads(shell(program, "inspect", plain, f"{there}:one"))
    details = client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": "one"}])["imageDetails"]
    assert inspected["Digest"] == details[0]["imageDigest"]
    assert inspected["RepoTags"] == ["one", "two"]
    shell(*copy, f"{there}@{inspected['Digest']}", "oci:back:latest")
    index = json.loads((shell.directory / "back" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == inspected["Digest"]
    shell(program, "delete", plain, f"{there}:two")
    assert json.loads(shell(program, "list-tags", plain, there))["Tags"] == ["one"]


def _image_directory(place: Path) -> None:
    """An image of one layer in OCI's layout."""
    blobs = place / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}",
                "size": len(content)}  # fmt: skip

    _layer(place / "layer.tar")
    layer = put((place / "layer.tar").read_bytes(), "layer.v1.tar")
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode(), "config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config, "layers": [layer]}  # fmt: skip
    described = put(json.dumps(manifest).encode(), "manifest.v1+json")
    described["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
