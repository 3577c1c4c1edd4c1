"""What the tests of a data directory share: one with a little of everything, exported."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from boatyard.api.installation import Installation
from boatyard.keeping.export import export
from boatyard.settings import Settings

LARGE = bytes(range(256)) * 1024
KEY = "a/b ü"


def quiet(*_: object) -> None:
    """Tells nobody how far it is."""


def fill(installation: Installation) -> None:
    """A bucket with a small and a large object, a repository with a commit, a notebook's volume."""
    call = installation.root_call()
    call.invoke("s3", "CreateBucket", Bucket="kept")
    call.invoke("s3", "PutObject", Bucket="kept", Key=KEY, Body=b"small")
    call.invoke("s3", "PutObject", Bucket="kept", Key="large", Body=LARGE)
    call.invoke("codecommit", "CreateRepository", repositoryName="code")
    put = {"filePath": "file", "fileContent": b"one"}
    call.invoke("codecommit", "CreateCommit", repositoryName="code", branchName="main", putFiles=[put])
    volume = installation.data_directory / "sagemaker" / "notebook-instances" / "abc-1" / "volume"
    (volume / "deep").mkdir(parents=True)
    (volume / "deep" / "notes.ipynb").write_text("{}")
    (volume / "deep" / "run").write_text("#!/bin/sh")
    (volume / "deep" / "run").chmod(0o4755)
    (volume / "here").symlink_to("deep/notes.ipynb")


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """A data directory that was filled, and its export."""
    directory = tmp_path_factory.mktemp("original")
    settings = Settings(data_directory=directory / "data")
    installation = Installation(settings)
    fill(installation)
    installation.close()
    file = directory / "export.tar.gz"
    export(settings, file, replace=False, port=settings.port, say=quiet, moved=quiet)
    return settings, file


@pytest.fixture
def exported(original: tuple[Settings, Path], tmp_path: Path) -> Path:
    """A copy of the export, which the test may spoil."""
    return Path(shutil.copy(original[1], tmp_path))


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of another data directory."""
    return settings.model_copy(update={"data_directory": tmp_path / "elsewhere"})


def decoded(content: bytes) -> dict[str, object]:
    """JSON."""
    found: dict[str, object] = msgspec.json.decode(content)
    return found
