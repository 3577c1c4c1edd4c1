"""Names of parameters, with selectors and as ARNs, and the versions that they mean."""

from __future__ import annotations

import re
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.ssm.records import PARAMETERS, VERSIONS, Parameter, Version
from boatyard.state.database import Reader

_PART = re.compile(r"[a-zA-Z0-9_.-]+")
_ARN = re.compile(r"arn:aws[a-z-]*:ssm:([a-z0-9-]+):(\d{12}):parameter(/.+)")
_LEVELS = 15


def check_name(name: str) -> None:
    """The rules for a new parameter's name, in AWS's words."""
    if re.match(r"/?ssm", name, re.IGNORECASE) or not all(
        _PART.fullmatch(part) for part in name.removeprefix("/").split("/")
    ):
        raise ApiError(
            "ValidationException",
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of'
            " sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the"
            " following 3 symbols .-_",
            status=400,
        )
    if re.match(r"/?aws", name, re.IGNORECASE):
        raise ApiError("AccessDeniedException", f"No access to reserved parameter name: {name}.", status=400)
    if "/" in name and not name.startswith("/"):
        raise ApiError("ValidationException", "Parameter name must be a fully qualified name.", status=400)
    if name.count("/") > _LEVELS:
        raise ApiError(
            "HierarchyLevelLimitExceededException",
            f"A hierarchy can have a maximum of {_LEVELS} levels.",
            status=400,
        )


def missing(name: str) -> ApiError:
    """ParameterNotFound."""
    return ApiError("ParameterNotFound", f"Parameter {name} not found.", status=400)


def plain_name(call: Call, rx: Reader, text: str) -> tuple[str, str]:
    """A parameter's name without ARN, and its selector (`3` or a label) or an empty text."""
    match = _ARN.fullmatch(text)
    name, _, selector = (match.group(3) if match else text).partition(":")
    if match and PARAMETERS.get(rx, call.account, call.region, name) is None:
        name = name.removeprefix("/")
    return name, selector


def require_parameter(call: Call, rx: Reader, text: str) -> Parameter:
    """A parameter by name or ARN, or ParameterNotFound."""
    name, _ = plain_name(call, rx, text)
    found = PARAMETERS.get(rx, call.account, call.region, name)
    if found is None:
        raise missing(text)
    return found


def require_version(call: Call, rx: Reader, text: str) -> Version:
    """The version that a name means: the latest, or the one of its selector."""
    name, selector = plain_name(call, rx, text)
    parameter = PARAMETERS.get(rx, call.account, call.region, name)
    if parameter is None:
        raise missing(name)
    if not selector:
        found = version_of(rx, parameter, parameter.latest)
    elif selector.isdigit():
        found = version_of(rx, parameter, int(selector))
    else:
        found = next((item for item in versions_of(rx, parameter) if selector in item.labels), None)
    if found is None:
        raise ApiError(
            "ParameterVersionNotFound",
            f"Systems Manager could not find version {selector} of {name}. Verify the version and try again.",
            status=400,
        )
    return found


def version_of(rx: Reader, parameter: Parameter, number: int) -> Version | None:
    """One version of a parameter."""
    return VERSIONS.get(rx, parameter.account, parameter.region, parameter.name, number)


def versions_of(rx: Reader, parameter: Parameter) -> list[Version]:
    """Every version of a parameter, oldest first."""
    where: dict[str, Any] = {
        "account": parameter.account,
        "region": parameter.region,
        "name": parameter.name,
    }
    return VERSIONS.select(rx, where, order="version")
