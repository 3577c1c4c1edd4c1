"""Paths inside a repository: none that a clone would write into its .git, however a file system spells that."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.codecommit.checks import clean_path


@pytest.mark.parametrize(
    "path",
    [
        *(".git", ".GIT/hooks/pre-commit", "a/.git/x", "git~1", ".git ", ".git.", ".g\u200cit", ".git:stream"),
        *(".git::$INDEX_ALLOCATION", ".git\\hooks", "..", "a/../b", "a//b", "./a", "a/", "", "/", "a\0", "ü" * 2049),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(ApiError, match="InvalidPathException"):
        clean_path(path)


@pytest.mark.parametrize("path", [".gitignore", "a/.github/x", "git", "..a", "a..", "a\nb", "/a", "-x", "a:b"])
def test_paths_that_look_like_it_are_taken(path: str) -> None:
    assert clean_path(path) == path.removeprefix("/")
