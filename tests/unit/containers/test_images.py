"""Image names: the registry's, and those that environments stand in for."""

from __future__ import annotations

from pathlib import Path

import pytest

from boatyard.containers import base_images
from boatyard.containers.environments import Environments, version_of
from boatyard.containers.errors import EngineError, EnvironmentMissing
from boatyard.containers.images import parse

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def test_a_reference_in_its_parts() -> None:
    found = parse(f"{HOST}/team/model:v1")
    assert found is not None
    assert (found.account, found.region, found.repository, found.suffix) == (
        "123456789012",
        "eu-west-1",
        "team/model",
        ":v1",
    )
    digest = "sha256:" + "a" * 64
    by_digest = parse(f"{HOST}/model@{digest}")
    assert by_digest is not None
    assert by_digest.suffix == f"@{digest}"
    untagged = parse(f"{HOST}/model")
    assert untagged is not None
    assert untagged.suffix == ":latest"


@pytest.mark.parametrize(
    "reference", ["python:3.11", f"{HOST}/../x:1", f"{HOST}/UPPER:1", f"{HOST}/m@sha256:1", f"{HOST}/m:a b", HOST]
)
def test_what_is_no_reference_of_the_registry(reference: str) -> None:
    assert parse(reference) is None


def test_the_configured_mapping_comes_first() -> None:
    mapping = base_images.mapping({"docker.io/library/python": "functions", "docker.io/acme/*": "base"})
    assert mapping["docker.io/library/python"] == "functions"
    assert mapping["public.ecr.aws/docker/library/debian"] == "base"
    with pytest.raises(EngineError, match="no environment"):
        base_images.mapping({"docker.io/library/python": "nothing"})


def test_registry_names_begin_with_the_own_region() -> None:
    names = base_images.registry_names("123456789012", "eu-west-1")
    assert names[0] == HOST
    assert len(names) == len(set(names))


def test_an_environments_version_follows_its_recipe_and_its_base(tmp_path: Path) -> None:
    for name in ("base", "build", "functions"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(name)
    before = {name: version_of(tmp_path, name) for name in ("base", "build", "functions")}
    (tmp_path / "build" / "Dockerfile").write_text("changed")
    assert version_of(tmp_path, "build") != before["build"]
    assert version_of(tmp_path, "functions") == before["functions"]
    (tmp_path / "base" / "Dockerfile").write_text("changed")
    assert version_of(tmp_path, "functions") != before["functions"]


def test_an_environment_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="boatyard setup"):
        Environments(tmp_path).reference("base")
