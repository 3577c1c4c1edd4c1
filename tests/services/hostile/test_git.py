"""Git that means harm: reference names that lead out, and trees that would write into a clone's .git."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from hypothesis import example, given
from hypothesis import strategies as st

from boatyard.identity.git_password import sign
from tests.server import REGION, ROOT_KEY, ROOT_SECRET, RunningServer, unique
from tests.services.codecommit.conftest import Git
from tests.services.hostile.names import FEWER, MARK, names

EMPTY_PACK = b"PACK\x00\x00\x00\x02\x00\x00\x00\x00"
EMPTY_PACK += hashlib.sha1(EMPTY_PACK, usedforsecurity=False).digest()
NOTHING = "0" * 40


@pytest.fixture(scope="module")
def filled(client: Callable[..., Any]) -> tuple[str, str, str]:
    """A repository with one commit: its name, its id and the commit's."""
    codecommit, name = client("codecommit"), unique("hostile")
    found = codecommit.create_repository(repositoryName=name)["repositoryMetadata"]["repositoryId"]
    put = codecommit.put_file(repositoryName=name, branchName="main", filePath="a", fileContent=b"a")
    return name, found, put["commitId"]


def push(server: RunningServer, repository: str, commit: str, reference: bytes) -> bytes:
    """Ask receive-pack itself for a reference: a client would refuse the worst of them."""
    command = f"{NOTHING} {commit} ".encode() + reference + b"\0 report-status"
    path = f"/v1/repos/{repository}"
    answer = requests.post(
        f"{server.url}{path}/git-receive-pack",
        data=f"{len(command) + 4:04x}".encode() + command + b"0000" + EMPTY_PACK,
        auth=(ROOT_KEY, sign(ROOT_SECRET, REGION, "127.0.0.1", path)),
        headers={"Content-Type": "application/x-git-receive-pack-request"},
        timeout=120,
    )
    assert answer.status_code < 500
    return answer.content


def files_of(server: RunningServer, identity: str) -> set[str]:
    """The files of a repository on the server, without objects."""
    directory = server.data_directory / "git" / f"{identity}.git"
    found = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
    return {path for path in found if not path.startswith("objects/")}


references = st.sampled_from(["refs/heads/", "refs/tags/", "refs/", "", "/", "../", "HEAD/"]).flatmap(
    lambda start: names.map(lambda name: start + name + MARK)
)


@given(reference=references)
@example(reference="refs/heads/../../../../h0stile")
@example(reference="refs/heads/../../config")
@example(reference="objects/info/alternates")
@example(reference="config")
@example(reference="/tmp/h0stile")
@example(reference="refs/heads/h0stile.lock")
@example(reference="refs/boatyard/h0stile")
@example(reference="refs/heads/--upload-pack=h0stile")
@example(reference="refs/heads/h0stile")
@FEWER
def test_a_reference_is_refused_or_is_a_reference(
    server: RunningServer, client: Callable[..., Any], filled: tuple[str, str, str], reference: str
) -> None:
    repository, identity, commit = filled
    before = files_of(server, identity)
    answer = push(server, repository, commit, reference.encode())
    new = files_of(server, identity) - before
    taken = f"ok {reference}".encode() in answer
    assert new <= ({reference} if taken else set())
    if taken:
        assert reference.startswith("refs/")
        assert not reference.startswith("refs/boatyard/"), "these are the server's own"
        assert ".." not in reference.split("/")
    if reference == "refs/heads/h0stile":
        assert reference in before | new
        assert "h0stile" in client("codecommit").list_branches(repositoryName=repository)["branches"]


def tree_of(git: Git, *entries: tuple[str, str, str]) -> str:
    """A tree with exactly these entries (mode, name, object), which git itself would not write."""
    content = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(found) for mode, name, found in entries)
    (git.directory / "tree").write_bytes(content)
    return git("hash-object", "-t", "tree", "--literally", "-w", "tree")


def commit_of(git: Git, tree: str) -> str:
    return git("commit-tree", tree, "-m", "evil")


@pytest.fixture
def evil(server: RunningServer, filled: tuple[str, str, str], tmp_path: Path) -> Git:
    """A clone to make evil objects in."""
    git = Git(server, tmp_path)
    git("clone", "--quiet", f"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{filled[0]}", "clone")
    git.directory = tmp_path / "clone"
    return git


@pytest.mark.parametrize("name", [".git", ".GIT", "..", ".", "", "a/b", "git~1", ".git.", ".g\u200cit"])
def test_a_tree_that_would_write_elsewhere_is_refused(
    client: Callable[..., Any], filled: tuple[str, str, str], evil: Git, name: str
) -> None:
    hook = evil("hash-object", "-w", "a")
    inner = tree_of(evil, ("100755", "post-checkout", hook))
    commit = commit_of(evil, tree_of(evil, ("40000", name, inner)))
    code, output = evil.attempt("push", "origin", f"{commit}:refs/heads/evil")
    assert code != 0, output
    assert "fsck error" in output or "error: " in output
    assert "evil" not in client("codecommit").list_branches(repositoryName=filled[0])["branches"]


@pytest.mark.parametrize(
    "modules",
    [
        b'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch h0stile\n',
        b'[submodule "../../x"]\n\tpath = x\n\turl = https://git.example/x.git\n',
        b'[submodule "x"]\n\tpath = -x\n\turl = https://git.example/x.git\n',
    ],
)
def test_submodules_that_would_run_something_are_refused(evil: Git, modules: bytes) -> None:
    (evil.directory / "modules").write_bytes(modules)
    blob = evil("hash-object", "-w", "modules")
    commit = commit_of(evil, tree_of(evil, ("100644", ".gitmodules", blob)))
    code, output = evil.attempt("push", "origin", f"{commit}:refs/heads/evil-modules")
    assert code != 0, output
    assert "gitmodules" in output


def test_links_in_trees_are_never_followed(client: Callable[..., Any], filled: tuple[str, str, str], evil: Git) -> None:
    (evil.directory / "link").symlink_to("/etc/passwd")
    (evil.directory / "folder").symlink_to("/etc")
    evil("add", "--all")
    evil("commit", "--quiet", "--message", "links")
    evil("push", "--quiet", "origin", "HEAD:refs/heads/links")
    codecommit, where = client("codecommit"), {"repositoryName": filled[0], "commitSpecifier": "links"}
    for path in ("link", "folder/passwd"):
        try:
            content = codecommit.get_file(**where, filePath=path)["fileContent"]
        except ClientError as refused:
            assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 400  # noqa: PT017
        else:
            assert content == b"/etc/passwd"
    assert {each["relativePath"] for each in codecommit.get_folder(**where, folderPath="/")["symbolicLinks"]} == {
        "link",
        "folder",
    }
