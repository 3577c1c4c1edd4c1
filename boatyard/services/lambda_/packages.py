"""Zip packages: taken in safely, kept as blobs, and unpacked once for the containers that use them."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import threading
import uuid
from pathlib import Path
from typing import IO

from boatyard.api import zips
from boatyard.api.bodies import chunks
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.unpacking import BadArchive, Limits, TooLarge, shown
from boatyard.services.lambda_ import quotas
from boatyard.services.lambda_.records import Package, code_bytes

ZIPPED_BYTES = 50 * 1024 * 1024
UNZIPPED_BYTES = 262_144_000
LIMITS = Limits(UNZIPPED_BYTES)
unpacking = threading.Lock()
"""Held while code is unpacked, or cleared away."""


def take_package(call: Call, code: dict[str, object], operation: str) -> Package:
    """The package in a request's ZipFile or S3 location, checked and stored.

    InvalidParameterValueException when it is no zip, holds paths outside itself or unpacks to over 250 MB.
    """
    if code.get("ImageUri"):
        raise ApiError(
            "InvalidParameterValueException",
            f"boatyard does not support container images in lambda:{operation}. Package the function as a zip.",
            status=400,
        )
    if code.get("ZipFile") is not None:
        content = bytes(code["ZipFile"])  # type: ignore[call-overload]
        if len(content) > ZIPPED_BYTES:
            raise ApiError(
                "RequestEntityTooLargeException",
                f"Zipped size must be smaller than {ZIPPED_BYTES} bytes; upload the zip to S3 instead.",
                status=413,
            )
    elif code.get("S3Bucket") and code.get("S3Key"):
        content = _from_s3(call, code)
    else:
        raise ApiError(
            "InvalidParameterValueException", "Please provide a source for function code.", status=400, Type="User"
        )
    check_zip(io.BytesIO(content))
    with call.installation.database.reading() as rx:
        stored = code_bytes(rx, call.account, call.region)
    quotas.CODE_STORAGE.check(call.installation, stored, len(content))
    with call.installation.blobs.writer() as writer:
        writer.write(content)
        blob = writer.commit()
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return Package(blob=blob.id, size=len(content), sha256=digest)


def _from_s3(call: Call, code: dict[str, object]) -> bytes:
    params = {"Bucket": code["S3Bucket"], "Key": code["S3Key"]}
    if code.get("S3ObjectVersion"):
        params["VersionId"] = code["S3ObjectVersion"]
    try:
        found = call.invoke("s3", "GetObject", **params)
    except ApiError as error:
        raise ApiError(
            "InvalidParameterValueException",
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}",
            status=400,
            Type="User",
        ) from error
    if found["ContentLength"] > UNZIPPED_BYTES:
        raise _too_large()
    return b"".join(chunks(found["Body"]))


def check_zip(file: IO[bytes]) -> None:
    """InvalidParameterValueException unless it is a zip that can be unpacked, has no links, and is not too large."""
    try:
        with zips.opened(file, LIMITS) as found:
            _refuse_links(found)
    except TooLarge:
        raise _too_large() from None
    except BadArchive as error:
        raise ApiError(
            "InvalidParameterValueException",
            f"Could not unzip uploaded file. Please check your file, then try to upload again: {error}.",
            status=400,
            Type="User",
        ) from None


def _too_large() -> ApiError:
    text = f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes"
    return ApiError("InvalidParameterValueException", text, status=400, Type="User")


def _refuse_links(found: zips.Zip) -> None:
    for entry in found.entries:
        if zips.is_link(entry):
            raise BadArchive(f"it holds a symbolic link, which boatyard does not unpack: {shown(entry.filename)}")


def code_directory(installation: Installation) -> Path:
    """Where unpacked code lies."""
    return installation.data_directory / "lambda" / "code"


def directory_name(packages: list[Package]) -> str:
    """The name of the folder in it that holds the packages' files together."""
    return hashlib.sha256("\n".join(package.sha256 for package in packages).encode()).hexdigest()


def unpacked(installation: Installation, packages: list[Package]) -> Path:
    """The directory with the packages' files, later ones over earlier ones; unpacked at the first use."""
    together = directory_name(packages)
    base = code_directory(installation)
    target = base / together
    with unpacking:
        if target.is_dir():
            # Said to be in use, so that it is not cleared away before the container has it.
            os.utime(target)
            return target
        base.mkdir(parents=True, exist_ok=True)
        partial = base / f".{together}-{uuid.uuid4().hex}"
        try:
            try:
                for package in packages:
                    _unpack(installation.blobs.path(package.blob), partial)
            except BadArchive as error:
                text = f"Lambda was unable to unzip the file: {error}"
                raise ApiError("InvalidZipFileException", text, status=502) from error
            partial.mkdir(exist_ok=True)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return target


def _unpack(path: Path, directory: Path) -> None:
    with path.open("rb") as file, zips.opened(file, LIMITS) as found:
        _refuse_links(found)
        zips.unpack(found, directory, default_mode=0o755, least_mode=0o444)
    for folder, _, _ in os.walk(directory):
        Path(folder).chmod(0o755)
