"""The S3 source action: copies the newest version of an object into the artifact store."""

from __future__ import annotations

from urllib.parse import quote

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import iso
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun, Outcome


def run(action: ActionRun) -> Outcome:
    """Takes one object version of a versioned bucket as the source.

    Follows CodePipeline's user guide, "Amazon S3 source action reference".
    """
    bucket = action.configuration["S3Bucket"]
    key = action.overrides.get("S3_OBJECT_KEY", action.configuration["S3ObjectKey"])
    wanted = action.overrides.get("S3_OBJECT_VERSION_ID")
    _check_versioned(action, bucket)
    try:
        chosen = {"VersionId": wanted} if wanted else {}
        found = action.call.invoke("s3", "HeadObject", Bucket=bucket, Key=key, **chosen)
    except ApiError as error:
        raise _failure(error, bucket, key) from error
    version = found.get("VersionId", "null")
    output = action.action.outputs[0]
    try:
        action.call.invoke(
            "s3",
            "CopyObject",
            Bucket=output["bucket"],
            Key=output["key"],
            CopySource=f"{bucket}/{quote(key)}?versionId={version}",
            **action.encryption(),
        )
    except ApiError as error:
        raise ActionFailed(
            "PermissionError" if "Denied" in error.code else "JobFailed",
            f"The object {key} of the bucket {bucket} could not be copied to the artifact bucket "
            f"{output['bucket']}: {error.message} ({error.code})",
        ) from error
    etag = found["ETag"].strip('"')
    return Outcome(
        summary=f"Amazon S3 version id: {version}",
        variables={"VersionId": version, "ETag": etag, "BucketName": bucket, "ObjectKey": key},
        revision={
            "name": output["name"],
            "revisionId": version,
            "revisionChangeIdentifier": etag[:100],
            "revisionSummary": f"Amazon S3 version id: {version}",
            "created": iso(found["LastModified"]),
        },
    )


def _check_versioned(action: ActionRun, bucket: str) -> None:
    try:
        status = action.call.invoke("s3", "GetBucketVersioning", Bucket=bucket).get("Status")
    except ApiError as error:
        raise _failure(error, bucket, action.configuration["S3ObjectKey"]) from error
    if status != "Enabled":
        raise ActionFailed(
            "ConfigurationError",
            f"The bucket named {bucket} does not have versioning enabled. An Amazon S3 source needs a versioned "
            f"bucket: aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled",
        )


def _failure(error: ApiError, bucket: str, key: str) -> ActionFailed:
    if error.code in ("404", "NoSuchKey", "NoSuchBucket", "NotFound", "NoSuchVersion"):
        return ActionFailed(
            "ConfigurationError",
            f"The Amazon S3 object named {key} does not exist in the bucket {bucket}, or the bucket does not exist. "
            "Upload the object, or check S3Bucket and S3ObjectKey of the action.",
        )
    code = "PermissionError" if error.code in ("403", "AccessDenied", "Forbidden") else "JobFailed"
    return ActionFailed(
        code,
        f"The service role or action role doesn't have the permissions required to access the Amazon S3 bucket "
        f"named {bucket} and the object {key}: {error.message} ({error.code}). Update the IAM role permissions, "
        "and then try again.",
    )
