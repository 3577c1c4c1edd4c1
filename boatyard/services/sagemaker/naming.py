"""SageMaker's resource names: their ARNs, and the errors for names that are taken or unknown."""

from __future__ import annotations

from boatyard.api.arns import arn
from boatyard.api.call import Call
from boatyard.api.errors import ApiError


def resource_arn(call: Call, kind: str, name: str) -> str:
    """`arn:aws:sagemaker:REGION:ACCOUNT:KIND/NAME`; SageMaker writes names in lower case there."""
    return arn("sagemaker", f"{kind}/{name.lower()}", call.account, call.region)


def not_found(what: str, resource: str) -> ApiError:
    """AWS's answer for a model, endpoint or endpoint configuration that is not there."""
    return ApiError("ValidationException", f'Could not find {what} "{resource}".')


def already_exists(what: str, resource: str) -> ApiError:
    """AWS's answer for a name that is taken."""
    return ApiError("ValidationException", f'Cannot create already existing {what} "{resource}".')
