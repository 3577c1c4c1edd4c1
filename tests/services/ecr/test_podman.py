"""podman, as builds and the engine use it: what it pushes it can pull, by tag and by digest."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import RunningServer


@pytest.fixture
def storage() -> Iterator[Path]:
    """A directory for podman, whose path must be short (its run root at most 50 characters)."""
    with tempfile.TemporaryDirectory(prefix="ecr") as directory:
        yield Path(directory)


def test_podman_logs_in_pushes_and_pulls(
    server: RunningServer, ecr: Any, name: str, tmp_path: Path, storage: Path
) -> None:
    host = server.url.removeprefix("http://")
    places = ["--root", str(storage / "root"), "--runroot", str(storage / "run"), "--storage-driver", "vfs"]
    access = ["--tls-verify=false", f"--authfile={tmp_path / 'auth.json'}"]

    def podman(*arguments: str, data: str = "") -> str:
        done = subprocess.run(
            ["podman", *places, *arguments],
            input=data,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    content = b"a model\n" * 10_000
    with tarfile.open(tmp_path / "image.tar", "w") as archive:
        member = tarfile.TarInfo("model")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    image = podman("import", "--quiet", str(tmp_path / "image.tar"), f"{host}/{name}:one")
    login = subprocess.run(
        ["aws", "ecr", "get-login-password"], env=server.environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    podman("login", *access, "--username", "AWS", "--password-stdin", host, data=login.stdout)
    podman("push", "--quiet", *access, f"{host}/{name}:one")
    podman("push", "--quiet", *access, "--format", "v2s2", f"{host}/{name}:one", f"{host}/{name}:docker")
    details = ecr.describe_images(repositoryName=name)["imageDetails"]
    digests = {detail["imageTags"][0]: detail["imageDigest"] for detail in details}
    assert digests.keys() == {"one", "docker"}
    podman("rmi", "--force", image)
    assert image.endswith(podman("pull", "--quiet", *access, f"{host}/{name}:one"))
    podman("rmi", "--force", image)
    assert image.endswith(podman("pull", "--quiet", *access, f"{host}/{name}@{digests['docker']}"))
