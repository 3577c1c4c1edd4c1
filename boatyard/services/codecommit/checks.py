"""What CodeCommit's operations check alike: names, paths, commit specifiers, and the errors for what is not there."""

import re
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.codecommit.git import NO_COMMIT, OBJECT_ID, Git
from boatyard.services.codecommit.records import REPOSITORIES, Repository
from boatyard.services.codecommit.references import repository_git

REPOSITORY_NAME = re.compile(r"[\w.\-]{1,100}\Z", re.ASCII)
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
MESSAGE_LIMIT = 256 * 1024
"""Bytes of a commit message (CodeCommit User Guide, "Quotas")."""
FILE_LIMIT = 6 * 1024 * 1024
# What git-check-ref-format(1) refuses anywhere in a reference name.
_REFERENCE_TRICKS = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


def check_repository_name(name: str) -> None:
    """InvalidRepositoryNameException unless AWS takes the name (letters, digits, `.`, `_`, `-`; not ending in .git)."""
    if not REPOSITORY_NAME.match(name) or name.endswith(".git") or name in (".", ".."):
        raise ApiError(
            "InvalidRepositoryNameException",
            f"Repository name {name!r} is not valid. Repository names can be any valid combination of letters, "
            "numbers, periods, underscores, and dashes between 1 and 100 characters in length, and cannot end in .git",
        )


def find_repository(call: Call, name: str) -> Repository:
    """The record, or RepositoryDoesNotExistException."""
    check_repository_name(name)
    with call.installation.database.reading() as rx:
        repository = REPOSITORIES.get(rx, call.account, call.region, name)
    if repository is None:
        raise ApiError("RepositoryDoesNotExistException", f"{name} does not exist")
    return repository


def open_repository(call: Call, params: dict[str, Any]) -> tuple[Repository, Git]:
    """The record and the git repository that `repositoryName` names."""
    repository = find_repository(call, params["repositoryName"])
    return repository, repository_git(call.installation, repository)


def check_branch_name(name: str) -> None:
    """InvalidBranchNameException unless git takes `refs/heads/NAME` (git-check-ref-format(1))."""
    parts = name.split("/")
    bad = (
        not 1 <= len(name) <= 256
        or _REFERENCE_TRICKS.search(name) is not None
        or name.startswith("-")
        or name == "@"
        or name.endswith(".")
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    )
    if bad or OBJECT_ID.match(name):
        raise ApiError("InvalidBranchNameException", f"The branch name {name!r} is not a valid Git branch name")


def branch_commit(git: Git, branch: str) -> str:
    """The commit at the tip of a branch, or BranchDoesNotExistException."""
    check_branch_name(branch)
    commit = git.reference(f"refs/heads/{branch}")
    if commit is None:
        raise ApiError("BranchDoesNotExistException", f"Branch {branch} does not exist")
    return commit


def resolve(git: Git, specifier: str) -> str:
    """The full commit id of a branch, tag, HEAD, full reference name or commit id."""
    if OBJECT_ID.match(specifier):
        if git.kind(specifier) == "commit":
            return specifier
    elif _REFERENCE_TRICKS.search(specifier) or specifier.startswith("-") or not specifier:
        raise ApiError("InvalidCommitException", f"{specifier!r} is not a valid commit specifier")
    else:
        names = [f"refs/heads/{specifier}", f"refs/tags/{specifier}"]
        names += [specifier] if specifier == "HEAD" or specifier.startswith(("refs/heads/", "refs/tags/")) else []
        for name in names:
            if (commit := git.reference(name)) is not None:
                return commit
    raise ApiError("CommitDoesNotExistException", f"Could not find commit {specifier} in the repository")


def check_commit_id(commit_id: str) -> None:
    """InvalidCommitIdException unless it is 40 hexadecimal digits; all zero counts as none."""
    if not OBJECT_ID.match(commit_id) or commit_id == NO_COMMIT:
        raise ApiError(
            "InvalidCommitIdException", f"{commit_id} is not a valid commit ID: it must be a full 40 digit SHA"
        )


def clean_path(path: str) -> str:
    """A path inside the repository without its leading slash; InvalidPathException for tricks."""
    inner = path.removeprefix("/")
    parts = inner.split("/")
    bad = not inner or len(inner.encode()) > 4096 or "\0" in inner
    if bad or any(part in ("", ".", "..") or _is_git_directory(part) for part in parts):
        raise ApiError("InvalidPathException", f"The path {path!r} is not a valid path inside a repository")
    return inner


def _is_git_directory(part: str) -> bool:
    """Whether a file system takes the name for .git: as Windows and macOS read it (git's protectNTFS, protectHFS)."""
    seen = _IGNORED_BY_HFS.sub("", part).lower()
    return seen.split(":")[0].split("\\")[0].rstrip(". ") in (".git", "git~1")


def check_message(message: str | None) -> None:
    """CommitMessageLengthExceededException for a message that is too long."""
    if message and len(message.encode()) > MESSAGE_LIMIT:
        raise ApiError("CommitMessageLengthExceededException", f"The commit message exceeds {MESSAGE_LIMIT} bytes")


def check_author(name: str | None, email: str | None) -> None:
    """NameLengthExceededException, InvalidEmailException for what git could not write in a commit."""
    if name and len(name) > 256:
        raise ApiError("NameLengthExceededException", "The author name exceeds the maximum of 256 characters")
    if any(character in (value or "") for value in (name, email) for character in "<>\n\0"):
        raise ApiError("InvalidEmailException", "The author name and email cannot contain <, > or line breaks")


def author(call: Call, name: str | None, email: str | None) -> tuple[str, str]:
    """The author to write: as given, else the caller's own name as AWS does."""
    check_author(name, email)
    return (name or "").strip() or call.principal.arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1], email or ""
