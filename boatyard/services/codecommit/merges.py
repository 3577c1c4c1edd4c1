"""CodeCommit's operations on merges of branches: fast-forward, squash and three-way."""

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import page
from boatyard.services.codecommit.changes import check_layout, write_tree
from boatyard.services.codecommit.checks import author, branch_commit, check_message, open_repository, resolve
from boatyard.services.codecommit.git import Git, TreeEntry
from boatyard.services.codecommit.merging import FILE_LEVEL, Conflict, Merge, merge, object_type
from boatyard.services.codecommit.modes import AWS_MODES
from boatyard.services.codecommit.references import changing

FAST_FORWARD, SQUASH, THREE_WAY = "FAST_FORWARD_MERGE", "SQUASH_MERGE", "THREE_WAY_MERGE"


def merge_branches_by_fast_forward(call: Call, params: Params) -> dict[str, Any]:
    """Move a branch forward to the source (CodeCommit API Reference: MergeBranchesByFastForward)."""
    repository, git = open_repository(call, params)
    source, destination = _sides(git, params)
    if not git.is_ancestor(destination, source):
        raise _manual()
    branch = _target(git, params, destination)
    with changing(call.installation, repository, call.principal.arn):
        _move(git, branch, source, destination)
    return {"commitId": source, "treeId": git.text("rev-parse", f"{source}^{{tree}}")}


def merge_branches_by_squash(call: Call, params: Params) -> dict[str, Any]:
    """Merge the source into a branch as one ordinary commit (CodeCommit API Reference: MergeBranchesBySquash)."""
    return _merge_branches(call, params, "MergeBranchesBySquash", squash=True)


def merge_branches_by_three_way(call: Call, params: Params) -> dict[str, Any]:
    """Merge the source into a branch with a merge commit (CodeCommit API Reference: MergeBranchesByThreeWay)."""
    return _merge_branches(call, params, "MergeBranchesByThreeWay", squash=False)


def get_merge_commit(call: Call, params: Params) -> dict[str, Any]:
    """The commits that a merge would start from (CodeCommit API Reference: GetMergeCommit)."""
    _, git = open_repository(call, params)
    source, destination = _sides(git, params)
    result = {"sourceCommitId": source, "destinationCommitId": destination}
    base = git.merge_base(source, destination)
    return result | ({"baseCommitId": base} if base else {})


def get_merge_options(call: Call, params: Params) -> dict[str, Any]:
    """Which kinds of merge would succeed (CodeCommit API Reference: GetMergeOptions)."""
    _, git = open_repository(call, params)
    source, destination = _sides(git, params)
    base = git.merge_base(source, destination)
    options = [FAST_FORWARD] if git.is_ancestor(destination, source) else []
    if not _merged(git, params, source, destination).conflicts:
        options += [SQUASH, THREE_WAY]
    result: dict[str, Any] = {"mergeOptions": options, "sourceCommitId": source, "destinationCommitId": destination}
    return result | ({"baseCommitId": base} if base else {})


def get_merge_conflicts(call: Call, params: Params) -> dict[str, Any]:
    """The files in which a merge would find conflicts (CodeCommit API Reference: GetMergeConflicts)."""
    _, git = open_repository(call, params)
    source, destination = _sides(git, params)
    base = git.merge_base(source, destination)
    result: dict[str, Any] = {"sourceCommitId": source, "destinationCommitId": destination}
    if base:
        result["baseCommitId"] = base
    if params["mergeOption"] == FAST_FORWARD:
        return result | {"mergeable": git.is_ancestor(destination, source), "conflictMetadataList": []}
    conflicts = _merged(git, params, source, destination).conflicts
    items, token = page(
        [_describe(conflict) for conflict in conflicts],
        params.get("nextToken"),
        params.get("maxConflictFiles") or 1000,
        code="InvalidContinuationTokenException",
    )
    result |= {"mergeable": not conflicts, "conflictMetadataList": items}
    return result | ({"nextToken": token} if token else {})


def _merge_branches(call: Call, params: Params, operation: str, *, squash: bool) -> dict[str, Any]:
    repository, git = open_repository(call, params)
    if "conflictResolution" in params:
        raise not_supported("CodeCommit", operation, "conflictResolution")
    check_message(params.get("commitMessage"))
    source, destination = _sides(git, params)
    branch = _target(git, params, destination)
    merged = _merged(git, params, source, destination)
    if merged.conflicts:
        raise _manual()
    check_layout(merged.entries)
    tree = write_tree(git, merged.entries)
    name, email = author(call, params.get("authorName"), params.get("email"))
    kind = "Squashed" if squash else "Merged"
    message = params.get("commitMessage") or f"{kind} {params['sourceCommitSpecifier']} into {branch}"
    parents = [destination] if squash else [destination, source]
    commit = git.commit_tree(tree, parents, message, name, email)
    with changing(call.installation, repository, call.principal.arn):
        _move(git, branch, commit, destination)
    return {"commitId": commit, "treeId": tree}


def _sides(git: Git, params: Params) -> tuple[str, str]:
    return resolve(git, params["sourceCommitSpecifier"]), resolve(git, params["destinationCommitSpecifier"])


def _target(git: Git, params: Params, destination: str) -> str:
    """The branch to move, whose tip must be the destination commit."""
    branch: str = params.get("targetBranch") or params["destinationCommitSpecifier"].removeprefix("refs/heads/")
    if branch_commit(git, branch) != destination:
        raise ApiError(
            "InvalidTargetBranchException", f"The target branch {branch} does not point to the destination commit"
        )
    return branch


def _merged(git: Git, params: Params, source: str, destination: str) -> Merge:
    level = params.get("conflictDetailLevel") or FILE_LEVEL
    strategy = params.get("conflictResolutionStrategy") or "NONE"
    return merge(git, git.merge_base(source, destination), source, destination, level, strategy)


def _move(git: Git, branch: str, commit: str, old: str) -> None:
    if not git.update_reference(f"refs/heads/{branch}", commit, old):
        raise ApiError(
            "ConcurrentReferenceUpdateException", f"Branch {branch} was changed in the meantime: merge again"
        )


def _manual() -> ApiError:
    return ApiError(
        "ManualMergeRequiredException",
        "The branches cannot be merged automatically. Merge them in a local clone and push the result.",
    )


def _describe(conflict: Conflict) -> dict[str, Any]:
    sides = {"source": conflict.source, "destination": conflict.destination, "base": conflict.base}
    there: dict[str, TreeEntry] = {name: entry for name, entry in sides.items() if entry is not None}
    types = {name: object_type(entry) for name, entry in there.items()}
    return {
        "filePath": conflict.path,
        "fileSizes": {name: entry.size for name, entry in there.items()},
        "fileModes": {name: AWS_MODES[entry.mode] for name, entry in there.items() if entry.mode in AWS_MODES},
        "objectTypes": types,
        "numberOfConflicts": conflict.hunks,
        "isBinaryFile": dict.fromkeys(there, conflict.binary),
        "contentConflict": conflict.content,
        "fileModeConflict": conflict.modes,
        "objectTypeConflict": len({types[name] for name in types if name != "base"}) > 1,
        "mergeOperations": {
            name: "D" if name not in there else "M" if "base" in there else "A" for name in ("source", "destination")
        },
    }
