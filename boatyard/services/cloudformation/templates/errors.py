"""The error that every fault in a template or its parameters becomes."""

from __future__ import annotations

from boatyard.api.errors import ApiError


def invalid(message: str) -> ApiError:
    """CloudFormation's ValidationError (HTTP 400), the one code it uses for whatever is wrong with a template."""
    return ApiError("ValidationError", message)
