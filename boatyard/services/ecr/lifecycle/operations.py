"""ECR's operations on lifecycle policies, and the hourly work that carries them out."""

from typing import TYPE_CHECKING, Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.ecr.images import store
from boatyard.services.ecr.lifecycle.rules import BadPolicy, Expiry, expired, read
from boatyard.services.ecr.records import IMAGES, REPOSITORIES, Repository
from boatyard.services.ecr.repositories import find, find_for, key_of, scope_of
from boatyard.state.database import Reader

if TYPE_CHECKING:
    from boatyard.api.installation import Installation


def put_lifecycle_policy(call: Call, params: Params) -> dict[str, Any]:
    """Say which images expire (Amazon ECR API Reference: PutLifecyclePolicy)."""
    text = params["lifecyclePolicyText"]
    try:
        read(text)
    except BadPolicy as bad:
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation "
            f"failure: {bad}'",
        ) from bad
    return {**_names(_keep(call, params, text)), "lifecyclePolicyText": text}


def get_lifecycle_policy(call: Call, params: Params) -> dict[str, Any]:
    """A repository's lifecycle policy (Amazon ECR API Reference: GetLifecyclePolicy)."""
    repository = find_for(call, params)
    result = {**_names(repository), "lifecyclePolicyText": _text(repository)}
    return result | ({"lastEvaluatedAt": repository.lifecycle_evaluated} if repository.lifecycle_evaluated else {})


def delete_lifecycle_policy(call: Call, params: Params) -> dict[str, Any]:
    """Let no image expire any more (Amazon ECR API Reference: DeleteLifecyclePolicy)."""
    text = _text(find_for(call, params))
    return {**_names(_keep(call, params, None)), "lifecyclePolicyText": text}


def start_lifecycle_policy_preview(call: Call, params: Params) -> dict[str, Any]:
    """Prepare a preview of the repository's policy (Amazon ECR API Reference: StartLifecyclePolicyPreview)."""
    repository = find_for(call, params)
    text = params.get("lifecyclePolicyText") or _text(repository)
    try:
        read(text)
    except BadPolicy as bad:
        raise ApiError("InvalidParameterException", f"Lifecycle policy validation failure: {bad}") from bad
    previews = call.installation.attached("ecr.lifecycle-previews", dict[tuple[str, str, str], str])
    previews[key_of(repository)] = text
    return {**_names(repository), "lifecyclePolicyText": text, "status": "IN_PROGRESS"}


def get_lifecycle_policy_preview(call: Call, params: Params) -> dict[str, Any]:
    """The images that a previewed policy would expire (Amazon ECR API Reference: GetLifecyclePolicyPreview)."""
    repository = find_for(call, params)
    previews = call.installation.attached("ecr.lifecycle-previews", dict[tuple[str, str, str], str])
    text = previews.get(key_of(repository))
    if text is None:
        raise ApiError(
            "LifecyclePolicyPreviewNotFoundException",
            f"Lifecycle policy preview does not exist for the repository with name '{repository.name}'",
        )
    with call.installation.database.reading() as rx:
        found = _expired(rx, repository, text)
    results = [
        {
            "imageTags": list(one.names),
            "imageDigest": one.image.digest,
            "imagePushedAt": one.image.pushed,
            "action": {"type": "EXPIRE"},
            "appliedRulePriority": one.priority,
        }
        for one in found
    ]
    chosen, token = page(results, params.get("nextToken"), params.get("maxResults") or 100)
    result = {**_names(repository), "lifecyclePolicyText": text, "status": "COMPLETE", "previewResults": chosen}
    result["summary"] = {"expiringImageTotalCount": len(results)}
    return result | ({"nextToken": token} if token else {})


def carry_out(installation: "Installation") -> None:
    """Delete what every repository's lifecycle policy expires; images that an index lists stay."""
    with installation.database.reading() as rx:
        repositories = [one for one in REPOSITORIES.select(rx) if one.lifecycle is not None]
    for repository in repositories:
        with installation.database.transaction() as tx:
            stored = REPOSITORIES.get(tx, *key_of(repository))
            if stored is None or stored.lifecycle is None:
                continue
            for one in _expired(tx, stored, stored.lifecycle):
                if not store.parents_of(tx, stored, one.image.digest):
                    store.delete(installation, tx, stored, one.image.digest)
            REPOSITORIES.put(tx, msgspec.structs.replace(stored, lifecycle_evaluated=now()))


def find_expired(installation: "Installation") -> list[str]:
    """The images that `carry_out` would delete, as REPOSITORY@DIGEST."""
    with installation.database.reading() as rx:
        repositories = [one for one in REPOSITORIES.select(rx) if one.lifecycle is not None]
        return [
            f"{repository.name}@{one.image.digest}"
            for repository in repositories
            for one in _expired(rx, repository, repository.lifecycle or "")
            if not store.parents_of(rx, repository, one.image.digest)
        ]


def _expired(rx: Reader, repository: Repository, text: str) -> list[Expiry]:
    images = IMAGES.select(rx, scope_of(repository))
    pairs = [(image, store.tags_of(rx, repository, image.digest)) for image in images]
    return expired(read(text), pairs, now())


def _keep(call: Call, params: Params, text: str | None) -> Repository:
    account = params.get("registryId") or call.account
    with call.installation.database.transaction() as tx:
        repository = find(tx, account, call.region, params["repositoryName"])
        return REPOSITORIES.update(
            tx, key_of(repository), lambda stored: msgspec.structs.replace(stored, lifecycle=text)
        )


def _names(repository: Repository) -> dict[str, Any]:
    return {"registryId": repository.account, "repositoryName": repository.name}


def _text(repository: Repository) -> str:
    if repository.lifecycle is None:
        raise ApiError(
            "LifecyclePolicyNotFoundException",
            f"Lifecycle policy does not exist for the repository with name '{repository.name}' in the registry with id "
            f"'{repository.account}'",
        )
    return repository.lifecycle
