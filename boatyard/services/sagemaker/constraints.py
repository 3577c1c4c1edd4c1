"""SageMaker's patterns for names, URIs and the like, read from the service model."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from boatyard.api import models
from boatyard.api.errors import ApiError

_SHOWN = 100  # characters of a value in an error


def check(operation: str, params: dict[str, Any]) -> None:
    """Raises AWS's ValidationException for values that do not match their pattern, all of them in one message."""
    shape = models.operation_model("sagemaker", operation).input_shape
    found = list(_violations(shape, params, ""))
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        raise ApiError("ValidationException", count + "; ".join(found[:10]))


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, inner in value.items():
            below = name[:1].lower() + name[1:]
            yield from _violations(shape.members[name], inner, f"{path}.{below}" if path else below)
    elif shape.type_name == "list":
        for position, inner in enumerate(value, start=1):
            yield from _violations(shape.member, inner, f"{path}.{position}.member")
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from _violations(shape.key, key, f"{path}.{key[:_SHOWN]}.key")
            yield from _violations(shape.value, inner, f"{path}.{key[:_SHOWN]}.member")
    elif shape.type_name == "string":
        pattern = shape.metadata.get("pattern")
        compiled = _compiled(pattern) if pattern else None
        if compiled is not None and not compiled.fullmatch(value):
            yield (
                f"Value '{value[:_SHOWN]}' at '{path}' failed to satisfy constraint: "
                f"Member must satisfy regular expression pattern: {pattern}"
            )


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern in Python's terms; None for the few that use Java's character properties (tags, headers)."""
    if "\\p{" in pattern:
        return None
    # In Java '.' does not match a line's end; SageMaker still takes any text where it says '.*'.
    return re.compile(pattern, re.ASCII | re.DOTALL)
