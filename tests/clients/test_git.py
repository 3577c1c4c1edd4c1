"""git against CodeCommit, authenticated in AWS's two ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.git_configuration import CLI_HELPER, git_environment
from tests.clients.cases import AWS_CLI, GIT, REMOTE_CODECOMMIT, case
from tests.clients.shell import Shell
from tests.clients.tls_proxy import TlsProxy
from tests.server import RunningServer, unique

HOST = "git-codecommit.us-east-1.amazonaws.com"


@pytest.fixture
def repository(client: Callable[..., Any]) -> str:
    """An empty repository's name."""
    name = unique("repository")
    client("codecommit").create_repository(repositoryName=name)
    return name


@pytest.fixture
def work(shell: Shell) -> Shell:
    """A shell whose git knows its author, beside one commit in work/."""
    shell.environment |= {"GIT_TERMINAL_PROMPT": "0"}
    for who in ("AUTHOR", "COMMITTER"):
        shell.environment |= {f"GIT_{who}_NAME": "Ada", f"GIT_{who}_EMAIL": "ada@example.com"}
    shell("git", "init", "--quiet", "--initial-branch", "main", "work")
    (shell.directory / "work" / "train").write_text("#!/bin/sh\n")
    shell("git", "-C", "work", "add", "train")
    shell("git", "-C", "work", "commit", "--quiet", "--message", "Begin")
    return shell


@case(GIT, "`clone`, `push`, `fetch` with `aws codecommit credential-helper` and CodeCommit's https address")
def test_the_credential_helper_signs(work: Shell, server: RunningServer, repository: str) -> None:
    helper = CLI_HELPER.replace("aws codecommit", f"{AWS_CLI.program('aws')} codecommit")
    work.environment |= git_environment(server.url, helper=helper)
    address = f"https://{HOST}/v1/repos/{repository}"
    work("git", "-C", "work", "push", "--quiet", address, "main")
    work("git", "clone", "--quiet", address, "again")
    commit = work("git", "-C", "work", "rev-parse", "HEAD")
    assert work("git", "-C", "again", "rev-parse", "HEAD") == commit
    assert commit in work("git", "ls-remote", address, "main")


@case(REMOTE_CODECOMMIT, "`push` and `clone` of `codecommit::REGION://NAME` (behind a proxy that ends TLS: "
                         "the program itself knows https addresses of AWS only)")  # fmt: skip
def test_the_remote_helper_signs(work: Shell, server: RunningServer, repository: str, tmp_path: Path) -> None:
    proxy = TlsProxy(server.port, HOST, tmp_path)
    try:
        work.environment |= {
            "PATH": f"{REMOTE_CODECOMMIT.directory / 'bin'}:{work.environment['PATH']}",
            "HTTPS_PROXY": proxy.url,
            "GIT_SSL_CAINFO": str(proxy.certificate),
        }
        address = f"codecommit::us-east-1://{repository}"
        work("git", "-C", "work", "push", "--quiet", address, "main")
        work("git", "clone", "--quiet", address, "again")
        commit = work("git", "-C", "work", "rev-parse", "HEAD")
        assert work("git", "-C", "again", "rev-parse", "HEAD") == commit
        wrong = work.attempt("git", "ls-remote", address, AWS_SECRET_ACCESS_KEY="wrong")
        assert wrong.returncode == 128
        assert "403" in wrong.stdout
    finally:
        proxy.close()
