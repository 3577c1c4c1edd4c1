"""Git's subprocesses where the repository is not there any more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.codecommit.git import Git


def test_a_repository_that_is_deleted_while_it_is_read_does_not_exist(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "repository.git"
    directory.mkdir(parents=True)
    git = Git(directory)
    git.run("init", "--bare", "--quiet")
    assert git.text("rev-parse", "--is-bare-repository") == "true"
    shutil.rmtree(directory)
    with pytest.raises(ApiError) as refused:
        git.run("for-each-ref")
    assert refused.value.code == "RepositoryDoesNotExistException"
