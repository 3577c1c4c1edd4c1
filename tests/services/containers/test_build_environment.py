"""docker inside the build environment: stand-ins that are told, layers that are kept, images that run."""

from __future__ import annotations

from pathlib import Path

import pytest

from boatyard.containers.bootstrap import registry_reachable
from boatyard.containers.engine import Engine
from boatyard.containers.specification import Mount
from tests.server import ACCOUNT, REGION, unique
from tests.services.containers.conftest import Run, said

DOCKERFILE = """ARG VERSION=3.11
FROM python:${VERSION}-slim
RUN python -c "print(6 * 7)" > /answer
COPY word /word
ENTRYPOINT ["cat", "/answer", "/word"]
"""


@pytest.fixture
def context(workdir: Path) -> Path:
    (workdir / "Dockerfile").write_text(DOCKERFILE)
    (workdir / "word").write_text("hello\n")
    return workdir


def test_an_image_is_built_run_and_built_again_from_its_layers(
    engine: Engine, run: Run, context: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    layers = tmp_path_factory.mktemp("layers")
    inside = engine.docker_inside(layers, ACCOUNT, REGION)
    network = engine.network(unique("build"))

    def build(script: str) -> str:
        return said(
            run(
                "bash",
                "-ec",
                script,
                image="build",
                privileged=True,
                network=network.name,
                mounts=[*inside.mounts, Mount(context, "/context", read_only=True)],
                environment=inside.environment,
                hosts=inside.hosts,
            )
        )

    first = build("docker build -t model /context && docker run --rm model")
    assert "42\nhello" in first
    if not registry_reachable():
        assert "FROM python:3.11-slim: using boatyard's base" in first
    again = build(
        "docker build -t model /context; aws --version; make --version; jq --version; unzip -v; git --version"
    )
    assert "Using cache" in again
    assert "aws-cli/1." in again
