"""S3's errors that more than one operation answers."""

from __future__ import annotations

from typing import Any

from boatyard.api.errors import ApiError


def no_such_bucket(name: str) -> ApiError:
    """NoSuchBucket (404)."""
    return ApiError("NoSuchBucket", "The specified bucket does not exist", status=404, BucketName=name)


def no_such_key(key: str, headers: dict[str, str] | None = None) -> ApiError:
    """NoSuchKey (404)."""
    return ApiError("NoSuchKey", "The specified key does not exist.", status=404, headers=headers, Key=key)


def no_such_version(key: str, version_id: str) -> ApiError:
    """NoSuchVersion (404)."""
    message = "The specified version does not exist."
    return ApiError("NoSuchVersion", message, status=404, Key=key, VersionId=version_id)


def no_such_upload(upload_id: str) -> ApiError:
    """NoSuchUpload (404)."""
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
        "or completed."
    )
    return ApiError("NoSuchUpload", message, status=404, UploadId=upload_id)


def invalid_argument(message: str, **members: Any) -> ApiError:
    """InvalidArgument (400)."""
    return ApiError("InvalidArgument", message, status=400, **members)


def invalid_request(message: str) -> ApiError:
    """InvalidRequest (400)."""
    return ApiError("InvalidRequest", message, status=400)


def malformed_xml() -> ApiError:
    """MalformedXML (400)."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return ApiError("MalformedXML", message, status=400)


def too_large(proposed: int, maximum: int) -> ApiError:
    """EntityTooLarge (400)."""
    return ApiError(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        status=400,
        ProposedSize=str(proposed),
        MaxSizeAllowed=str(maximum),
    )
