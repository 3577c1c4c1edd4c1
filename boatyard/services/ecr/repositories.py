"""Finding repositories, their names and addresses."""

import re
from typing import Any

from boatyard.api.arns import arn
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.ecr.records import REPOSITORIES, Repository
from boatyard.state.database import Reader

PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{PART}(?:/{PART})*\Z")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
RESERVED = "credentials"


def scope_of(repository: Repository) -> dict[str, str]:
    """The columns that say that a record belongs to a repository."""
    return {"account": repository.account, "region": repository.region, "repository": repository.name}


def key_of(repository: Repository) -> tuple[str, str, str]:
    """The repository's key, which begins the key of all that is in it."""
    return (repository.account, repository.region, repository.name)


def repository_arn(repository: Repository) -> str:
    """arn:aws:ecr:REGION:ACCOUNT:repository/NAME."""
    return arn("ecr", f"repository/{repository.name}", repository.account, repository.region)


def registry_host(account: str, region: str) -> str:
    """The registry's name as AWS has it, which builds, jobs and the engine find here."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}"


def check_name(name: str) -> None:
    """InvalidParameterException unless AWS takes the name."""
    if not 2 <= len(name) <= 256 or not NAME.match(name):
        raise ApiError(
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
            "'must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''",
        )
    if name == RESERVED or name.startswith(f"{RESERVED}/"):
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'repositoryName': boatyard keeps the name {RESERVED} for containers' credentials",
        )


def check_registry(call: Call, registry: str | None) -> str:
    """The account of the registry asked for: only the caller's own is there."""
    if registry is not None and not re.fullmatch(r"\d{12}", registry):
        raise ApiError("InvalidParameterException", "Invalid parameter at 'registryId': it must be a 12 digit account")
    return registry or call.account


def find(rx: Reader, account: str, region: str, name: str) -> Repository:
    """The record, or RepositoryNotFoundException."""
    repository = REPOSITORIES.get(rx, account, region, name)
    if repository is None:
        raise ApiError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{account}'",
        )
    return repository


def find_for(call: Call, params: dict[str, Any]) -> Repository:
    """The repository that `repositoryName` and `registryId` name."""
    account = check_registry(call, params.get("registryId"))
    with call.installation.database.reading() as rx:
        return find(rx, account, call.region, params["repositoryName"])


def tag_is_immutable(repository: Repository, tag: str) -> bool:
    """Whether a tag that is there may not be moved to another image."""
    excluded = any(_matches(pattern, tag) for pattern in repository.exclusions)
    return excluded if repository.mutability.startswith("MUTABLE") else not excluded


def _matches(pattern: str, tag: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), tag) is not None
