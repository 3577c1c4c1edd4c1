"""CodeCommit's operations on repositories and their tags."""

import uuid
from typing import Any

import msgspec

from boatyard.api.addresses import server_url
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.codecommit import quotas
from boatyard.services.codecommit.checks import branch_commit, check_repository_name, find_repository, open_repository
from boatyard.services.codecommit.records import REFERENCES, REPOSITORIES, Repository
from boatyard.services.codecommit.references import repository_arn, repository_git

DESCRIPTION_LIMIT = 1000
TAG_LIMIT = 50


def metadata(call: Call, repository: Repository) -> dict[str, Any]:
    """RepositoryMetadata; its clone URL is this server's, as the caller reached it."""
    git = repository_git(call.installation, repository)
    result: dict[str, Any] = {
        "accountId": repository.account,
        "repositoryId": repository.repository_id,
        "repositoryName": repository.name,
        "lastModifiedDate": repository.modified,
        "creationDate": repository.created,
        "cloneUrlHttp": f"{server_url(call)}/v1/repos/{repository.name}",
        "Arn": repository_arn(repository),
    }
    if repository.description:
        result["repositoryDescription"] = repository.description
    head = git.head()
    if git.reference(head) is not None:
        result["defaultBranch"] = head.removeprefix("refs/heads/")
    return result


def create_repository(call: Call, params: Params) -> dict[str, Any]:
    """Make an empty repository (CodeCommit API Reference: CreateRepository)."""
    name = params["repositoryName"]
    check_repository_name(name)
    _check_description(params.get("repositoryDescription"))
    if "kmsKeyId" in params:
        raise not_supported("CodeCommit", "CreateRepository", "kmsKeyId")
    tags = params.get("tags") or {}
    _check_tags(tags)
    moment = now()
    repository = Repository(
        account=call.account,
        region=call.region,
        name=name,
        repository_id=str(uuid.uuid4()),
        description=params.get("repositoryDescription"),
        created=moment,
        modified=moment,
        tags=tags,
    )
    with call.installation.database.transaction() as tx:
        if REPOSITORIES.get(tx, call.account, call.region, name) is not None:
            raise ApiError("RepositoryNameExistsException", f"Repository named {name} already exists")
        where = {"account": call.account, "region": call.region}
        quotas.REPOSITORIES.check_count(call.installation, tx, REPOSITORIES, where)
        repository_git(call.installation, repository).initialise()
        REPOSITORIES.insert(tx, repository)
    return {"repositoryMetadata": metadata(call, repository)}


def get_repository(call: Call, params: Params) -> dict[str, Any]:
    """Describe one repository (CodeCommit API Reference: GetRepository)."""
    return {"repositoryMetadata": metadata(call, find_repository(call, params["repositoryName"]))}


def batch_get_repositories(call: Call, params: Params) -> dict[str, Any]:
    """Describe up to 100 repositories (CodeCommit API Reference: BatchGetRepositories)."""
    names = params["repositoryNames"]
    if len(names) > 100:
        raise ApiError("MaximumRepositoryNamesExceededException", "At most 100 repository names can be given")
    found, missing = [], []
    for name in dict.fromkeys(names):
        try:
            found.append(metadata(call, find_repository(call, name)))
        except ApiError as error:
            if error.code != "RepositoryDoesNotExistException":
                raise
            missing.append(name)
    return {"repositories": found, "repositoriesNotFound": missing, "errors": []}


def list_repositories(call: Call, params: Params) -> dict[str, Any]:
    """Names and ids of the repositories, 1000 a page (CodeCommit API Reference: ListRepositories)."""
    with call.installation.database.reading() as rx:
        repositories = REPOSITORIES.select(rx, where={"account": call.account, "region": call.region})
    if params.get("sortBy") == "lastModifiedDate":
        repositories.sort(key=lambda repository: repository.modified)
    if params.get("order") == "descending":
        repositories.reverse()
    pairs = [{"repositoryName": one.name, "repositoryId": one.repository_id} for one in repositories]
    items, token = page(pairs, params.get("nextToken"), 1000)
    return {"repositories": items} | ({"nextToken": token} if token else {})


def delete_repository(call: Call, params: Params) -> dict[str, Any]:
    """Delete a repository and all in it; a missing one is no error (CodeCommit API Reference: DeleteRepository)."""
    check_repository_name(params["repositoryName"])
    with call.installation.database.transaction() as tx:
        repository = REPOSITORIES.get(tx, call.account, call.region, params["repositoryName"])
        if repository is None:
            return {}
        REPOSITORIES.delete(tx, call.account, call.region, repository.name)
        for reference in REFERENCES.select(tx, where={"repository_id": repository.repository_id}):
            REFERENCES.delete(tx, reference.repository_id, reference.name)
        tx.after_commit(repository_git(call.installation, repository).remove)
    return {"repositoryId": repository.repository_id}


def update_repository_name(call: Call, params: Params) -> None:
    """Rename a repository (CodeCommit API Reference: UpdateRepositoryName)."""
    repository = find_repository(call, params["oldName"])
    new = params["newName"]
    check_repository_name(new)
    with call.installation.database.transaction() as tx:
        if REPOSITORIES.get(tx, call.account, call.region, new) is not None:
            raise ApiError("RepositoryNameExistsException", f"Repository named {new} already exists")
        REPOSITORIES.delete(tx, call.account, call.region, repository.name)
        REPOSITORIES.insert(tx, msgspec.structs.replace(repository, name=new, modified=now()))


def update_repository_description(call: Call, params: Params) -> None:
    """Change or remove the description (CodeCommit API Reference: UpdateRepositoryDescription)."""
    _check_description(params.get("repositoryDescription"))
    repository = find_repository(call, params["repositoryName"])
    _replace(call, repository, description=params.get("repositoryDescription") or None, modified=now())


def update_default_branch(call: Call, params: Params) -> None:
    """Choose the branch that a clone checks out (CodeCommit API Reference: UpdateDefaultBranch)."""
    repository, git = open_repository(call, params)
    branch_commit(git, params["defaultBranchName"])
    git.set_head(params["defaultBranchName"])
    _replace(call, repository, modified=now())


def tag_resource(call: Call, params: Params) -> None:
    """Add or change tags of a repository (CodeCommit API Reference: TagResource)."""
    repository = _tagged(call, params["resourceArn"])
    tags = repository.tags | params["tags"]
    _check_tags(tags)
    _replace(call, repository, tags=tags)


def untag_resource(call: Call, params: Params) -> None:
    """Remove tags from a repository (CodeCommit API Reference: UntagResource)."""
    repository = _tagged(call, params["resourceArn"])
    left = {key: value for key, value in repository.tags.items() if key not in params["tagKeys"]}
    _replace(call, repository, tags=left)


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """The tags of a repository (CodeCommit API Reference: ListTagsForResource)."""
    return {"tags": _tagged(call, params["resourceArn"]).tags}


def _tagged(call: Call, resource: str) -> Repository:
    parts = resource.split(":")
    if len(parts) != 6 or parts[2] != "codecommit":
        raise ApiError("InvalidResourceArnException", f"The ARN {resource} is not a valid CodeCommit resource ARN")
    if (parts[3], parts[4]) != (call.region, call.account):
        raise ApiError("RepositoryDoesNotExistException", f"{parts[5]} does not exist")
    return find_repository(call, parts[5])


def _replace(call: Call, repository: Repository, **changes: Any) -> None:
    with call.installation.database.transaction() as tx:
        REPOSITORIES.update(
            tx,
            (repository.account, repository.region, repository.name),
            lambda stored: msgspec.structs.replace(stored, **changes),
        )


def _check_description(description: str | None) -> None:
    if description and len(description) > DESCRIPTION_LIMIT:
        raise ApiError(
            "InvalidRepositoryDescriptionException",
            f"The repository description exceeds the maximum of {DESCRIPTION_LIMIT} characters",
        )


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAG_LIMIT:
        raise ApiError("TooManyTagsException", f"A repository can have at most {TAG_LIMIT} tags")
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            raise ApiError("InvalidSystemTagUsageException", f"The tag key {key} is reserved: it begins with aws:")
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise ApiError("InvalidTagsMapException", f"The tag {key} is too long: keys 128, values 256 characters")
