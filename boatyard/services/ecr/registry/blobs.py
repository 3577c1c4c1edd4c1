"""Blobs of the registry: had whole or in part, and deleted."""

import asyncio
import re

from boatyard.api.bodies import FileSlice
from boatyard.services.ecr.layers import store
from boatyard.services.ecr.records import IMAGES, Content
from boatyard.services.ecr.registry.exchange import Exchange, RegistryError, Response
from boatyard.services.ecr.repositories import DIGEST, scope_of

RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


async def get(exchange: Exchange) -> Response:
    """GET and HEAD of a blob (specification: "Pulling blobs"), with one range at most."""
    content = await asyncio.to_thread(_content, exchange)
    path = exchange.installation.blobs.path(content.blob)
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": content.digest,
        "ETag": f'"{content.digest}"',
        "Accept-Ranges": "bytes",
    }
    match = RANGE.match(exchange.headers.get("range", ""))
    if match is None or match.group(0) == "bytes=-":
        return Response(200, headers, FileSlice(path, 0, content.size))
    first, last = _bounds(match[1], match[2], content.size)
    headers["Content-Range"] = f"bytes {first}-{last}/{content.size}"
    return Response(206, headers, FileSlice(path, first, last - first + 1))


async def delete(exchange: Exchange) -> Response:
    """DELETE of a blob (specification: "Deleting Blobs"), refused while an image needs it."""
    await asyncio.to_thread(_delete, exchange)
    return Response(202)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
    if start > end:
        raise RegistryError(416, "SIZE_INVALID", "The range is not in the blob", {"Content-Range": f"bytes */{size}"})
    return start, end


def _content(exchange: Exchange) -> Content:
    check_digest(exchange.reference)
    with exchange.installation.database.reading() as rx:
        there = store.find(rx, exchange.repository, exchange.reference)
        content = store.content(rx, exchange.reference) if there else None
    if exchange.method == "HEAD":
        store.promise(exchange.installation, exchange.reference)
    if content is None:
        raise unknown(exchange.reference)
    return content


def _delete(exchange: Exchange) -> None:
    check_digest(exchange.reference)
    with exchange.installation.database.transaction() as tx:
        if store.find(tx, exchange.repository, exchange.reference) is None:
            raise unknown(exchange.reference)
        for image in IMAGES.select(tx, scope_of(exchange.repository)):
            if exchange.reference in image.layers:
                raise RegistryError(405, "UNSUPPORTED", f"The image {image.digest} needs the blob {exchange.reference}")
        store.remove(exchange.installation, tx, exchange.repository, [exchange.reference])


def check_digest(digest: str) -> None:
    """DIGEST_INVALID unless it is a sha256 digest."""
    if not DIGEST.match(digest):
        raise RegistryError(400, "DIGEST_INVALID", f"{digest[:100]!r} is not a sha256 digest")


def unknown(digest: str) -> RegistryError:
    """BLOB_UNKNOWN."""
    return RegistryError(404, "BLOB_UNKNOWN", f"The blob {digest} is not in the repository")
