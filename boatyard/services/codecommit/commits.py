"""CodeCommit's operations on commits: reading them, comparing them, and making them from files."""

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page
from boatyard.services.codecommit.changes import FileChange, FileDeletion, commit_changes
from boatyard.services.codecommit.checks import check_commit_id, clean_path, open_repository, resolve
from boatyard.services.codecommit.git import EMPTY_TREE, NO_COMMIT, Git
from boatyard.services.codecommit.modes import GIT_MODES

CHANGE_TYPES = {"A": "A", "M": "M", "D": "D", "T": "M"}
COMMIT_FILE_LIMIT = 100


def get_commit(call: Call, params: Params) -> dict[str, Any]:
    """One commit by its full id (CodeCommit API Reference: GetCommit)."""
    _, git = open_repository(call, params)
    check_commit_id(params["commitId"])
    commit = describe(git, params["commitId"])
    if commit is None:
        raise ApiError("CommitIdDoesNotExistException", f"Commit {params['commitId']} does not exist")
    return {"commit": commit}


def batch_get_commits(call: Call, params: Params) -> dict[str, Any]:
    """Up to 100 commits (CodeCommit API Reference: BatchGetCommits)."""
    _, git = open_repository(call, params)
    if len(params["commitIds"]) > 100:
        raise ApiError("CommitIdsLimitExceededException", "At most 100 commit IDs can be given")
    commits, errors = [], []
    for commit_id in dict.fromkeys(params["commitIds"]):
        check_commit_id(commit_id)
        commit = describe(git, commit_id)
        if commit is not None:
            commits.append(commit)
        else:
            errors.append(
                {
                    "commitId": commit_id,
                    "errorCode": "CommitIdDoesNotExistException",
                    "errorMessage": f"Commit {commit_id} does not exist",
                }
            )
    return {"commits": commits, "errors": errors}


def get_differences(call: Call, params: Params) -> dict[str, Any]:
    """The files that differ between two commits (CodeCommit API Reference: GetDifferences)."""
    _, git = open_repository(call, params)
    after = resolve(git, params["afterCommitSpecifier"])
    before = resolve(git, params["beforeCommitSpecifier"]) if params.get("beforeCommitSpecifier") else EMPTY_TREE
    paths = [clean_path(params[name]) for name in ("beforePath", "afterPath") if params.get(name)]
    for name, commit in (("beforePath", before), ("afterPath", after)):
        if params.get(name) and git.entry(commit, clean_path(params[name])) is None:
            raise ApiError("PathDoesNotExistException", f"The path {params[name]} does not exist")
    arguments = ["--literal-pathspecs", "diff-tree", "-r", "-z", "--raw", "--no-renames", before, after, "--", *paths]
    fields = git.run(*arguments).decode(errors="replace").split("\0")
    found = [_difference(fields[at], fields[at + 1]) for at in range(0, len(fields) - 1, 2)]
    items, token = page(
        found, params.get("NextToken"), params.get("MaxResults") or 100, code="InvalidContinuationTokenException"
    )
    return {"differences": items} | ({"NextToken": token} if token else {})


def create_commit(call: Call, params: Params) -> dict[str, Any]:
    """Put and delete files in one commit on a branch (CodeCommit API Reference: CreateCommit)."""
    repository, git = open_repository(call, params)
    puts = params.get("putFiles") or []
    modes = params.get("setFileModes") or []
    deletes = params.get("deleteFiles") or []
    if len(puts) + len(modes) + len(deletes) > COMMIT_FILE_LIMIT:
        raise ApiError(
            "MaximumFileEntriesExceededException", f"A commit can change at most {COMMIT_FILE_LIMIT} files in one call"
        )
    changes = [_put(git, put) for put in puts]
    changes += [FileChange(clean_path(one["filePath"]), GIT_MODES[one["fileMode"]]) for one in modes]
    result = commit_changes(
        call, repository, git, params, [*changes, *(FileDeletion(clean_path(one["filePath"])) for one in deletes)]
    )
    return {
        "commitId": result.commit,
        "treeId": result.tree,
        "filesAdded": result.added,
        "filesUpdated": result.updated,
        "filesDeleted": result.deleted,
    }


def _put(git: Git, put: dict[str, Any]) -> FileChange:
    path = clean_path(put["filePath"])
    mode = GIT_MODES[put["fileMode"]] if put.get("fileMode") else None
    source = put.get("sourceFile")
    if ("fileContent" in put) == (source is not None):
        code = "FileContentAndSourceFileSpecifiedException" if source is not None else "FileContentRequiredException"
        raise ApiError(code, f"Exactly one of fileContent and sourceFile must be given for {path}")
    if source is None:
        return FileChange(path, mode, content=put["fileContent"])
    return FileChange(path, mode, source=clean_path(source["filePath"]), moved=bool(source.get("isMove")))


def _difference(raw: str, path: str) -> dict[str, Any]:
    before_mode, after_mode, before, after, kind = raw.removeprefix(":").split(" ")
    result: dict[str, Any] = {"changeType": CHANGE_TYPES[kind[0]]}
    if before != NO_COMMIT:
        result["beforeBlob"] = {"blobId": before, "path": path, "mode": before_mode}
    if after != NO_COMMIT:
        result["afterBlob"] = {"blobId": after, "path": path, "mode": after_mode}
    return result


def describe(git: Git, commit_id: str) -> dict[str, Any] | None:
    """A commit as AWS's Commit type; None when there is no such commit."""
    if git.kind(commit_id) != "commit":
        return None
    head, _, message = git.run("cat-file", "commit", commit_id).decode(errors="replace").partition("\n\n")
    result: dict[str, Any] = {"commitId": commit_id, "parents": [], "message": message, "additionalData": ""}
    for line in head.split("\n"):
        key, _, value = line.partition(" ")
        if key == "tree":
            result["treeId"] = value
        elif key == "parent":
            result["parents"].append(value)
        elif key in ("author", "committer"):
            result[key] = _person(value)
    return result


def _person(line: str) -> dict[str, str]:
    who, _, moment = line.rpartition("> ")
    name, _, email = who.partition("<")
    return {"name": name.strip(), "email": email, "date": moment}
