"""Merges of branches: what is merged, what is a conflict, and how it is resolved."""

from typing import Any

import pytest

from boatyard.api.call import Client
from boatyard.api.errors import ApiError

from .test_operations import NAME, commit, refusal

SIDES: dict[str, Any] = {
    "repositoryName": NAME,
    "sourceCommitSpecifier": "feature",
    "destinationCommitSpecifier": "main",
}
LINES = [b"one\n", b"two\n", b"three\n", b"four\n", b"five\n", b"six\n", b"seven\n"]


@pytest.fixture
def branches(codecommit: Client) -> Client:
    """main and feature, both at a commit with a file of seven lines."""
    first = commit(codecommit, {"lines": b"".join(LINES), "kept": b"k"})
    codecommit.create_branch(repositoryName=NAME, branchName="feature", commitId=first)
    return codecommit


def changed(position: int, text: bytes) -> bytes:
    """The seven lines with one replaced."""
    return b"".join([*LINES[:position], text, *LINES[position + 1 :]])


def read(codecommit: Client, path: str) -> bytes:
    """A file's content on main."""
    return bytes(codecommit.get_file(repositoryName=NAME, commitSpecifier="main", filePath=path)["fileContent"])


def test_fast_forward_moves_the_branch_or_is_refused(branches: Client) -> None:
    tip = commit(branches, {"new": b"n"}, branch="feature")
    assert branches.get_merge_options(**SIDES)["mergeOptions"][0] == "FAST_FORWARD_MERGE"
    assert branches.merge_branches_by_fast_forward(**SIDES)["commitId"] == tip
    commit(branches, {"other": b"o"}, branch="feature")
    commit(branches, {"main": b"m"})
    assert refusal(branches.merge_branches_by_fast_forward, **SIDES) == "ManualMergeRequiredException"


def test_different_files_merge_three_ways(branches: Client) -> None:
    source = commit(branches, {"new": b"n"}, branch="feature")
    destination = commit(branches, {"main": b"m"})
    merged = branches.merge_branches_by_three_way(**SIDES, authorName="Ada", email="a@b")
    described = branches.get_commit(repositoryName=NAME, commitId=merged["commitId"])["commit"]
    assert described["parents"] == [destination, source]
    assert (read(branches, "new"), read(branches, "main")) == (b"n", b"m")


def test_squash_has_one_parent(branches: Client) -> None:
    commit(branches, {"new": b"n"}, branch="feature")
    destination = commit(branches, {"main": b"m"})
    merged = branches.merge_branches_by_squash(**SIDES, commitMessage="All of it")
    described = branches.get_commit(repositoryName=NAME, commitId=merged["commitId"])["commit"]
    assert (described["parents"], described["message"]) == ([destination], "All of it")


def test_one_file_changed_on_both_sides_is_a_conflict_by_file_but_not_by_line(branches: Client) -> None:
    commit(branches, {"lines": changed(0, b"ONE\n")}, branch="feature")
    commit(branches, {"lines": changed(6, b"SEVEN\n")})
    found = branches.get_merge_conflicts(**SIDES, mergeOption="THREE_WAY_MERGE")
    assert (found["mergeable"], [one["filePath"] for one in found["conflictMetadataList"]]) == (False, ["lines"])
    assert found["conflictMetadataList"][0]["mergeOperations"] == {"source": "M", "destination": "M"}
    assert refusal(branches.merge_branches_by_three_way, **SIDES) == "ManualMergeRequiredException"
    branches.merge_branches_by_three_way(**SIDES, conflictDetailLevel="LINE_LEVEL")
    assert read(branches, "lines") == b"".join([b"ONE\n", *LINES[1:6], b"SEVEN\n"])


@pytest.mark.parametrize(
    ("strategy", "level", "first"),
    [
        ("ACCEPT_SOURCE", "FILE_LEVEL", b"source\n"),
        ("ACCEPT_DESTINATION", "LINE_LEVEL", b"destination\n"),
        ("ACCEPT_SOURCE", "LINE_LEVEL", b"source\n"),
    ],
)
def test_a_strategy_resolves_what_collides(branches: Client, strategy: str, level: str, first: bytes) -> None:
    commit(branches, {"lines": changed(0, b"source\n")}, branch="feature")
    commit(branches, {"lines": changed(0, b"destination\n")})
    with pytest.raises(ApiError, match="merged automatically"):
        branches.merge_branches_by_squash(**SIDES, conflictDetailLevel="LINE_LEVEL")
    branches.merge_branches_by_squash(**SIDES, conflictDetailLevel=level, conflictResolutionStrategy=strategy)
    assert read(branches, "lines") == changed(0, first)


def test_a_file_deleted_here_and_changed_there_is_a_conflict(branches: Client) -> None:
    commit(branches, {}, branch="feature", deleteFiles=[{"filePath": "kept"}])
    commit(branches, {"kept": b"changed"})
    found = branches.get_merge_conflicts(**SIDES, mergeOption="SQUASH_MERGE")["conflictMetadataList"]
    assert [one["mergeOperations"] for one in found] == [{"source": "D", "destination": "M"}]
