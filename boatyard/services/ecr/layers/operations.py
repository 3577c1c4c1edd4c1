"""ECR's operations on layers, which the registry's own protocol does too."""

from typing import Any
from urllib.parse import quote

from boatyard.api.addresses import server_url
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.ecr import tokens
from boatyard.services.ecr.layers import store
from boatyard.services.ecr.layers.uploads import Upload, UploadMissing, WrongDigest, uploads
from boatyard.services.ecr.records import Repository
from boatyard.services.ecr.repositories import DIGEST, find_for

PART_SIZE = 10 * 1024 * 1024
MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def batch_check_layer_availability(call: Call, params: Params) -> dict[str, Any]:
    """Which layers a repository has (Amazon ECR API Reference: BatchCheckLayerAvailability)."""
    repository = find_for(call, params)
    layers, failures = [], []
    with call.installation.database.reading() as rx:
        for digest in params["layerDigests"]:
            if not DIGEST.match(digest):
                failures.append(
                    {
                        "layerDigest": digest,
                        "failureCode": "InvalidLayerDigest",
                        "failureReason": "Requested layer digest is not a sha256 digest",
                    }
                )
                continue
            layer = store.find(rx, repository, digest)
            store.promise(call.installation, digest)
            entry: dict[str, Any] = {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
            if layer is not None:
                entry |= {"layerAvailability": "AVAILABLE", "layerSize": layer.size, "mediaType": MEDIA_TYPE}
            layers.append(entry)
    return {"layers": layers, "failures": failures}


def get_download_url_for_layer(call: Call, params: Params) -> dict[str, Any]:
    """An address from which a layer can be had for an hour (Amazon ECR API Reference: GetDownloadUrlForLayer)."""
    repository = find_for(call, params)
    digest = params["layerDigest"]
    with call.installation.database.reading() as rx:
        if store.find(rx, repository, digest) is None:
            raise ApiError(
                "LayersNotFoundException",
                f"Layer with digest '{digest}' does not exist in the repository with name '{repository.name}' in the "
                f"registry with id '{repository.account}'",
            )
    path = f"/v2/{repository.name}/blobs/{digest}"
    address = f"{server_url(call)}{path}?token={quote(tokens.issue_for(call, path), safe='')}"
    return {"downloadUrl": address, "layerDigest": digest}


def initiate_layer_upload(call: Call, params: Params) -> dict[str, Any]:
    """Begin to upload a layer (Amazon ECR API Reference: InitiateLayerUpload)."""
    upload = uploads(call.installation).begin(find_for(call, params))
    return {"uploadId": upload.id, "partSize": PART_SIZE}


def upload_layer_part(call: Call, params: Params) -> dict[str, Any]:
    """Upload the next part of a layer (Amazon ECR API Reference: UploadLayerPart)."""
    repository = find_for(call, params)
    upload = _upload(call, repository, params["uploadId"])
    part: bytes = params["layerPartBlob"]
    with upload.lock:
        first, last = params["partFirstByte"], params["partLastByte"]
        if first != upload.size or last - first + 1 != len(part):
            raise ApiError(
                "InvalidLayerPartException",
                f"The layer part is not the next one: it covers the bytes {first} to {last} and has {len(part)} bytes, "
                f"and {upload.size} bytes are there",
                registryId=repository.account,
                repositoryName=repository.name,
                uploadId=upload.id,
                lastValidByteReceived=upload.size - 1,
            )
        upload.write(part)
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "uploadId": upload.id,
        "lastByteReceived": upload.size - 1,
    }


def complete_layer_upload(call: Call, params: Params) -> dict[str, Any]:
    """End an upload whose digest is as given (Amazon ECR API Reference: CompleteLayerUpload)."""
    repository = find_for(call, params)
    upload = _upload(call, repository, params["uploadId"])
    digest = params["layerDigests"][0]
    with upload.lock:
        if upload.size == 0:
            raise ApiError("EmptyUploadException", f"The upload with id '{upload.id}' has no layer parts")
        with call.installation.database.reading() as rx:
            there = store.find(rx, repository, digest)
        if there is not None:
            uploads(call.installation).cancel(upload)
            raise ApiError(
                "LayerAlreadyExistsException",
                f"Layer with digest '{digest}' already exists in the repository with name '{repository.name}' in "
                f"registry with id '{repository.account}'",
            )
        try:
            uploads(call.installation).finish(upload, digest)
        except WrongDigest as wrong:
            raise ApiError(
                "InvalidLayerException", f"Layer digest '{digest}' does not match the computed digest '{wrong}'"
            ) from wrong
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "uploadId": upload.id,
        "layerDigest": digest,
    }


def _upload(call: Call, repository: Repository, upload_id: str) -> Upload:
    try:
        return uploads(call.installation).get(repository, upload_id)
    except UploadMissing:
        raise ApiError(
            "UploadNotFoundException",
            f"Upload with id '{upload_id}' does not exist in the repository with name '{repository.name}' in the "
            f"registry with id '{repository.account}'",
        ) from None
