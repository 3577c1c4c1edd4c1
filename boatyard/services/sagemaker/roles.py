"""Taking on an execution role, with SageMaker's words when it cannot be had."""

from __future__ import annotations

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation

PRINCIPAL = "sagemaker.amazonaws.com"


def assume(installation: Installation, account: str, region: str, role_arn: str) -> Call:
    """A call as an execution role; ValidationException when SageMaker may not assume it."""
    call = installation.service_call(PRINCIPAL, account, region)
    try:
        return call.assume(role_arn, PRINCIPAL, session_name="SageMaker")
    except ApiError as error:
        if error.code not in ("AccessDenied", "NoSuchEntity", "NoSuchEntityException", "ValidationError"):
            raise
        raise ApiError(
            "ValidationException",
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{PRINCIPAL}' to assume the role. ({error.message})",
        ) from None
