"""AWS's errors: a code, a message, an HTTP status and the members that the error's shape has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An error that a client gets as AWS words it.

    `status` is the HTTP status where the service model does not say it; `members` go into the error's body,
    `headers` into the HTTP response (S3's x-amz-delete-marker, the ETag of a 304).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.members = members


class OperationNotSupported(ApiError):
    """An operation, a parameter or a value that boatyard does not do; answered with HTTP 501."""

    def __init__(self, service: str, operation: str, what: str | None = None) -> None:
        detail = f" with {what}" if what else ""
        super().__init__(
            "NotImplemented",
            f"boatyard does not do {service}:{operation}{detail}. docs/reference/operations.md lists what it does.",
            status=501,
        )


def not_supported(service: str, operation: str, what: str) -> ApiError:
    """The refusal of a parameter or a value, naming service, operation and parameter."""
    return ApiError(
        "ValidationException",
        f"boatyard does not support {what} in {service}:{operation}. docs/reference/operations.md lists what it does.",
        status=400,
    )
