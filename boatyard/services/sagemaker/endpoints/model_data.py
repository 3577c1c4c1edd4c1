"""A model's artifacts, brought from S3 to the folder that its containers see at /opt/ml/model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.sagemaker import archives, s3_locations, s3_transfer


class ModelDataUnavailable(Exception):
    """A model's artifacts cannot be had; the text names the URL and says what to do."""


def definition(model: dict[str, Any]) -> dict[str, Any]:
    """The container of a CreateModel request."""
    primary: dict[str, Any] = model.get("PrimaryContainer") or model["Containers"][0]
    return primary


def fetch(call: Call, model: dict[str, Any], target: Path) -> None:
    """Fills `target` anew with the artifacts of a CreateModel request, as the model's role."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    container = definition(model)
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source and source["S3DataType"] == "S3Prefix":
        _prefix(call, source["S3Uri"], target)
    elif source or container.get("ModelDataUrl"):
        _archive(call, source["S3Uri"] if source else container["ModelDataUrl"], target)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def _archive(call: Call, url: str, target: Path) -> None:
    bucket, key = s3_locations.parse(url, "ModelDataUrl")
    packed = target.with_name("model.tar.gz")
    try:
        s3_transfer.download(call, bucket, key, packed)
        with packed.open("rb") as content:
            archives.unpack(content, target)
    except ApiError as error:
        raise ModelDataUnavailable(_no_object(url, error)) from None
    except archives.BadArchive as error:
        raise ModelDataUnavailable(
            f'Failed to extract model data archive from URL "{url}": {error}. Please ensure that the object located at '
            "the URL is a valid tar.gz archive of the model directory's contents."
        ) from None
    finally:
        packed.unlink(missing_ok=True)


def _prefix(call: Call, uri: str, target: Path) -> None:
    bucket, prefix = s3_locations.parse(uri, "S3Uri")
    count = 0
    try:
        for key in s3_transfer.keys(call, bucket, prefix):
            path = s3_locations.relative_path(key, prefix)
            if path is not None:
                s3_transfer.download(call, bucket, key, target / path)
                count += 1
    except ApiError as error:
        raise ModelDataUnavailable(_no_object(uri, error)) from None
    except (s3_locations.UnsafeKey, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ModelDataUnavailable(f'Failed to download model data from URL "{uri}": {error}.') from None
    if not count:
        raise ModelDataUnavailable(f'Failed to download model data from URL "{uri}": there is no object below it.')


def _no_object(url: str, error: ApiError) -> str:
    return (
        f'Failed to download model data from URL "{url}". Please ensure that there is an object located at the URL and '
        f"that the role passed to CreateModel has permissions to download the object. S3 answered {error.code}: "
        f"{error.message}"
    )
