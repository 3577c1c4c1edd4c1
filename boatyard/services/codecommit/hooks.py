"""What CodeCommit does when the server starts, and when everything is emptied."""

import shutil
import threading
import uuid
from typing import TYPE_CHECKING

from boatyard.services.codecommit import references
from boatyard.services.codecommit.git import Git, GitError
from boatyard.services.codecommit.records import REPOSITORIES
from boatyard.services.codecommit.references import repository_git

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

COLLECT_SECONDS = 3600.0


def resume(installation: "Installation") -> None:
    """Write the events of pushes that the last server did not live to write; tidy repositories now and then."""
    references.resume(installation)
    _put_orphans_aside(installation)
    for leftover in installation.data_directory.glob("git-*.deleted"):
        shutil.rmtree(leftover, ignore_errors=True)
    installation.workflows.every(COLLECT_SECONDS, "codecommit.garbage", lambda: collect(installation))


def _put_orphans_aside(installation: "Installation") -> None:
    """Repositories on disk without a record: a crash came between the two, which one transaction makes."""
    directory = installation.data_directory / "git"
    with installation.database.transaction() as tx:
        known = {f"{repository.repository_id}.git" for repository in REPOSITORIES.select(tx)}
        for folder in directory.glob("*.git"):
            if folder.name not in known:
                folder.rename(directory.with_name(f"git-{uuid.uuid4().hex}.deleted"))


def reset(installation: "Installation") -> None:
    """Delete every repository from disk: out of the way at once, file by file in the background."""
    directory = installation.data_directory / "git"
    if directory.exists():
        away = directory.with_name(f"git-{uuid.uuid4().hex}.deleted")
        directory.rename(away)
        threading.Thread(target=shutil.rmtree, args=(away,), kwargs={"ignore_errors": True}, daemon=True).start()


def collect(installation: "Installation") -> None:
    """Let git pack what has become many files."""
    with installation.database.reading() as rx:
        repositories = REPOSITORIES.select(rx)
    for repository in repositories:
        git = repository_git(installation, repository)
        if git.exists():
            _collect_one(git)


def _collect_one(git: Git) -> None:
    code, _, error = git.attempt("gc", "--auto", "--quiet")
    if code:
        raise GitError(code, f"git gc of {git.directory} ended with code {code}: {error}")
