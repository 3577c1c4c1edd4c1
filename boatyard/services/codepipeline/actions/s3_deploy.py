"""The S3 deploy action: puts the input artifact, whole or file by file, into a bucket."""

from __future__ import annotations

import mimetypes
import tempfile
from pathlib import Path, PurePosixPath

from boatyard.api import zips
from boatyard.api.bodies import FileSlice
from boatyard.api.unpacking import safe_path
from boatyard.services.codepipeline.actions import artifact_files
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun, Outcome


def run(action: ActionRun) -> Outcome:
    """Deploys to a bucket.

    Follows CodePipeline's user guide, "Amazon S3 deploy action reference".
    """
    configuration, name = action.configuration, action.action.inputs[0]["name"]
    extract = configuration["Extract"].lower() == "true"
    key = configuration.get("ObjectKey", "")
    if not extract and not key:
        raise ActionFailed("ConfigurationError", "ObjectKey is required when Extract is false.")
    with tempfile.TemporaryDirectory(prefix="boatyard-deploy-") as directory:
        artifact = artifact_files.fetch(action, name, Path(directory) / "artifact")
        if extract:
            count = _put_files(action, Path(directory), name, key)
            return Outcome(summary=f"{count} objects were put into {configuration['BucketName']}")
        _put(action, key, artifact)
    return Outcome(summary=f"{key} was put into {configuration['BucketName']}")


def _put_files(action: ActionRun, directory: Path, name: str, prefix: str) -> int:
    with artifact_files.open_zip(directory / "artifact", name) as archive:
        files = [entry for entry in archive.entries if not zips.is_folder(entry)]
        for entry in files:
            body = artifact_files.write(directory / "file", archive.pieces(entry))
            _put(action, str(PurePosixPath(prefix) / safe_path(entry.filename)), body)
    return len(files)


def _put(action: ActionRun, key: str, body: FileSlice) -> None:
    configuration = action.configuration
    optional: dict[str, str] = {}
    if "CannedACL" in configuration:
        optional["ACL"] = configuration["CannedACL"]
    if "CacheControl" in configuration:
        optional["CacheControl"] = configuration["CacheControl"]
    if "KMSEncryptionKeyARN" in configuration:
        optional |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": configuration["KMSEncryptionKeyARN"]}
    kind = mimetypes.guess_type(key)[0]
    if kind:
        optional["ContentType"] = kind
    action.call.invoke("s3", "PutObject", Bucket=configuration["BucketName"], Key=key, Body=body, **optional)
