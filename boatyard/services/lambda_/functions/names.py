"""How functions are named in requests: by name, partial ARN or whole ARN, with or without a qualifier."""

from __future__ import annotations

import re

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.lambda_.records import ALIASES, FUNCTIONS, LATEST, SETTINGS, Function, FunctionSettings
from boatyard.state.database import Reader

PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
NAME = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


def parse_name(text: str, qualifier: str | None = None) -> tuple[str, str | None]:
    """(name, qualifier or None) of a FunctionName parameter; ValidationException when it is none."""
    found = NAME.fullmatch(text)
    if found is None or len(found["name"]) > 64:
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{text[:200]}' at 'functionName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {PATTERN}",
            status=400,
        )
    named = found["qualifier"]
    if named and qualifier and named != qualifier:
        raise ApiError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
            status=400,
        )
    return found["name"], named or qualifier


def not_found(call: Call, name: str, qualifier: str | None) -> ApiError:
    """ResourceNotFoundException as Lambda words it."""
    arn = f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"
    if qualifier:
        arn = f"{arn}:{qualifier}"
    return ApiError("ResourceNotFoundException", f"Function not found: {arn}", status=404, Type="User")


def require_settings(rx: Reader, call: Call, name: str) -> FunctionSettings:
    """A function's settings; ResourceNotFoundException when there is no such function."""
    settings = SETTINGS.get(rx, call.account, call.region, name)
    if settings is None:
        raise not_found(call, name, None)
    return settings


def require_function(rx: Reader, call: Call, name: str, qualifier: str | None) -> Function:
    """The version that a qualifier (a version, an alias or none) means; an alias means its main version."""
    version = qualifier or LATEST
    alias = ALIASES.get(rx, call.account, call.region, name, version)
    found = FUNCTIONS.get(rx, call.account, call.region, name, alias.version if alias else version)
    if found is None:
        raise not_found(call, name, qualifier)
    return found
