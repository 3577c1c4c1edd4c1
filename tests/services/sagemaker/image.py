"""Puts the algorithm's image into ECR without a build: the base environment's layers and one more."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import requests

from tests.server import ACCOUNT, REGION, RunningServer

SAVE = """
import sys
from boatyard.containers.engine import Engine
from boatyard.settings import Settings
engine = Engine.from_settings(Settings())
engine.ready()
reference = engine.environment("base")
with open(sys.argv[1], "wb") as file:
    for piece in engine._connection.call(lambda api: api.get_image(reference), patient=True):
        file.write(piece)
"""
PROGRAM = Path(__file__).with_name("algorithm.py")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"


def push_algorithm(
    server: RunningServer, repository: str, directory: Path, program: Path = PROGRAM, **configuration: Any
) -> str:
    """Makes a repository with the image in it; answers the image's URI. `configuration` goes into the image's own."""
    ecr = server.client("ecr")
    ecr.create_repository(repositoryName=repository)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().partition(":")[2]
    blobs, config = _base(server, directory)
    layer = directory / "program.tar"
    layer.write_bytes(_layer(program))
    blobs.append(layer)
    config["config"] |= {"Entrypoint": ["python3", "/opt/algorithm.py"], "Cmd": None, **configuration}
    config["rootfs"]["diff_ids"].append(_digest(layer))
    config.pop("history", None)
    described = directory / "config.json"
    described.write_text(json.dumps(config))
    address = f"{server.url}/v2/{repository}"
    session = requests.Session()
    session.auth = ("AWS", password)
    for blob in (*blobs, described):
        with blob.open("rb") as content:
            answer = session.post(
                f"{address}/blobs/uploads/", params={"digest": _digest(blob)}, data=content, timeout=300
            )
        assert answer.status_code == 201, answer.text
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(described, CONFIG),
        "layers": [_descriptor(blob, LAYER) for blob in blobs],
    }
    answer = session.put(
        f"{address}/manifests/latest", data=json.dumps(manifest), headers={"Content-Type": MANIFEST}, timeout=300
    )
    assert answer.status_code == 201, answer.text
    session.close()
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository}:latest"


def _base(server: RunningServer, directory: Path) -> tuple[list[Path], dict[str, Any]]:
    """The layers and the configuration of the base environment, as the server's engine has it."""
    archive = directory / "base.tar"
    # In a process of its own: the engine's service, if it is not running yet, must not be this process's child.
    done = subprocess.run(
        [sys.executable, "-c", SAVE, str(archive)],
        env=server.server_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with tarfile.open(archive) as content:
        # Debian 12's own Python 3.11.2 knows no filters yet.
        content.extraction_filter = getattr(tarfile, "data_filter", None)
        content.extractall(directory / "base")
    manifest = json.loads((directory / "base" / "manifest.json").read_text())[0]
    config: dict[str, Any] = json.loads((directory / "base" / manifest["Config"]).read_text())
    return [directory / "base" / layer for layer in manifest["Layers"]], config


def _layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        content = program.read_bytes()
        member = tarfile.TarInfo("opt/algorithm.py")
        member.size, member.mode = len(content), 0o755
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"


def _descriptor(path: Path, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(path), "size": path.stat().st_size}
