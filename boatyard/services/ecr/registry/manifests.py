"""Manifests of the registry: pulled, pushed, deleted, listed by tag, and found by what they refer to."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

from boatyard.services.ecr.images import store
from boatyard.services.ecr.images.manifests import LIMIT, OCI_INDEX
from boatyard.services.ecr.images.operations import missing
from boatyard.services.ecr.records import IMAGES, REPOSITORIES, TAGS, Image
from boatyard.services.ecr.registry.blobs import check_digest
from boatyard.services.ecr.registry.exchange import Exchange, RegistryError, Response
from boatyard.services.ecr.repositories import TAG, scope_of

PAGE = 1000


async def get(exchange: Exchange) -> Response:
    """GET and HEAD of a manifest (specification: "Pulling manifests")."""
    image = await asyncio.to_thread(_find, exchange)
    if exchange.method == "GET":
        await asyncio.to_thread(store.pulled, exchange.installation, image)
    headers = {
        "Content-Type": image.media_type,
        "Docker-Content-Digest": image.digest,
        "ETag": f'"{image.digest}"',
        "Content-Length": str(len(image.manifest)),
    }
    return Response(200, headers, image.manifest)


async def put(exchange: Exchange) -> Response:
    """PUT of a manifest under a tag or its digest (specification: "Pushing Manifests")."""
    content = await exchange.body(LIMIT)
    digest = exchange.reference if ":" in exchange.reference else None
    if digest is not None:
        check_digest(digest)
    elif not TAG.match(exchange.reference):
        raise RegistryError(400, "TAG_INVALID", f"{exchange.reference[:200]!r} is not a valid tag")
    image, _ = await asyncio.to_thread(
        store.put,
        exchange.installation,
        exchange.repository,
        content,
        media_type=exchange.headers.get("content-type"),
        tag=None if digest else exchange.reference,
        digest=digest,
    )
    headers = {
        "Location": f"/v2/{exchange.repository.name}/manifests/{image.digest}",
        "Docker-Content-Digest": image.digest,
    }
    if image.subject:
        headers["OCI-Subject"] = image.subject
    return Response(201, headers)


async def delete(exchange: Exchange) -> Response:
    """DELETE of an image by digest, or of a tag (specification: "Content Management")."""
    await asyncio.to_thread(_delete, exchange)
    return Response(202)


async def list_tags(exchange: Exchange) -> Response:
    """The tags in order, `n` of them after `last` (specification: "Listing Tags")."""
    names = await asyncio.to_thread(_tags, exchange)
    chosen, more = _slice(exchange, names)
    headers = _link(exchange, f"/v2/{exchange.repository.name}/tags/list", chosen, more)
    return _json({"name": exchange.repository.name, "tags": chosen}, headers)


async def catalog(exchange: Exchange) -> Response:
    """The repositories in order, `n` of them after `last`."""
    chosen, more = _slice(exchange, await asyncio.to_thread(_repositories, exchange))
    return _json({"repositories": chosen}, _link(exchange, "/v2/_catalog", chosen, more))


async def referrers(exchange: Exchange) -> Response:
    """The manifests whose subject is a digest, as an index (specification: "Listing Referrers")."""
    check_digest(exchange.reference)
    kind = exchange.argument("artifactType")
    found = await asyncio.to_thread(_referrers, exchange)
    manifests = [_descriptor(image) for image in found if not kind or image.artifact_type == kind]
    headers = {"OCI-Filters-Applied": "artifactType"} if kind else {}
    return _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}, headers, OCI_INDEX)


def _find(exchange: Exchange) -> Image:
    reference = exchange.reference
    if ":" in reference:
        check_digest(reference)
        identity = {"imageDigest": reference}
    else:
        identity = {"imageTag": reference}
    with exchange.installation.database.reading() as rx:
        image = store.find(rx, exchange.repository, digest=identity.get("imageDigest"), tag=identity.get("imageTag"))
    if image is None:
        raise missing(exchange.repository, identity)
    return image


def _delete(exchange: Exchange) -> None:
    image = _find(exchange)
    with exchange.installation.database.transaction() as tx:
        if ":" not in exchange.reference:
            store.untag(exchange.installation, tx, exchange.repository, exchange.reference)
            return
        if parents := store.parents_of(tx, exchange.repository, image.digest):
            raise RegistryError(405, "UNSUPPORTED", f"The index {parents[0]} lists the image {image.digest}")
        store.delete(exchange.installation, tx, exchange.repository, image.digest)


def _tags(exchange: Exchange) -> list[str]:
    with exchange.installation.database.reading() as rx:
        return [tag.tag for tag in TAGS.select(rx, scope_of(exchange.repository))]


def _repositories(exchange: Exchange) -> list[str]:
    call = exchange.call
    with exchange.installation.database.reading() as rx:
        return [one.name for one in REPOSITORIES.select(rx, {"account": call.account, "region": call.region})]


def _referrers(exchange: Exchange) -> list[Image]:
    with exchange.installation.database.reading() as rx:
        return IMAGES.select(rx, {**scope_of(exchange.repository), "subject": exchange.reference})


def _descriptor(image: Image) -> dict[str, Any]:
    result: dict[str, Any] = {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": len(image.manifest),
    }
    if image.artifact_type:
        result["artifactType"] = image.artifact_type
    return result | ({"annotations": image.annotations} if image.annotations else {})


def _slice(exchange: Exchange, names: list[str]) -> tuple[list[str], bool]:
    text, last = exchange.argument("n"), exchange.argument("last")
    if text is not None and not (text.isascii() and text.isdigit()):
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", f"n must be a number, not {text[:50]!r}")
    limit = min(int(text), PAGE) if text is not None else PAGE
    after = [name for name in names if last is None or name > last]
    return after[:limit], 0 < limit < len(after)


def _link(exchange: Exchange, path: str, chosen: list[str], more: bool) -> dict[str, str]:
    if not more:
        return {}
    return {"Link": f'<{path}?n={len(chosen)}&last={quote(chosen[-1], safe="")}>; rel="next"'}


def _json(value: Any, headers: dict[str, str], media_type: str = "application/json") -> Response:
    return Response(200, {"Content-Type": media_type, **headers}, json.dumps(value).encode())
