"""Uploads of blobs: in one request, in pieces, or by mounting what another repository has."""

import asyncio
import re

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.ecr.layers import store
from boatyard.services.ecr.layers.uploads import Upload, UploadMissing, WrongDigest, uploads
from boatyard.services.ecr.records import REPOSITORIES, Layer
from boatyard.services.ecr.registry.blobs import check_digest
from boatyard.services.ecr.registry.exchange import PIECE, Exchange, RegistryError, Response

RANGE = re.compile(r"(?:bytes[= ])?(\d+)-(\d+)(?:/(?:\d+|\*))?\Z")


async def begin(exchange: Exchange) -> Response:
    """POST: mount, upload whole, or begin (specification: "Pushing blobs", "Mounting a blob")."""
    mount, digest = exchange.argument("mount"), exchange.argument("digest")
    if mount:
        check_digest(mount)
        layer = await asyncio.to_thread(_mount, exchange, mount, exchange.argument("from"))
        if layer is not None:
            return _created(exchange, layer.digest)
    if digest:
        check_digest(digest)
    upload = await asyncio.to_thread(uploads(exchange.installation).begin, exchange.repository)
    if not digest:
        return _progress(exchange, upload, 202)
    try:
        await _take(exchange, upload)
        return await _finish(exchange, upload, digest)
    except BaseException:
        # Nobody was told of it, so that nobody can go on with it.
        uploads(exchange.installation).cancel(upload)
        raise


async def status(exchange: Exchange) -> Response:
    """GET: how much has come."""
    return _progress(exchange, _upload(exchange), 204)


async def append(exchange: Exchange) -> Response:
    """PATCH: the next piece, which must begin where the last one ended."""
    upload = _upload(exchange)
    async with Held(upload):
        _check_range(exchange, upload)
        await _take(exchange, upload)
    return _progress(exchange, upload, 202)


async def finish(exchange: Exchange) -> Response:
    """PUT: perhaps a last piece, and the digest that it all must have."""
    digest = exchange.argument("digest") or ""
    check_digest(digest)
    upload = _upload(exchange)
    async with Held(upload):
        _check_range(exchange, upload)
        await _take(exchange, upload)
        return await _finish(exchange, upload, digest)


async def cancel(exchange: Exchange) -> Response:
    """DELETE: throw it away."""
    upload = _upload(exchange)
    async with Held(upload):
        await asyncio.to_thread(uploads(exchange.installation).cancel, upload)
    return Response(204)


class Held:
    """An upload for one request alone; a second one at the same time is refused instead of mixed in."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload

    async def __aenter__(self) -> None:
        if not self.upload.lock.acquire(blocking=False):
            raise RegistryError(409, "BLOB_UPLOAD_INVALID", "Another request is writing to this upload")
        if self.upload.finished:
            self.upload.lock.release()
            raise _missing(self.upload.id)

    async def __aexit__(self, *_: object) -> None:
        self.upload.lock.release()


async def _take(exchange: Exchange, upload: Upload) -> None:
    """The body into the upload, about a megabyte at a time. What a full disk has cut off ends the upload."""
    try:
        await _take_pieces(exchange, upload)
    except OSError:
        uploads(exchange.installation).cancel(upload)
        raise


async def _take_pieces(exchange: Exchange, upload: Upload) -> None:
    pieces: list[bytes] = []
    size = 0
    while piece := await exchange.piece():
        pieces.append(piece)
        size += len(piece)
        if size >= PIECE:
            await asyncio.to_thread(upload.write, b"".join(pieces))
            pieces, size = [], 0
    if pieces:
        await asyncio.to_thread(upload.write, b"".join(pieces))


async def _finish(exchange: Exchange, upload: Upload, digest: str) -> Response:
    try:
        await asyncio.to_thread(uploads(exchange.installation).finish, upload, digest)
    except WrongDigest as wrong:
        raise RegistryError(
            400, "DIGEST_INVALID", f"The uploaded content has the digest {wrong}, not {digest}"
        ) from wrong
    return _created(exchange, digest)


def _mount(exchange: Exchange, digest: str, source: str | None) -> Layer | None:
    """The blob in this repository, if it is here already or the caller may read it in the other one."""
    with exchange.installation.database.transaction() as tx:
        there = store.find(tx, exchange.repository, digest)
        if there is not None:
            return store.link(tx, exchange.repository, digest, there.size)
    if not source:
        return None
    call: Call = exchange.call
    try:
        call.authorize("ecr", "GetDownloadUrlForLayer", {"repositoryName": source, "registryId": call.account})
    except ApiError:
        # The specification: what cannot be mounted is uploaded.
        return None
    with exchange.installation.database.transaction() as tx:
        origin = REPOSITORIES.get(tx, call.account, call.region, source)
        layer = store.find(tx, origin, digest) if origin else None
        return store.link(tx, exchange.repository, digest, layer.size) if layer else None


def _upload(exchange: Exchange) -> Upload:
    try:
        return uploads(exchange.installation).get(exchange.repository, exchange.reference)
    except UploadMissing:
        raise _missing(exchange.reference) from None


def _missing(upload_id: str) -> RegistryError:
    return RegistryError(404, "BLOB_UPLOAD_UNKNOWN", f"There is no upload {upload_id[:100]}: begin it anew")


def _check_range(exchange: Exchange, upload: Upload) -> None:
    header = exchange.headers.get("content-range")
    if header is None:
        return
    match = RANGE.match(header)
    if match is None or int(match[1]) != upload.size:
        raise RegistryError(
            416,
            "BLOB_UPLOAD_INVALID",
            f"The piece does not begin after the {upload.size} bytes that are there",
            {"Range": f"0-{max(0, upload.size - 1)}", "Location": _location(exchange, upload)},
        )


def _location(exchange: Exchange, upload: Upload) -> str:
    return f"/v2/{exchange.repository.name}/blobs/uploads/{upload.id}"


def _progress(exchange: Exchange, upload: Upload, code: int) -> Response:
    headers = {
        "Location": _location(exchange, upload),
        "Range": f"0-{max(0, upload.size - 1)}",
        "Docker-Upload-Uuid": upload.id,
        "OCI-Chunk-Min-Length": "1",
    }
    return Response(code, headers)


def _created(exchange: Exchange, digest: str) -> Response:
    location = f"/v2/{exchange.repository.name}/blobs/{digest}"
    return Response(201, {"Location": location, "Docker-Content-Digest": digest})
