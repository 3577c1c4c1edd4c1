"""Real git against a real server: what is pushed is there, and what goes wrong is said in git's own output."""

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from boatyard.api.git_configuration import CLI_HELPER
from boatyard.identity.git_password import sign
from tests.server import REGION, ROOT_KEY, ROOT_SECRET, RunningServer, unique
from tests.services.codecommit.conftest import Git

ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def test_what_is_pushed_is_seen_by_the_api_and_by_clones(git: Git, codecommit: Any, repository: str) -> None:
    first = git.commit(train=b"#!/bin/sh\n", large=os.urandom(7_000_000))
    git("push", "--quiet", "origin", "main")
    described = codecommit.get_repository(repositoryName=repository)["repositoryMetadata"]
    assert described["defaultBranch"] == "main"
    assert codecommit.get_branch(repositoryName=repository, branchName="main")["branch"]["commitId"] == first
    with pytest.raises(ClientError, match="FileTooLargeException"):
        codecommit.get_file(repositoryName=repository, filePath="large")
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


def test_a_clone_of_an_empty_repository_begins_the_clients_own_branch(git: Git, repository: str) -> None:
    git("-c", "init.defaultBranch=trunk", "clone", "--quiet", f"codecommit://{repository}", "../mine")
    assert git("-C", "../mine", "symbolic-ref", "HEAD") == "refs/heads/trunk"


def test_the_aws_cli_signs_for_git(git: Git, server: RunningServer, repository: str) -> None:
    commit = git.commit(a=b"1")
    cli = Git(server, git.directory, helper=CLI_HELPER)
    cli("push", "--quiet", f"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{repository}", "main")
    assert commit in cli("ls-remote", "origin", "main")


def test_a_session_of_a_role_pulls_with_its_token(git: Git, server: RunningServer, client: Callable[..., Any]) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    name = unique("puller")
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    user = client("iam").create_user(UserName=name)["User"]["UserName"]
    client("iam").put_user_policy(UserName=user, PolicyName="all", PolicyDocument=json.dumps(ALL))
    client("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(ALL))
    key = client("iam").create_access_key(UserName=user)["AccessKey"]
    sts = server.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="build")["Credentials"]
    commit = git.commit(a=b"1")
    git("push", "--quiet", "origin", "main")
    keys = {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
    assert commit in Git(server, git.directory, **keys)("ls-remote", "origin", "main")
    code, output = Git(server, git.directory, **{**keys, "AWS_SESSION_TOKEN": "x"}).attempt("ls-remote", "origin")
    assert (code, "security token" in output) == (128, True), output


def test_git_credentials_of_a_user_are_taken(git: Git, server: RunningServer, client: Callable[..., Any]) -> None:
    iam = client("iam")
    user = unique("git")
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=json.dumps(ALL))
    made = iam.create_service_specific_credential(UserName=user, ServiceName="codecommit.amazonaws.com")
    made = made["ServiceSpecificCredential"]
    answer = f"username={made['ServiceUserName']}\\npassword={made['ServicePassword']}\\n"
    commit = git.commit(a=b"1")
    static = Git(server, git.directory, helper=f"!f() {{ printf '{answer}'; }}; f")
    static("push", "--quiet", "origin", "main")
    assert commit in static("ls-remote", "origin", "main")
    wrong = Git(
        server, git.directory, helper=f"!f() {{ printf 'username={made['ServiceUserName']}\\npassword=no\\n'; }}; f"
    )
    code, output = wrong.attempt("ls-remote", "origin")
    assert (code, "403" in output) == (128, True), output


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


def test_bytes_that_are_no_pack_are_refused(server: RunningServer, codecommit: Any, repository: str) -> None:
    command = f"{'0' * 40} {'1' * 40} refs/heads/main\0report-status".encode()
    body = f"{len(command) + 4:04x}".encode() + command + b"0000PACK" + b"not a pack" * 100
    path = f"/v1/repos/{repository}"
    answer = requests.post(
        f"{server.url}{path}/git-receive-pack",
        data=body,
        auth=(ROOT_KEY, sign(ROOT_SECRET, REGION, "127.0.0.1", path)),
        headers={"Content-Type": "application/x-git-receive-pack-request"},
        timeout=120,
    )
    assert answer.status_code == 200
    assert b"ng refs/heads/main" in answer.content
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
    # It may have had to take another port.
    codecommit = server.client("codecommit")
    address = codecommit.get_repository(repositoryName="kept")["repositoryMetadata"]["cloneUrlHttp"]
    git = Git(server, tmp_path)
    assert codecommit.get_branch(repositoryName="kept", branchName="main")["branch"]["commitId"] == commit
    git("clone", "--quiet", address, "again")
    assert git("-C", "again", "rev-parse", "HEAD") == commit
