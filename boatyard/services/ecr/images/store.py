"""Images in a repository: put, found, tagged and deleted, each with its event."""

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from boatyard.api import events
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.ecr import quotas
from boatyard.services.ecr.images.manifests import DOCKER_LIST, OCI_INDEX, BadManifest, Manifest, read
from boatyard.services.ecr.layers import store as layers
from boatyard.services.ecr.records import IMAGES, SCOPE, TAGS, Image, Repository, Tag
from boatyard.services.ecr.repositories import DIGEST, TAG, key_of, scope_of, tag_is_immutable
from boatyard.services.ecr.repositories import find as find_repository
from boatyard.state.database import Reader, Transaction

if TYPE_CHECKING:
    from boatyard.api.installation import Installation


def find(rx: Reader, repository: Repository, *, digest: str | None = None, tag: str | None = None) -> Image | None:
    """The image of a digest or of a tag, or None."""
    if digest is None:
        named = TAGS.get(rx, *key_of(repository), tag)
        digest = named.digest if named else None
    return IMAGES.get(rx, *key_of(repository), digest) if digest else None


def tags_of(rx: Reader, repository: Repository, digest: str) -> list[str]:
    """The tags of an image."""
    return [one.tag for one in TAGS.select(rx, {**scope_of(repository), "digest": digest})]


def put(
    installation: "Installation",
    repository: Repository,
    content: bytes,
    *,
    media_type: str | None = None,
    tag: str | None = None,
    digest: str | None = None,
) -> tuple[Image, bool]:
    """Store a manifest, and name it. The image, and whether anything is new.

    ApiError: InvalidParameterException, ImageDigestDoesNotMatchException, LayersNotFoundException,
    ReferencedImagesNotFoundException, ImageTagAlreadyExistsException.
    """
    if tag is not None and not TAG.match(tag):
        raise ApiError("InvalidParameterException", f"Invalid parameter at 'imageTag': {tag!r} is not a valid tag")
    try:
        manifest = read(content, media_type)
    except BadManifest as bad:
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax': {bad}",
        ) from bad
    computed = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest is not None and digest != computed:
        raise ApiError(
            "ImageDigestDoesNotMatchException",
            f"The specified image digest '{digest}' does not match the computed digest '{computed}'",
        )
    with installation.database.transaction() as tx:
        repository = find_repository(tx, *key_of(repository))
        _check_parts(tx, repository, manifest)
        image = IMAGES.get(tx, *key_of(repository), computed)
        fresh = image is None
        if image is None:
            image = _image(tx, repository, manifest, content, computed)
            IMAGES.insert(tx, image)
            where = dict(zip(SCOPE, key_of(repository), strict=True))
            quotas.IMAGES.check_count(installation, tx, IMAGES, where, more=0)
        moved = tag is not None and _name(tx, repository, tag, computed)
        if fresh or moved:
            _emit(installation, tx, repository, image, "PUSH", tag)
    return image, fresh or moved


def _image(tx: Transaction, repository: Repository, manifest: Manifest, content: bytes, digest: str) -> Image:
    children = (IMAGES.get(tx, *key_of(repository), child) for child in manifest.children)
    return Image(
        account=repository.account,
        region=repository.region,
        repository=repository.name,
        digest=digest,
        media_type=manifest.media_type,
        artifact_type=manifest.artifact_type,
        manifest=content,
        size=manifest.size + sum(child.size for child in children if child),
        pushed=now(),
        subject=manifest.subject,
        layers=manifest.blobs,
        children=manifest.children,
        annotations=manifest.annotations,
    )


def _check_parts(tx: Transaction, repository: Repository, manifest: Manifest) -> None:
    where = f"repository with name '{repository.name}' in the registry with id '{repository.account}'"
    missing = [digest for digest in manifest.blobs if layers.find(tx, repository, digest) is None]
    if missing:
        raise ApiError(
            "LayersNotFoundException",
            f"Layers with digests '[{', '.join(missing)}]' required for pushing image into {where} do not exist",
        )
    absent = [child for child in manifest.children if IMAGES.get(tx, *key_of(repository), child) is None]
    if absent:
        raise ApiError(
            "ReferencedImagesNotFoundException",
            f"Images with digests '[{', '.join(absent)}]' required for pushing image into {where} do not exist",
        )


def _name(tx: Transaction, repository: Repository, tag: str, digest: str) -> bool:
    """Point a tag to an image; whether that changed anything."""
    there = TAGS.get(tx, *key_of(repository), tag)
    if there is not None and there.digest == digest:
        return False
    if there is not None and tag_is_immutable(repository, tag):
        raise ApiError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
            "because the tag is immutable.",
        )
    TAGS.put(tx, Tag(**scope_of(repository), tag=tag, digest=digest, tagged=now()))
    return True


def untag(installation: "Installation", tx: Transaction, repository: Repository, tag: str) -> str | None:
    """Take a tag away, and the image with it if that was its last; the image's digest, None without such a tag."""
    named = TAGS.get(tx, *key_of(repository), tag)
    if named is None:
        return None
    if len(tags_of(tx, repository, named.digest)) == 1 and not parents_of(tx, repository, named.digest):
        delete(installation, tx, repository, named.digest)
        return named.digest
    TAGS.delete(tx, *key_of(repository), tag)
    image = IMAGES.get(tx, *key_of(repository), named.digest)
    if image is not None:
        _emit(installation, tx, repository, image, "DELETE", tag)
    return named.digest


def delete(installation: "Installation", tx: Transaction, repository: Repository, digest: str) -> list[str]:
    """Delete an image with its tags and the layers that only it had; the tags it had."""
    image = IMAGES.get(tx, *key_of(repository), digest)
    if image is None:
        return []
    names = tags_of(tx, repository, digest)
    for name in names:
        TAGS.delete(tx, *key_of(repository), name)
        _emit(installation, tx, repository, image, "DELETE", name)
    if not names:
        _emit(installation, tx, repository, image, "DELETE", None)
    IMAGES.delete(tx, *key_of(repository), digest)
    needed = {one for other in IMAGES.select(tx, scope_of(repository)) for one in other.layers}
    unneeded = [one for one in image.layers if one not in needed and not layers.is_promised(installation, one)]
    layers.remove(installation, tx, repository, unneeded)
    return names


def parents_of(rx: Reader, repository: Repository, digest: str) -> list[str]:
    """The indexes in the repository that list an image."""
    return [
        image.digest
        for image in IMAGES.select(rx, scope_of(repository))
        if image.media_type in (DOCKER_LIST, OCI_INDEX) and digest in image.children
    ]


def pulled(installation: "Installation", image: Image) -> None:
    """Note that an image was pulled: to the day, as AWS has it, so that most pulls write nothing."""
    moment = now()
    if image.pulled is not None and (moment - image.pulled).days < 1:
        return
    key = (image.account, image.region, image.repository, image.digest)
    with installation.database.transaction() as tx:
        if IMAGES.get(tx, *key) is not None:
            IMAGES.update(tx, key, lambda stored: msgspec.structs.replace(stored, pulled=moment))


def check_digest(digest: str) -> None:
    """InvalidParameterException unless it is a sha256 digest."""
    if not DIGEST.match(digest):
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'imageDigest' failed to satisfy constraint: {digest!r} is not a sha256 digest",
        )


def _emit(
    installation: "Installation",
    tx: Transaction,
    repository: Repository,
    image: Image,
    action: str,
    tag: str | None,
) -> None:
    detail: dict[str, Any] = {
        "result": "SUCCESS",
        "repository-name": repository.name,
        "image-digest": image.digest,
        "action-type": action,
        "manifest-media-type": image.media_type,
    }
    if image.artifact_type:
        detail["artifact-media-type"] = image.artifact_type
    if tag is not None:
        detail["image-tag"] = tag
    events.emit(
        installation,
        tx,
        source="aws.ecr",
        detail_type="ECR Image Action",
        detail=detail,
        account=repository.account,
        region=repository.region,
    )
