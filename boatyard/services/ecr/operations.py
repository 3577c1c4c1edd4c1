"""ECR's operations on repositories, their settings, policies and tags, and on the registry itself."""

import base64
from typing import Any

import msgspec

from boatyard.api import tags as tagging
from boatyard.api.arns import Arn
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, parse
from boatyard.identity.resource_policies import resource_policy
from boatyard.services.ecr import quotas, repositories, tokens
from boatyard.services.ecr.layers.store import forget_repository
from boatyard.services.ecr.records import IMAGES, REPOSITORIES, TAGS, Repository
from boatyard.services.ecr.repositories import check_name, check_registry, find, find_for, key_of, scope_of

POLICY_LIMIT = 10240


def describe(repository: Repository) -> dict[str, Any]:
    """AWS's Repository type."""
    result: dict[str, Any] = {
        "repositoryArn": repositories.repository_arn(repository),
        "registryId": repository.account,
        "repositoryName": repository.name,
        "repositoryUri": f"{repositories.registry_host(repository.account, repository.region)}/{repository.name}",
        "createdAt": repository.created,
        "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    if repository.exclusions:
        result["imageTagMutabilityExclusionFilters"] = _filters(repository.exclusions)
    return result


def create_repository(call: Call, params: Params) -> dict[str, Any]:
    """Make an empty repository (Amazon ECR API Reference: CreateRepository)."""
    name = params["repositoryName"]
    check_name(name)
    account = check_registry(call, params.get("registryId"))
    if (params.get("encryptionConfiguration") or {}).get("encryptionType", "AES256") != "AES256":
        raise not_supported("ECR", "CreateRepository", "encryptionConfiguration.encryptionType other than AES256")
    mutability, exclusions = _mutability(params)
    own = tagging.to_dict(params.get("tags"))
    tagging.check(own, "InvalidTagParameterException")
    repository = Repository(
        account=account,
        region=call.region,
        name=name,
        created=now(),
        mutability=mutability,
        exclusions=exclusions,
        scan_on_push=bool((params.get("imageScanningConfiguration") or {}).get("scanOnPush")),
        tags=own,
    )
    with call.installation.database.transaction() as tx:
        if REPOSITORIES.get(tx, account, call.region, name) is not None:
            raise ApiError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{account}'",
            )
        REPOSITORIES.insert(tx, repository)
        quotas.REPOSITORIES.check_new(call, tx, REPOSITORIES)
    return {"repository": describe(repository)}


def describe_repositories(call: Call, params: Params) -> dict[str, Any]:
    """Repositories by name, or all of them (Amazon ECR API Reference: DescribeRepositories)."""
    account = check_registry(call, params.get("registryId"))
    with call.installation.database.reading() as rx:
        if names := params.get("repositoryNames"):
            found = [find(rx, account, call.region, name) for name in names]
        else:
            found = REPOSITORIES.select(rx, where={"account": account, "region": call.region})
    items, token = page(
        found,
        params.get("nextToken"),
        params.get("maxResults") or (100 if not params.get("repositoryNames") else 1000),
        key=None if params.get("repositoryNames") else lambda one: one.name,
        code="InvalidParameterException",
    )
    return {"repositories": [describe(one) for one in items]} | ({"nextToken": token} if token else {})


def delete_repository(call: Call, params: Params) -> dict[str, Any]:
    """Delete a repository, with its images only by force (Amazon ECR API Reference: DeleteRepository)."""
    account = check_registry(call, params.get("registryId"))
    with call.installation.database.transaction() as tx:
        repository = find(tx, account, call.region, params["repositoryName"])
        if not params.get("force") and IMAGES.count(tx, scope_of(repository)):
            raise ApiError(
                "RepositoryNotEmptyException",
                f"The repository with name '{repository.name}' in registry with id '{account}' cannot be deleted "
                "because it still contains images",
            )
        for tag in TAGS.select(tx, scope_of(repository)):
            TAGS.delete(tx, *key_of(repository), tag.tag)
        for image in IMAGES.select(tx, scope_of(repository)):
            IMAGES.delete(tx, *key_of(repository), image.digest)
        forget_repository(call.installation, tx, repository)
        REPOSITORIES.delete(tx, *key_of(repository))
    return {"repository": describe(repository)}


def put_image_tag_mutability(call: Call, params: Params) -> dict[str, Any]:
    """Say whether tags may be moved (Amazon ECR API Reference: PutImageTagMutability)."""
    mutability, exclusions = _mutability(params)
    repository = _replace(call, params, mutability=mutability, exclusions=exclusions)
    result = {**_names(repository), "imageTagMutability": mutability}
    return result | ({"imageTagMutabilityExclusionFilters": _filters(exclusions)} if exclusions else {})


def put_image_scanning_configuration(call: Call, params: Params) -> dict[str, Any]:
    """Keep the scanning configuration (Amazon ECR API Reference: PutImageScanningConfiguration)."""
    scan = bool(params["imageScanningConfiguration"].get("scanOnPush"))
    repository = _replace(call, params, scan_on_push=scan)
    return {**_names(repository), "imageScanningConfiguration": {"scanOnPush": scan}}


def set_repository_policy(call: Call, params: Params) -> dict[str, Any]:
    """Attach a resource policy to a repository (Amazon ECR API Reference: SetRepositoryPolicy)."""
    text = params["policyText"]
    _check_policy(text)
    repository = _replace(call, params, policy=text)
    return {**_names(repository), "policyText": text}


def get_repository_policy(call: Call, params: Params) -> dict[str, Any]:
    """A repository's resource policy (Amazon ECR API Reference: GetRepositoryPolicy)."""
    repository = find_for(call, params)
    return {**_names(repository), "policyText": _policy_of(repository)}


def delete_repository_policy(call: Call, params: Params) -> dict[str, Any]:
    """Remove a repository's resource policy (Amazon ECR API Reference: DeleteRepositoryPolicy)."""
    text = _policy_of(find_for(call, params))
    return {**_names(_replace(call, params, policy=None)), "policyText": text}


def get_authorization_token(call: Call, params: Params) -> dict[str, Any]:
    """A password for `docker login`, good for 12 hours (Amazon ECR API Reference: GetAuthorizationToken)."""
    password, expires = tokens.issue(call)
    token = base64.b64encode(f"{tokens.USER}:{password}".encode()).decode()
    return {
        "authorizationData": [
            {
                "authorizationToken": token,
                "expiresAt": expires,
                "proxyEndpoint": f"https://{repositories.registry_host(account, call.region)}",
            }
            for account in params.get("registryIds") or [call.account]
        ]
    }


def describe_registry(call: Call, params: Params) -> dict[str, Any]:
    """The registry's id; nothing is replicated (Amazon ECR API Reference: DescribeRegistry)."""
    return {"registryId": call.account, "replicationConfiguration": {"rules": []}}


def tag_resource(call: Call, params: Params) -> None:
    """Add or change tags of a repository (Amazon ECR API Reference: TagResource)."""
    own = _named(call, params["resourceArn"]).tags | tagging.to_dict(params["tags"])
    tagging.check(own, "InvalidTagParameterException")
    _replace(call, _of_arn(params["resourceArn"]), tags=own)


def untag_resource(call: Call, params: Params) -> None:
    """Remove tags from a repository (Amazon ECR API Reference: UntagResource)."""
    own = _named(call, params["resourceArn"]).tags
    left = {key: value for key, value in own.items() if key not in params["tagKeys"]}
    _replace(call, _of_arn(params["resourceArn"]), tags=left)


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """The tags of a repository (Amazon ECR API Reference: ListTagsForResource)."""
    return {"tags": tagging.to_list(_named(call, params["resourceArn"]).tags)}


def _named(call: Call, resource: str) -> Repository:
    return find_for(call, _of_arn(resource))


def _of_arn(resource: str) -> dict[str, Any]:
    try:
        parsed = Arn.parse(resource)
    except ValueError:
        parsed = None
    if parsed is None or parsed.service != "ecr" or not parsed.resource.startswith("repository/"):
        raise ApiError(
            "InvalidParameterException", f"Invalid parameter at 'resourceArn': {resource} is not a repository"
        )
    return {"registryId": parsed.account, "repositoryName": parsed.resource.removeprefix("repository/")}


def _names(repository: Repository) -> dict[str, Any]:
    return {"registryId": repository.account, "repositoryName": repository.name}


def _replace(call: Call, params: Params, **changes: Any) -> Repository:
    account = check_registry(call, params.get("registryId"))
    with call.installation.database.transaction() as tx:
        repository = find(tx, account, call.region, params["repositoryName"])
        return REPOSITORIES.update(tx, key_of(repository), lambda stored: msgspec.structs.replace(stored, **changes))


def _mutability(params: Params) -> tuple[str, list[str]]:
    mutability = params.get("imageTagMutability") or "MUTABLE"
    exclusions = [one["filter"] for one in params.get("imageTagMutabilityExclusionFilters") or []]
    if bool(exclusions) != mutability.endswith("_WITH_EXCLUSION"):
        raise ApiError(
            "InvalidParameterException",
            "Invalid parameter at 'imageTagMutabilityExclusionFilters': exclusion filters go with a mutability that "
            "ends in _WITH_EXCLUSION, and with no other",
        )
    return mutability, exclusions


def _filters(exclusions: list[str]) -> list[dict[str, str]]:
    return [{"filterType": "WILDCARD", "filter": one} for one in exclusions]


def _policy_of(repository: Repository) -> str:
    if repository.policy is None:
        raise ApiError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for the repository with name '{repository.name}' in the registry with "
            f"id '{repository.account}'",
        )
    return repository.policy


def _check_policy(text: str) -> None:
    reason = f"it is longer than {POLICY_LIMIT} characters" if len(text) > POLICY_LIMIT else ""
    try:
        parse(text, Grammar.RESOURCE)
    except MalformedPolicy as error:
        reason = reason or str(error)
    if reason:
        raise ApiError(
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided': "
            + reason,
        )


@resource_policy("ecr")
def find_policy(call: Call, resource: str) -> str | None:
    """The repository policy that an ARN's repository has: what the authorisation asks for."""
    parsed = Arn.parse(resource)
    with call.installation.database.reading() as rx:
        repository = REPOSITORIES.get(rx, parsed.account, parsed.region, parsed.resource.removeprefix("repository/"))
    return repository.policy if repository else None
