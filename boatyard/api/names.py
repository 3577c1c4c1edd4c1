"""Checks of names against the patterns that AWS documents."""

from __future__ import annotations

import re

from boatyard.api.errors import ApiError


def check_pattern(value: str, pattern: str, member: str, code: str = "ValidationException") -> None:
    """ApiError in AWS's words when `value` does not match the whole pattern."""
    if re.fullmatch(pattern, value) is None:
        raise ApiError(
            code,
            f"1 validation error detected: Value '{value[:300]}' at '{member}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {pattern}",
            status=400,
        )
