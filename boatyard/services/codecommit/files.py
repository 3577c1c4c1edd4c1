"""CodeCommit's operations on files, folders and blobs."""

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page
from boatyard.services.codecommit.changes import FileChange, FileDeletion, check_parent, commit_changes
from boatyard.services.codecommit.checks import (
    FILE_LIMIT,
    check_branch_name,
    check_commit_id,
    clean_path,
    open_repository,
    resolve,
)
from boatyard.services.codecommit.git import OBJECT_ID, Git, TreeEntry
from boatyard.services.codecommit.modes import AWS_MODES, GIT_MODES, SUBMODULE

HISTORY_LIMIT = 100


def get_blob(call: Call, params: Params) -> dict[str, Any]:
    """A blob's content, at most 6 MB (CodeCommit API Reference: GetBlob)."""
    _, git = open_repository(call, params)
    blob_id = params["blobId"]
    if not OBJECT_ID.match(blob_id):
        raise ApiError("InvalidBlobIdException", f"{blob_id} is not a valid blob ID")
    if git.kind(blob_id) != "blob":
        raise ApiError("BlobIdDoesNotExistException", f"Blob {blob_id} does not exist")
    return {"content": _content(git, blob_id, git.size(blob_id), f"blob {blob_id}")}


def get_file(call: Call, params: Params) -> dict[str, Any]:
    """A file in a commit, at most 6 MB (CodeCommit API Reference: GetFile)."""
    _, git = open_repository(call, params)
    commit = resolve(git, params.get("commitSpecifier") or "HEAD")
    path = clean_path(params["filePath"])
    entry = git.entry(commit, path)
    if entry is None or entry.kind != "blob":
        raise ApiError("FileDoesNotExistException", f"The file {path} does not exist in commit {commit}")
    return {
        "commitId": commit,
        "blobId": entry.object_id,
        "filePath": path,
        "fileMode": AWS_MODES.get(entry.mode, "NORMAL"),
        "fileSize": entry.size,
        "fileContent": _content(git, entry.object_id, entry.size, f"file {path}"),
    }


def get_folder(call: Call, params: Params) -> dict[str, Any]:
    """What is in a folder of a commit (CodeCommit API Reference: GetFolder)."""
    _, git = open_repository(call, params)
    commit = resolve(git, params.get("commitSpecifier") or "HEAD")
    folder = params["folderPath"].strip("/")
    tree = git.text("rev-parse", f"{commit}^{{tree}}")
    if folder:
        folder = clean_path(folder)
        entry = git.entry(commit, folder)
        if entry is None or entry.kind != "tree":
            raise ApiError("FolderDoesNotExistException", f"The folder {folder} does not exist in commit {commit}")
        tree = entry.object_id
    result: dict[str, Any] = {"commitId": commit, "folderPath": folder, "treeId": tree}
    result |= {"subFolders": [], "files": [], "symbolicLinks": [], "subModules": []}
    for entry in git.tree(tree):
        kind, description = _folder_entry(folder, entry)
        result[kind].append(description)
    return result


def put_file(call: Call, params: Params) -> dict[str, Any]:
    """Add or change one file in a commit of its own (CodeCommit API Reference: PutFile)."""
    repository, git = open_repository(call, params)
    path = clean_path(params["filePath"])
    mode = GIT_MODES[params["fileMode"]] if params.get("fileMode") else None
    try:
        result = commit_changes(call, repository, git, params, [FileChange(path, mode, content=params["fileContent"])])
    except ApiError as error:
        if error.code != "NoChangeException":
            raise
        raise ApiError(
            "SameFileContentException",
            f"The file {path} has the given content in branch {params['branchName']} already",
        ) from error
    blob = next(one["blobId"] for one in (*result.added, *result.updated) if one["absolutePath"] == path)
    return {"commitId": result.commit, "blobId": blob, "treeId": result.tree}


def delete_file(call: Call, params: Params) -> dict[str, Any]:
    """Delete one file in a commit of its own (CodeCommit API Reference: DeleteFile)."""
    repository, git = open_repository(call, params)
    path = clean_path(params["filePath"])
    check_branch_name(params["branchName"])
    parent = check_parent(git, params["branchName"], params["parentCommitId"])
    if parent is None or git.entry(parent, path) is None:
        raise ApiError("FileDoesNotExistException", f"The file {path} does not exist in branch {params['branchName']}")
    result = commit_changes(call, repository, git, params, [FileDeletion(path)])
    return {
        "commitId": result.commit,
        "blobId": result.deleted[0]["blobId"],
        "treeId": result.tree,
        "filePath": path,
    }


def list_file_commit_history(call: Call, params: Params) -> dict[str, Any]:
    """The commits that changed a file, newest first (CodeCommit API Reference: ListFileCommitHistory)."""
    _, git = open_repository(call, params)
    commit = resolve(git, params.get("commitSpecifier") or "HEAD")
    path = clean_path(params["filePath"])
    listing = git.text("--literal-pathspecs", "log", "--format=%H", commit, "--", path)
    versions = []
    for commit_id in listing.split():
        entry = git.entry(commit_id, path)
        if entry is not None:
            versions.append((commit_id, entry.object_id))
    items, token = page(
        versions,
        params.get("nextToken"),
        min(params.get("maxResults") or HISTORY_LIMIT, HISTORY_LIMIT),
        code="InvalidContinuationTokenException",
    )
    dag = [_version(git, path, one, blob) for one, blob in items]
    return {"revisionDag": dag} | ({"nextToken": token} if token else {})


def _version(git: Git, path: str, commit_id: str, blob: str) -> dict[str, Any]:
    from boatyard.services.codecommit.commits import describe

    check_commit_id(commit_id)
    return {"commit": describe(git, commit_id), "blobId": blob, "path": path, "revisionChildren": []}


def _content(git: Git, object_id: str, size: int, what: str) -> bytes:
    if size > FILE_LIMIT:
        raise ApiError(
            "FileTooLargeException",
            f"The {what} has {size} bytes; the API gives at most {FILE_LIMIT} bytes. Use git clone.",
        )
    return git.blob(object_id)


def _folder_entry(folder: str, entry: TreeEntry) -> tuple[str, dict[str, str]]:
    absolute = f"{folder}/{entry.path}" if folder else entry.path
    paths = {"absolutePath": absolute, "relativePath": entry.path}
    if entry.kind == "tree":
        return "subFolders", {"treeId": entry.object_id, **paths}
    if entry.mode == SUBMODULE:
        return "subModules", {"commitId": entry.object_id, **paths}
    kind = "symbolicLinks" if entry.mode == GIT_MODES["SYMLINK"] else "files"
    return kind, {"blobId": entry.object_id, "fileMode": AWS_MODES.get(entry.mode, "NORMAL"), **paths}
