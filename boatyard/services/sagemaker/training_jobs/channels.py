"""The input channels of a training job, brought from S3 to /opt/ml/input/data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from boatyard.api import json_text
from boatyard.api.bodies import whole
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.sagemaker import s3_locations, s3_transfer
from boatyard.services.sagemaker.s3_locations import UnsafeKey
from boatyard.services.sagemaker.training_jobs.layout import OptMl

_MANIFEST_LIMIT = 64 * 1024 * 1024  # bytes


class DataUnavailable(Exception):
    """A channel's data cannot be had; the text names the channel, the URI and what to do."""


def download_all(call: Call, request: dict[str, Any], opt_ml: OptMl) -> int:
    """Brings every channel of the request to its folder; answers how many files there are."""
    count = 0
    for channel in request.get("InputDataConfig", []):
        folder = opt_ml.channel(channel["ChannelName"])
        shutil.rmtree(folder, ignore_errors=True)  # what a download that was cut off left
        folder.mkdir(parents=True)
        found = _download(call, channel, folder, request["RoleArn"])
        count += found
        folder.chmod(0o777)
    return count


def _download(call: Call, channel: dict[str, Any], folder: Path, role: str) -> int:
    source = channel["DataSource"]["S3DataSource"]
    uri = source["S3Uri"]
    count = 0
    try:
        for bucket, key, path in _objects(call, source):
            target = folder / path
            s3_transfer.download(call, bucket, key, target)
            if channel.get("CompressionType", "None") == "Gzip":
                _unpack(target, f"s3://{bucket}/{key}")
            count += 1
    except ApiError as error:
        raise DataUnavailable(_nothing_found(call, uri, role, f"S3 answered {error.code}: {error.message}")) from None
    except UnsafeKey as error:
        raise DataUnavailable(f"Data download failed for the channel {channel['ChannelName']}: {error}") from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise DataUnavailable(
            f"Data download failed for the channel {channel['ChannelName']}: {uri} has a key that is a file and a "
            f"folder at once ({Path(str(error.filename)).name})"
        ) from None
    if not count:
        reason = f"the channel {channel['ChannelName']} would be empty"
        raise DataUnavailable(_nothing_found(call, uri, role, reason))
    return count


def _objects(call: Call, source: dict[str, Any]) -> Iterator[tuple[str, str, Path]]:
    bucket, prefix = s3_locations.parse(source["S3Uri"], "S3Uri")
    if source["S3DataType"] == "ManifestFile":
        yield from _manifest(call, bucket, prefix, source["S3Uri"])
        return
    for key in s3_transfer.keys(call, bucket, prefix):
        path = s3_locations.relative_path(key, prefix)
        if path is not None:
            yield bucket, key, Path(path)


def _manifest(call: Call, bucket: str, key: str, uri: str) -> Iterator[tuple[str, str, Path]]:
    """The objects a manifest lists: [{"prefix": "s3://bucket/path/"}, "key", ...]. AWS: S3DataSource."""
    head = call.invoke("s3", "HeadObject", Bucket=bucket, Key=key)
    if head["ContentLength"] > _MANIFEST_LIMIT:
        raise DataUnavailable(f"The manifest {uri} is larger than {_MANIFEST_LIMIT} bytes")
    try:
        entries = json_text.read(whole(call.invoke("s3", "GetObject", Bucket=bucket, Key=key)["Body"]))
        prefix = entries[0]["prefix"]
        names = entries[1:]
    except (ValueError, LookupError, TypeError):
        raise DataUnavailable(
            f'The manifest {uri} is not valid: it must be a JSON list that begins with {{"prefix": "s3://..."}}'
        ) from None
    for name in names:
        if not isinstance(name, str):
            raise DataUnavailable(f"The manifest {uri} is not valid: {str(name)[:100]!r} is no key")
        of_bucket, of_key = s3_locations.parse(prefix + name, "manifest")
        yield of_bucket, of_key, Path(s3_locations.safe_path(name))


def _unpack(path: Path, uri: str) -> None:
    try:
        s3_transfer.gunzip(path)
    except (OSError, EOFError) as error:
        raise DataUnavailable(f"{uri} is not gzip, though CompressionType says so: {error}") from None


def _nothing_found(call: Call, uri: str, role: str, why: str) -> str:
    bucket = s3_locations.parse(uri, "S3Uri")[0]
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source: {why}. Please ensure that the bucket '
        f"exists in the selected region ({call.region}), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )
