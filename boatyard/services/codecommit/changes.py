"""Commits made from a list of file changes, without a working tree."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.codecommit.checks import FILE_LIMIT, author, check_branch_name, check_commit_id, check_message
from boatyard.services.codecommit.git import NO_COMMIT, Git, TreeEntry
from boatyard.services.codecommit.modes import AWS_MODES, SUBMODULE
from boatyard.services.codecommit.records import Repository
from boatyard.services.codecommit.references import changing

KEEP_FILE = ".gitkeep"
COMMIT_LIMIT = 20 * 1024 * 1024


@dataclass(frozen=True)
class FileChange:
    """A file put: with content, as a copy (or move) of `source`, or only with another mode."""

    path: str
    mode: str | None
    content: bytes | None = None
    source: str | None = None
    moved: bool = False


@dataclass(frozen=True)
class FileDeletion:
    """A file taken out."""

    path: str


@dataclass
class Result:
    """A commit that was made, with AWS's FileMetadata of what it did."""

    commit: str = ""
    tree: str = ""
    added: list[dict[str, str]] = field(default_factory=list)
    updated: list[dict[str, str]] = field(default_factory=list)
    deleted: list[dict[str, str]] = field(default_factory=list)


def commit_changes(
    call: Call,
    repository: Repository,
    git: Git,
    params: dict[str, Any],
    changes: Sequence[FileChange | FileDeletion],
) -> Result:
    """Commit changes on the branch that `params` names, whose tip must be params["parentCommitId"]."""
    branch = params["branchName"]
    check_branch_name(branch)
    check_message(params.get("commitMessage"))
    name, email = author(call, params.get("authorName") or params.get("name"), params.get("email"))
    parent = check_parent(git, branch, params.get("parentCommitId"))
    entries = {entry.path: entry for entry in git.tree(parent, recursive=True)} if parent else {}
    result = Result()
    _check_sizes(changes)
    after = apply(git, entries, changes, result, keep_folders=bool(params.get("keepEmptyFolders")))
    if parent and after == entries:
        raise ApiError("NoChangeException", "The commit cannot be created because no files are changed by it")
    check_layout(after)
    result.tree = write_tree(git, after)
    message = params.get("commitMessage") or _message(result)
    result.commit = git.commit_tree(result.tree, [parent] if parent else [], message, name, email)
    with changing(call.installation, repository, call.principal.arn):
        if not git.update_reference(f"refs/heads/{branch}", result.commit, parent or NO_COMMIT):
            raise _outdated(branch)
    return result


def check_parent(git: Git, branch: str, given: str | None) -> str | None:
    """The commit to build on, None in an empty repository; AWS's errors when the caller's idea of it is out of date."""
    tip = git.reference(f"refs/heads/{branch}")
    if given is not None:
        check_commit_id(given)
        if git.kind(given) != "commit":
            raise ApiError("ParentCommitDoesNotExistException", f"The parent commit {given} does not exist")
    if tip is None:
        if git.references():
            raise ApiError("BranchDoesNotExistException", f"Branch {branch} does not exist")
        if given is not None:
            raise ApiError(
                "ParentCommitDoesNotExistException", "The repository is empty: no parent commit can be given"
            )
        return None
    if given is None:
        raise ApiError(
            "ParentCommitIdRequiredException", f"A parent commit ID is required: branch {branch} has commits"
        )
    if given != tip:
        raise _outdated(branch)
    return tip


def apply(
    git: Git,
    entries: dict[str, TreeEntry],
    changes: Sequence[FileChange | FileDeletion],
    result: Result,
    *,
    keep_folders: bool,
) -> dict[str, TreeEntry]:
    """The files after the changes; fills `result` with what was added, updated and deleted."""
    after = dict(entries)
    _check_once(changes)
    for change in changes:
        if isinstance(change, FileDeletion):
            if after.pop(change.path, None) is None:
                raise _missing(change.path)
            result.deleted.append(_metadata(entries[change.path]))
            if keep_folders:
                _keep_folder(git, after, change.path, result)
            continue
        entry = _changed_entry(git, entries, change)
        if change.moved and change.source:
            moved = after.pop(change.source, None)
            result.deleted += [_metadata(moved)] if moved else []
        after[change.path] = entry
        (result.updated if change.path in entries else result.added).append(_metadata(entry))
    return after


def _changed_entry(git: Git, entries: dict[str, TreeEntry], change: FileChange) -> TreeEntry:
    before = entries.get(change.path)
    if change.content is not None:
        object_id = git.write_blob(change.content)
        return TreeEntry(change.mode or (before.mode if before else "100644"), "blob", object_id, change.path)
    origin = entries.get(change.source or change.path)
    if origin is None:
        raise _missing(change.source or change.path)
    return TreeEntry(change.mode or origin.mode, origin.kind, origin.object_id, change.path)


def _keep_folder(git: Git, after: dict[str, TreeEntry], path: str, result: Result) -> None:
    folder = path.rpartition("/")[0]
    if folder and not any(name.startswith(folder + "/") for name in after):
        entry = TreeEntry("100644", "blob", git.write_blob(b""), f"{folder}/{KEEP_FILE}")
        after[entry.path] = entry
        result.added.append(_metadata(entry))


def check_layout(entries: dict[str, TreeEntry]) -> None:
    """AWS's errors for a name that is a file and a folder at once."""
    for path in entries:
        parts = path.split("/")
        for length in range(1, len(parts)):
            above = entries.get("/".join(parts[:length]))
            if above is None:
                continue
            if above.mode == SUBMODULE:
                raise ApiError(
                    "FilePathConflictsWithSubmodulePathException", f"{path} lies in the submodule {above.path}"
                )
            raise ApiError(
                "DirectoryNameConflictsWithFileNameException",
                f"{path} cannot be added: {above.path} is a file, so that it cannot be a folder",
            )


def write_tree(git: Git, entries: dict[str, TreeEntry]) -> str:
    """Write the trees that hold these files; the id of the topmost."""
    lines = [
        f"{entry.mode} {entry.object_id}\t{path}".encode(errors="surrogateescape") + b"\0"
        for path, entry in entries.items()
    ]
    with git.index() as index:
        git.run("update-index", "-z", "--index-info", data=b"".join(lines), extra=index)
        return git.text("write-tree", extra=index)


def _check_once(changes: Sequence[FileChange | FileDeletion]) -> None:
    seen: dict[str, FileChange | FileDeletion] = {}
    for change in changes:
        other = seen.setdefault(change.path, change)
        if other is not change:
            code = "SamePathRequestException" if type(other) is type(change) else "PutFileEntryConflictException"
            raise ApiError(code, f"The file path {change.path} is given more than once")


def _check_sizes(changes: Sequence[FileChange | FileDeletion]) -> None:
    total = 0
    for change in changes:
        size = len(change.content or b"") if isinstance(change, FileChange) else 0
        total += size
        if size > FILE_LIMIT:
            raise ApiError(
                "FileContentSizeLimitExceededException",
                f"The file {change.path} has {size} bytes; one call can put at most {FILE_LIMIT} bytes. Use git push.",
            )
    if total > COMMIT_LIMIT:
        raise ApiError(
            "FolderContentSizeLimitExceededException",
            f"The files have {total} bytes together; one commit can put at most {COMMIT_LIMIT} bytes. Use git push.",
        )


def _metadata(entry: TreeEntry) -> dict[str, str]:
    result = {"absolutePath": entry.path, "blobId": entry.object_id}
    return result | ({"fileMode": AWS_MODES[entry.mode]} if entry.mode in AWS_MODES else {})


def _message(result: Result) -> str:
    parts = [("Added", result.added), ("Edited", result.updated), ("Deleted", result.deleted)]
    return "\n".join(f"{verb} {one['absolutePath']}" for verb, files in parts for one in files)


def _missing(path: str) -> ApiError:
    return ApiError("FileDoesNotExistException", f"The file {path} does not exist in the branch")


def _outdated(branch: str) -> ApiError:
    return ApiError(
        "ParentCommitIdOutdatedException",
        f"The parent commit ID is not the tip of branch {branch}: the branch has been changed in the meantime",
    )
