"""Git as a user has it: a credential helper, and addresses of AWS that lead to this server."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.git_configuration import git_environment, own_helper
from tests.server import RunningServer, unique


class Git:
    """Git in one directory, against one server, as the root unless `keys` say otherwise.

    Passwords come from boatyard's own helper, which starts faster than the AWS CLI, unless `helper` names one.
    """

    def __init__(self, server: RunningServer, directory: Path, *, helper: str | None = None, **keys: str) -> None:
        self.directory = directory
        self.environment = server.environment(
            HOME=str(directory),
            GIT_CONFIG_NOSYSTEM="1",
            GIT_TERMINAL_PROMPT="0",
            GIT_AUTHOR_NAME="Ada",
            GIT_AUTHOR_EMAIL="ada@example.com",
            GIT_COMMITTER_NAME="Ada",
            GIT_COMMITTER_EMAIL="ada@example.com",
            **git_environment(server.url, helper=helper or own_helper()),
            **keys,
        )

    def attempt(self, *arguments: str, data: bytes | None = None) -> tuple[int, str]:
        """Run `git ARGUMENTS`: its exit code, and its standard output and error."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.directory,
            env=self.environment,
            input=data or b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def __call__(self, *arguments: str) -> str:
        """Run `git ARGUMENTS`, which must succeed: its output."""
        code, output = self.attempt(*arguments)
        assert code == 0, output
        return output.strip()

    def commit(self, **files: bytes) -> str:
        """Write files and commit them: the commit's id."""
        for name, content in files.items():
            (self.directory / name).write_bytes(content)
        self("add", "--all")
        self("commit", "--quiet", "--message", "Change")
        return self("rev-parse", "HEAD")


@pytest.fixture(scope="session")
def codecommit(client: Callable[..., Any]) -> Any:
    """boto3's CodeCommit client."""
    return client("codecommit")


@pytest.fixture
def repository(codecommit: Any) -> str:
    """An empty repository's name."""
    name = unique("repository")
    codecommit.create_repository(repositoryName=name)
    return name


@pytest.fixture
def git(server: RunningServer, repository: str, tmp_path: Path) -> Git:
    """A clone of the empty repository, with the branch main begun."""
    git = Git(server, tmp_path)
    git("clone", "--quiet", f"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{repository}", "clone")
    git.directory = tmp_path / "clone"
    git("checkout", "--quiet", "-b", "main")
    return git
