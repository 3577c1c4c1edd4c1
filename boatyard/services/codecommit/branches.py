"""CodeCommit's operations on branches."""

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page
from boatyard.services.codecommit.checks import branch_commit, check_branch_name, check_commit_id, open_repository
from boatyard.services.codecommit.git import NO_COMMIT
from boatyard.services.codecommit.references import changing


def create_branch(call: Call, params: Params) -> None:
    """Make a branch that points to a commit (CodeCommit API Reference: CreateBranch)."""
    repository, git = open_repository(call, params)
    branch, commit = params["branchName"], params["commitId"]
    check_branch_name(branch)
    check_commit_id(commit)
    if git.kind(commit) != "commit":
        raise ApiError("CommitDoesNotExistException", f"Could not find commit {commit} in the repository")
    with changing(call.installation, repository, call.principal.arn):
        if not git.update_reference(f"refs/heads/{branch}", commit, NO_COMMIT):
            raise ApiError("BranchNameExistsException", f"Branch named {branch} already exists")


def get_branch(call: Call, params: Params) -> dict[str, Any]:
    """A branch and its last commit (CodeCommit API Reference: GetBranch)."""
    _, git = open_repository(call, params)
    branch = params.get("branchName")
    if not branch:
        raise ApiError("BranchNameRequiredException", "A branch name is required")
    return {"branch": {"branchName": branch, "commitId": branch_commit(git, branch)}}


def list_branches(call: Call, params: Params) -> dict[str, Any]:
    """The names of the branches, 1000 a page (CodeCommit API Reference: ListBranches)."""
    _, git = open_repository(call, params)
    prefix = "refs/heads/"
    names = [name.removeprefix(prefix) for name in git.references() if name.startswith(prefix)]
    items, token = page(names, params.get("nextToken"), 1000, code="InvalidContinuationTokenException")
    return {"branches": items} | ({"nextToken": token} if token else {})


def delete_branch(call: Call, params: Params) -> dict[str, Any]:
    """Delete a branch that is not the default one (CodeCommit API Reference: DeleteBranch)."""
    repository, git = open_repository(call, params)
    branch = params["branchName"]
    check_branch_name(branch)
    full_name = f"refs/heads/{branch}"
    if git.head() == full_name:
        raise ApiError(
            "DefaultBranchCannotBeDeletedException",
            f"{branch} is the default branch of {repository.name} and cannot be deleted",
        )
    commit = git.reference(full_name)
    if commit is None:
        return {}
    with changing(call.installation, repository, call.principal.arn):
        git.delete_reference(full_name, commit)
    return {"deletedBranch": {"branchName": branch, "commitId": commit}}
