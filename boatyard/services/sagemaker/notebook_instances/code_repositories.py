"""The API of code repositories: git addresses by a name that notebook instances can use."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.git_configuration import aws_address
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import constraints, tags
from boatyard.services.sagemaker.listing import listed
from boatyard.services.sagemaker.naming import resource_arn
from boatyard.services.sagemaker.notebook_instances.records import CODE_REPOSITORIES, CodeRepository
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists


def with_aws_addresses(call: Call, params: Params) -> Params:
    """The parameters with this server's clone addresses in the https form that SageMaker takes."""
    changed = dict(params)
    if default := params.get("DefaultCodeRepository"):
        changed["DefaultCodeRepository"] = aws_address(call, default)
    if more := params.get("AdditionalCodeRepositories"):
        changed["AdditionalCodeRepositories"] = [aws_address(call, each) for each in more]
    if url := params.get("GitConfig", {}).get("RepositoryUrl"):
        changed["GitConfig"] = params["GitConfig"] | {"RepositoryUrl": aws_address(call, url)}
    return changed


def create_code_repository(call: Call, params: Params) -> dict[str, Any]:
    """Names a git repository by its https address and branch. AWS: CreateCodeRepository."""
    params = with_aws_addresses(call, params)
    constraints.check("CreateCodeRepository", params)
    given = tags.checked(params)
    name, git, moment = params["CodeRepositoryName"], params["GitConfig"], now()
    if git.get("SecretArn"):
        raise not_supported("sagemaker", "CreateCodeRepository", "GitConfig.SecretArn")
    if any(character.isspace() for character in git["RepositoryUrl"]):
        raise ApiError("ValidationException", "GitConfig.RepositoryUrl must not have white space in it.")
    arn = resource_arn(call, "code-repository", name)
    repository = CodeRepository(
        account=call.account,
        region=call.region,
        name=name,
        arn=arn,
        url=git["RepositoryUrl"],
        branch=git.get("Branch"),
        created=moment,
        modified=moment,
    )
    with call.installation.database.transaction() as tx:
        try:
            CODE_REPOSITORIES.insert(tx, repository)
        except AlreadyExists:
            raise ApiError("ValidationException", f'Cannot create already existing CodeRepository: "{arn}"') from None
        tags.put(tx, arn, given)
    return {"CodeRepositoryArn": arn}


def describe_code_repository(call: Call, params: Params) -> dict[str, Any]:
    """Gives a code repository's address and branch. AWS: DescribeCodeRepository."""
    constraints.check("DescribeCodeRepository", params)
    with call.installation.database.reading() as rx:
        return _summary(_require(rx, call, params))


def list_code_repositories(call: Call, params: Params) -> dict[str, Any]:
    """Lists code repositories, filtered and sorted. AWS: ListCodeRepositories."""
    constraints.check("ListCodeRepositories", params)
    return listed(
        call,
        params,
        CODE_REPOSITORIES,
        _summary,
        "CodeRepositorySummaryList",
        default_sort="Name",
        default_order="Ascending",
    )


def update_code_repository(call: Call, params: Params) -> dict[str, Any]:
    """Changes nothing but a secret, which boatyard does not keep. AWS: UpdateCodeRepository."""
    params = with_aws_addresses(call, params)
    constraints.check("UpdateCodeRepository", params)
    if params.get("GitConfig", {}).get("SecretArn"):
        raise not_supported("sagemaker", "UpdateCodeRepository", "GitConfig.SecretArn")
    with call.installation.database.reading() as rx:
        return {"CodeRepositoryArn": _require(rx, call, params).arn}


def delete_code_repository(call: Call, params: Params) -> None:
    """Deletes a code repository; the git repository itself stays. AWS: DeleteCodeRepository."""
    constraints.check("DeleteCodeRepository", params)
    with call.installation.database.transaction() as tx:
        repository = _require(tx, call, params)
        CODE_REPOSITORIES.delete(tx, call.account, call.region, repository.name)
        tags.put(tx, repository.arn, {})


def _require(rx: Reader, call: Call, params: Params) -> CodeRepository:
    repository = CODE_REPOSITORIES.get(rx, call.account, call.region, params["CodeRepositoryName"])
    if repository is None:
        arn = resource_arn(call, "code-repository", params["CodeRepositoryName"])
        raise ApiError("ValidationException", f'Cannot find CodeRepository: "{arn}"')
    return repository


def _summary(repository: CodeRepository) -> dict[str, Any]:
    git = {"RepositoryUrl": repository.url}
    if repository.branch:
        git["Branch"] = repository.branch
    return {
        "CodeRepositoryName": repository.name,
        "CodeRepositoryArn": repository.arn,
        "CreationTime": repository.created,
        "LastModifiedTime": repository.modified,
        "GitConfig": git,
    }
