"""From an ApiError to what the caller's protocol writes: code, status and the model's error shape."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from boatyard.api import models
from boatyard.api.errors import ApiError
from boatyard.gateway.protocols.base import Fault
from boatyard.services import PACKAGES
from boatyard.state import space

_S3_STATUS = {
    301: ("PermanentRedirect",),
    304: ("NotModified",),
    403: (
        "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "InvalidObjectState", "RequestTimeTooSkewed",
        "SignatureDoesNotMatch", "KMS.DisabledException",
    ),
    404: (
        "NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NoSuchVersion", "NoSuchBucketPolicy", "NoSuchTagSet", "NotFound",
        "NoSuchLifecycleConfiguration", "NoSuchCORSConfiguration", "NoSuchWebsiteConfiguration", "NoSuchConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError", "NoSuchPublicAccessBlockConfiguration",
        "ReplicationConfigurationNotFoundError", "OwnershipControlsNotFoundError",
        "ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration",
    ),
    405: ("MethodNotAllowed",),
    409: (
        "BucketAlreadyExists", "BucketAlreadyOwnedByYou", "BucketNotEmpty", "OperationAborted", "InvalidBucketState",
        "ConditionalRequestConflict",
    ),
    411: ("MissingContentLength",),
    412: ("PreconditionFailed",),
    416: ("InvalidRange",),
    500: ("InternalError",),
    501: ("NotImplemented",),
    503: ("SlowDown", "ServiceUnavailable"),
}  # fmt: skip
S3_STATUS = {code: status for status, codes in _S3_STATUS.items() for code in codes}
COMMON_STATUS = {
    "AccessDenied": 403,
    "MissingAuthenticationToken": 403,
    "InvalidClientTokenId": 403,
    "SignatureDoesNotMatch": 403,
    "OptInRequired": 403,
    "NotAuthorized": 400,
    "InternalFailure": 500,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "NotImplemented": 501,
}
_TO_XML = {
    "AccessDeniedException": "AccessDenied",
    "ThrottlingException": "Throttling",
    "InternalServerError": "InternalFailure",
}
_TO_JSON = {"AccessDenied": "AccessDeniedException", "ValidationError": "ValidationException"}


class _UnknownService:
    """Stands in for the model of a service that boatyard does not do."""

    metadata: dict[str, Any] = {}
    error_shapes: list[Any] = []


def model_of(service: str) -> Any:
    """botocore's model of a service; one without anything for a service that is not done."""
    return models.service_model(service) if service in PACKAGES else _UnknownService()


def _shapes(service: str) -> dict[str, Any]:
    # What is remembered is a service of ours: any other name is the caller's, and there is no end of those.
    return _known_shapes(service) if service in PACKAGES else {}


@cache
def _known_shapes(service: str) -> dict[str, Any]:
    shapes: dict[str, Any] = {}
    for shape in model_of(service).error_shapes:
        shapes.setdefault(shape.metadata.get("error", {}).get("code") or shape.name, shape)
    for shape in model_of(service).error_shapes:
        shapes[shape.name] = shape
    return shapes


def to_fault(error: ApiError, service: str, protocol: str, operation: Any = None) -> Fault:
    """The fault that the protocol writes; the operation's own error shapes go before the service's others."""
    code = _spelled(error.code, service, protocol)
    shape = _shape(code, service, operation)
    status = error.status or _modelled_status(shape) or _usual_status(code, service, protocol)
    headers = tuple((getattr(error, "headers", None) or {}).items())
    members = {name: value for name, value in error.members.items() if value is not None}
    return Fault(code, error.message, status, members, shape, headers)


def _shape(code: str, service: str, operation: Any) -> Any:
    if operation is not None:
        for shape in operation.error_shapes:
            if code in (shape.name, shape.metadata.get("error", {}).get("code")):
                return shape
    return _shapes(service).get(code)


def _spelled(code: str, service: str, protocol: str) -> str:
    if code in _shapes(service):
        return code
    if protocol == "rest-xml" and code in ("ValidationException", "ValidationError"):
        return "InvalidRequest"
    if protocol == "query" and code == "ValidationException":
        return "ValidationError"
    if protocol in ("query", "rest-xml"):
        return _TO_XML.get(code, code)
    return _TO_JSON.get(code, code)


def _modelled_status(shape: Any) -> int | None:
    if shape is None:
        return None
    error = shape.metadata.get("error", {})
    if "httpStatusCode" in error:
        return int(error["httpStatusCode"])
    return 500 if shape.metadata.get("fault") else None


def _usual_status(code: str, service: str, protocol: str) -> int:
    if service == "s3":
        return S3_STATUS.get(code, 400)
    if protocol == "rest-json" and code == "AccessDeniedException":
        return 403
    return COMMON_STATUS.get(code, 400)


def from_exception(error: Exception, service: str, request_id: str, data_directory: Path) -> ApiError:
    """What a caller is told of an error that nobody foresaw: where it is written down, and what can be done."""
    if space.is_full(error):
        return ApiError("ServiceUnavailable", space.no_space(data_directory), status=503)
    code = "InternalError" if service == "s3" else "InternalFailure"
    log_file = data_directory / "logs" / "server.log"
    return ApiError(
        code,
        f"boatyard failed with {type(error).__name__}. The log {log_file} has the details under {request_id}.",
        status=500,
    )
