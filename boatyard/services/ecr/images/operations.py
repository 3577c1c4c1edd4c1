"""ECR's operations on images."""

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import page
from boatyard.services.ecr.images import store
from boatyard.services.ecr.records import IMAGES, TAGS, Image, Repository
from boatyard.services.ecr.repositories import DIGEST, find_for, key_of, scope_of
from boatyard.state.database import Reader

PAGE = 100


def put_image(call: Call, params: Params) -> dict[str, Any]:
    """Store a manifest, and tag it (Amazon ECR API Reference: PutImage)."""
    repository = find_for(call, params)
    manifest = params["imageManifest"].encode()
    tag = params.get("imageTag")
    image, changed = store.put(
        call.installation,
        repository,
        manifest,
        media_type=params.get("imageManifestMediaType"),
        tag=tag,
        digest=params.get("imageDigest"),
    )
    if not changed:
        raise ApiError(
            "ImageAlreadyExistsException",
            f"Image with digest '{image.digest}' and tag '{tag}' already exists in the repository with name "
            f"'{repository.name}' in registry with id '{repository.account}'",
        )
    return {"image": _image(image, tag)}


def list_images(call: Call, params: Params) -> dict[str, Any]:
    """The images by digest and tag (Amazon ECR API Reference: ListImages)."""
    repository = find_for(call, params)
    _check_status(params, "ListImages")
    wanted = (params.get("filter") or {}).get("tagStatus", "ANY")
    identities: list[dict[str, str]] = []
    with call.installation.database.reading() as rx:
        for image, names in _all(rx, repository):
            if names and wanted != "UNTAGGED":
                identities += [{"imageDigest": image.digest, "imageTag": name} for name in names]
            if not names and wanted != "TAGGED":
                identities.append({"imageDigest": image.digest})
    return _page("imageIds", identities, params)


def describe_images(call: Call, params: Params) -> dict[str, Any]:
    """What is known of images (Amazon ECR API Reference: DescribeImages)."""
    repository = find_for(call, params)
    _check_status(params, "DescribeImages")
    wanted = (params.get("filter") or {}).get("tagStatus", "ANY")
    with call.installation.database.reading() as rx:
        if identities := params.get("imageIds"):
            chosen = {}
            for identity in identities:
                image = _find(rx, repository, identity)
                if image is None:
                    raise missing(repository, identity)
                chosen[image.digest] = image
            found = [(image, store.tags_of(rx, repository, image.digest)) for image in chosen.values()]
        else:
            found = [
                (image, names)
                for image, names in _all(rx, repository)
                if wanted == "ANY" or bool(names) == (wanted == "TAGGED")
            ]
    return _page("imageDetails", [_detail(image, names) for image, names in found], params)


def batch_get_image(call: Call, params: Params) -> dict[str, Any]:
    """Manifests by digest or tag (Amazon ECR API Reference: BatchGetImage)."""
    repository = find_for(call, params)
    images, failures = [], []
    accepted = params.get("acceptedMediaTypes")
    with call.installation.database.reading() as rx:
        for identity in params["imageIds"]:
            reason = _failure(rx, repository, identity)
            image = None if reason else _find(rx, repository, identity)
            if image is None or reason:
                failures.append(reason or _not_found(identity))
            elif accepted and image.media_type not in accepted:
                failures.append(_not_found(identity))
            else:
                images.append(image)
    for image in images:
        store.pulled(call.installation, image)
    named = {one.get("imageDigest"): one.get("imageTag") for one in params["imageIds"]}
    tags = {one["imageTag"] for one in params["imageIds"] if one.get("imageTag")}
    return {
        "images": [
            _image(image, named.get(image.digest) or _asked_tag(call, repository, image, tags)) for image in images
        ],
        "failures": failures,
    }


def batch_delete_image(call: Call, params: Params) -> dict[str, Any]:
    """Delete images, or take tags away (Amazon ECR API Reference: BatchDeleteImage)."""
    repository = find_for(call, params)
    done, failures = [], []
    with call.installation.database.transaction() as tx:
        for identity in params["imageIds"]:
            failure = _failure(tx, repository, identity) or _held(tx, repository, identity)
            if failure is None and _find(tx, repository, identity) is None:
                failure = _not_found(identity)
            if failure is not None:
                failures.append(failure)
                continue
            tag, digest = identity.get("imageTag"), identity.get("imageDigest")
            if tag:
                digest = store.untag(call.installation, tx, repository, tag)
                done.append({"imageDigest": digest, "imageTag": tag})
            elif digest:
                names = store.delete(call.installation, tx, repository, digest)
                done += [{"imageDigest": digest, "imageTag": name} for name in names] or [{"imageDigest": digest}]
    return {"imageIds": done, "failures": failures}


def list_image_referrers(call: Call, params: Params) -> dict[str, Any]:
    """The artifacts whose subject is an image (Amazon ECR API Reference: ListImageReferrers)."""
    repository = find_for(call, params)
    subject = params["subjectId"]["imageDigest"]
    kinds = (params.get("filter") or {}).get("artifactTypes")
    with call.installation.database.reading() as rx:
        found = IMAGES.select(rx, {**scope_of(repository), "subject": subject})
    referrers = [
        {
            "digest": image.digest,
            "mediaType": image.media_type,
            "size": len(image.manifest),
            "annotations": image.annotations,
            "artifactStatus": "ACTIVE",
        }
        | ({"artifactType": image.artifact_type} if image.artifact_type else {})
        for image in found
        if not kinds or image.artifact_type in kinds
    ]
    return _page("referrers", referrers, params)


def missing(repository: Repository, identity: dict[str, str]) -> ApiError:
    """ImageNotFoundException as AWS words it."""
    tag, digest = identity.get("imageTag", "null"), identity.get("imageDigest", "null")
    return ApiError(
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository "
        f"with name '{repository.name}' in the registry with id '{repository.account}'",
    )


def _all(rx: Reader, repository: Repository) -> list[tuple[Image, list[str]]]:
    names: dict[str, list[str]] = {}
    for tag in TAGS.select(rx, scope_of(repository)):
        names.setdefault(tag.digest, []).append(tag.tag)
    return [(image, names.get(image.digest, [])) for image in IMAGES.select(rx, scope_of(repository))]


def _find(rx: Reader, repository: Repository, identity: dict[str, str]) -> Image | None:
    image = store.find(rx, repository, digest=identity.get("imageDigest"), tag=identity.get("imageTag"))
    tag = identity.get("imageTag")
    if image is not None and tag and "imageDigest" in identity:
        named = TAGS.get(rx, *key_of(repository), tag)
        return image if named is not None and named.digest == image.digest else None
    return image


def _failure(rx: Reader, repository: Repository, identity: dict[str, str]) -> dict[str, Any] | None:
    digest, tag = identity.get("imageDigest"), identity.get("imageTag")
    if not digest and not tag:
        return _failed(
            identity, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
        )
    if digest and not DIGEST.match(digest):
        return _failed(
            identity,
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        )
    if digest and tag:
        named = TAGS.get(rx, *key_of(repository), tag)
        if named is not None and named.digest != digest:
            return _failed(identity, "ImageTagDoesNotMatchDigest", "Requested image tag does not match its digest")
    return None


def _held(rx: Reader, repository: Repository, identity: dict[str, str]) -> dict[str, Any] | None:
    digest = identity.get("imageDigest")
    if digest and not identity.get("imageTag") and (parents := store.parents_of(rx, repository, digest)):
        return _failed(
            identity,
            "ImageReferencedByManifestList",
            f"Requested image referenced by manifest list: [{', '.join(parents)}]",
        )
    return None


def _not_found(identity: dict[str, str]) -> dict[str, Any]:
    return _failed(identity, "ImageNotFound", "Requested image not found")


def _failed(identity: dict[str, str], code: str, reason: str) -> dict[str, Any]:
    return {"imageId": identity, "failureCode": code, "failureReason": reason}


def _asked_tag(call: Call, repository: Repository, image: Image, tags: set[str]) -> str | None:
    with call.installation.database.reading() as rx:
        return next((name for name in store.tags_of(rx, repository, image.digest) if name in tags), None)


def _image(image: Image, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": image.account,
        "repositoryName": image.repository,
        "imageId": {"imageDigest": image.digest} | ({"imageTag": tag} if tag else {}),
        "imageManifest": image.manifest.decode(),
        "imageManifestMediaType": image.media_type,
    }


def _detail(image: Image, names: list[str]) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "registryId": image.account,
        "repositoryName": image.repository,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed,
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ACTIVE",
    }
    optional = {
        "imageTags": names or None,
        "artifactMediaType": image.artifact_type,
        "lastRecordedPullTime": image.pulled,
        "subjectManifestDigest": image.subject,
    }
    return detail | {name: value for name, value in optional.items() if value is not None}


def _check_status(params: Params, operation: str) -> None:
    if (params.get("filter") or {}).get("imageStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        raise not_supported("ECR", operation, "filter.imageStatus other than ACTIVE and ANY")


def _page(name: str, items: list[dict[str, Any]], params: Params) -> dict[str, Any]:
    chosen, token = page(
        items, params.get("nextToken"), params.get("maxResults") or PAGE, code="InvalidParameterException"
    )
    return {name: chosen} | ({"nextToken": token} if token else {})
