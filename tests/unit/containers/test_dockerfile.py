"""What the build environment's docker command reads of a Dockerfile."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest

from boatyard.containers.environments import images_directory


@pytest.fixture(scope="module")
def dockerfile() -> ModuleType:
    path = images_directory() / "build" / "dockerfile.py"
    found = importlib.util.spec_from_file_location("dockerfile", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


STAGES = """# syntax=docker/dockerfile:1
ARG VERSION=3.11
ARG BASE=python:${VERSION}-slim
FROM --platform=linux/amd64 \\
     ${BASE} AS build
RUN echo FROM nothing
FROM build AS second
COPY --from=busybox:1 /bin/sh /sh
COPY --from=build /x /x
COPY --from=0 /y /y
FROM scratch
FROM ${OTHER:-debian}
"""


def test_images_of_all_stages_with_arguments_put_in(dockerfile: Any) -> None:
    assert dockerfile.images(STAGES, {}) == ["python:3.11-slim", "busybox:1", "debian"]
    assert dockerfile.images(STAGES, {"VERSION": "3.12"})[0] == "python:3.12-slim"


def test_arguments_are_declared_behind_every_from(dockerfile: Any) -> None:
    changed = dockerfile.with_arguments("FROM a \\\n  AS b\nRUN x\nFROM c", ["CERT"])
    assert changed == "FROM a \\\n  AS b\nARG CERT\nRUN x\nFROM c\nARG CERT\n"


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.11", "docker.io/library/python:3.11"),
        ("acme/tool:1", "docker.io/acme/tool:1"),
        ("public.ecr.aws/docker/library/python:3.12", "public.ecr.aws/docker/library/python:3.12"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("debian@sha256:1", "docker.io/library/debian@sha256:1"),
    ],
)
def test_full_names(dockerfile: Any, image: str, full: str) -> None:
    assert dockerfile.normalise(image) == full
