"""Real git against a real server: what is pushed is there, and what goes wrong is said in git's own output."""

import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server import RunningServer
from tests.services.codecommit.conftest import Git


def test_what_is_pushed_is_seen_by_the_api_and_by_clones(git: Git, codecommit: Any, repository: str) -> None:
    first = git.commit(train=b"#!/bin/sh\n", large=os.urandom(3_000_000))
    git("push", "--quiet", "origin", "main")
    described = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    assert described["defaultBranch"] == "main"
    assert codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]["commitId"] == first
    second = git.commit(train=b"#!/bin/sh\nexit 0\n")
    git("tag", "--annotate", "v1", "--message", "One")
    git("push", "--quiet", "origin", "main", "v1", "main:refs/heads/other")
    assert codecommit.list_branches(repositoryName=repository)["branches"] == ["main", "other"]
    git("clone", "--quiet", "--depth", "1", described["cloneUrlHttp"], "../shallow")
    assert git("-C", "../shallow", "rev-list", "HEAD") == second
    git("clone", "--quiet", f"codecommit::us-east-1://{repository}", "../again")
    assert git("-C", "../again", "describe", "--tags") == "v1"
    git("push", "--quiet", "origin", ":other")
    assert codecommit.list_branches(repositoryName=repository)["branches"] == ["main"]


def test_a_commit_through_the_api_is_fetched(git: Git, codecommit: Any, repository: str) -> None:
    tip = git.commit(train=b"1")
    git("push", "--quiet", "origin", "main")
    made = codecommit.put_file(
        repositoryName=repository, branchName="main", filePath="train", fileContent=b"2", parentCommitId=tip
    )
    git("pull", "--quiet", "origin", "main")
    assert git("rev-parse", "HEAD") == made["commitId"]
    assert (git.directory / "train").read_bytes() == b"2"


def test_two_pushes_at_once_lose_nothing(git: Git, tmp_path: Path, repository: str, codecommit: Any) -> None:
    git.commit(a=b"1")
    git("push", "--quiet", "origin", "main")
    git("clone", "--quiet", "-b", "main", git("remote", "get-url", "origin"), "../other")
    ours = git.commit(a=b"2")
    other = git.directory
    git.directory = tmp_path / "other"
    git.commit(a=b"3")
    git.directory = other
    git("push", "--quiet", "origin", "main")
    code, output = git.attempt("-C", "../other", "push", "origin", "main")
    assert code != 0
    assert "rejected" in output
    assert codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]["commitId"] == ours


def test_a_missing_repository_is_named(git: Git, server: RunningServer) -> None:
    code, output = git.attempt("push", f"{server.url}/v1/repos/nothing-here", "HEAD:main")
    assert code != 0
    code, output = git.attempt("clone", f"{server.url}/v1/repos/nothing-here")
    assert (code, "Repository nothing-here does not exist in region us-east-1" in output) == (128, True), output


def test_wrong_credentials_are_refused(git: Git, server: RunningServer, repository: str) -> None:
    wrong = Git(server, git.directory, AWS_SECRET_ACCESS_KEY="wrong")
    code, output = wrong.attempt("ls-remote", f"{server.url}/v1/repos/{repository}")
    assert (code, "403" in output, "not a valid signature" in output) == (128, True, True), output
    unknown = Git(server, git.directory, AWS_ACCESS_KEY_ID="AKIAUNKNOWN000000000")
    code, output = unknown.attempt("ls-remote", f"{server.url}/v1/repos/{repository}")
    assert (code, "not a known access key" in output) == (128, True), output


def test_references_that_are_not_the_users_are_refused(git: Git) -> None:
    git.commit(a=b"1")
    git("push", "--quiet", "origin", "main")
    code, output = git.attempt("push", "origin", "main:refs/boatyard/mine")
    assert (code, "hidden ref" in output) == (1, True), output
    code, output = git.attempt("push", "origin", ":main")
    assert (code, "deletion of the current branch prohibited" in output) == (1, True), output


def test_a_corrupt_pack_is_refused_and_changes_nothing(
    git: Git, server: RunningServer, codecommit: Any, repository: str
) -> None:
    # A commit whose tree holds `.git`: a pack that is whole, but must not be checked out by anyone.
    blob = git("hash-object", "-w", "--stdin")
    tree = b"100644 .git\0" + bytes.fromhex(blob)
    content = b"tree " + str(len(tree)).encode() + b"\0" + tree
    name = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    place = git.directory / ".git" / "objects" / name[:2]
    place.mkdir(exist_ok=True)
    (place / name[2:]).write_bytes(zlib.compress(content))
    commit = git("commit-tree", name, "-m", "Trick")
    code, output = git.attempt("push", "origin", f"{commit}:refs/heads/main")
    assert (code, "contains '.git'" in output) == (1, True), output
    assert codecommit.list_branches(repositoryName=repository)["branches"] == []


def test_pushes_survive_the_death_of_the_server(scratch: Callable[..., RunningServer], tmp_path: Path) -> None:
    server = scratch()
    codecommit = server.client("codecommit")
    address = codecommit.create_repository(repositoryName="kept")["repositoryMetadata"]["cloneUrlHttp"]
    git = Git(server, tmp_path)
    git("init", "--quiet", "--initial-branch", "main", "work")
    git.directory = tmp_path / "work"
    commit = git.commit(train=os.urandom(100_000))
    git("push", "--quiet", address, "main")
    server.kill()
    server.start()
    assert codecommit.get_branch(repositoryName="kept", branchName="main")["branch"]["commitId"] == commit
    git("clone", "--quiet", address, "../again")
    assert git("-C", "../again", "rev-parse", "HEAD") == commit
