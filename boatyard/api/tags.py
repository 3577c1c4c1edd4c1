"""Tags: AWS's lists of Key and Value, and the limits that hold for them everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from boatyard.api.errors import ApiError

MAXIMUM = 50
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def to_dict(tags: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """A list of tags as a dict; the last of equal keys counts."""
    return {tag[key]: tag.get(value, "") for tag in tags or ()}


def to_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """A dict of tags as AWS's list, in the order of the keys."""
    return [{key: name, value: tags[name]} for name in sorted(tags)]


def check(tags: Mapping[str, str], code: str = "ValidationException") -> None:
    """ApiError with `code` when there are more than 50 tags, or one is too long or starts with aws:."""
    if len(tags) > MAXIMUM:
        raise ApiError(code, f"Too many tags: {len(tags)}; at most {MAXIMUM} are allowed", status=400)
    for name, text in tags.items():
        if not 1 <= len(name) <= 128:
            raise ApiError(code, f"The tag key {name[:40]!r} must have 1 to 128 characters", status=400)
        if len(text) > 256:
            raise ApiError(code, f"The value of the tag {name!r} must have at most 256 characters", status=400)
        if _CONTROL.search(name) or _CONTROL.search(text):
            raise ApiError(code, f"The tag {name!r} must not have control characters", status=400)
        if name.lower().startswith("aws:"):
            raise ApiError(code, "aws: prefixed tag key names are not allowed for external use.", status=400)
