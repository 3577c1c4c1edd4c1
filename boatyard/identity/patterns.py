"""Wildcards and policy variables: `*`, `?` and `${aws:username}` in resources and conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

Context = Mapping[str, str | tuple[str, ...]]
"""What a request says of itself: condition keys in lower case, each with its value or values."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_STAR, _MARK = "\ue000", "\ue001"
"""A star or a question mark that came from a variable's value, and so is no wildcard."""


def values_of(context: Context, key: str) -> tuple[str, ...] | None:
    """A key's values, or None where the request has no such key."""
    value = context.get(key.lower())
    return (value,) if isinstance(value, str) else value


def substitute(text: str, context: Context) -> str | None:
    """A pattern with its policy variables replaced; None where one has neither a value nor a default."""
    missing = False

    def replace(match: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = (part.strip() for part in match.group(1).partition(","))
        if name in ("*", "?", "$"):
            return {"*": _STAR, "?": _MARK, "$": "$"}[name]
        values = values_of(context, name)
        if values is not None and len(values) == 1:
            return _literal(values[0])
        if len(default) >= 2 and default[0] == default[-1] == "'":
            return _literal(default[1:-1])
        missing = True
        return ""

    replaced = _VARIABLE.sub(replace, text)
    return None if missing else replaced


def _literal(text: str) -> str:
    return text.replace("*", _STAR).replace("?", _MARK)


def plain(text: str) -> str:
    """A substituted pattern read as text without wildcards."""
    return text.replace(_STAR, "*").replace(_MARK, "?")


def matches(pattern: str, value: str) -> bool:
    """Whether a value is what a pattern with `*` and `?` describes; case counts."""
    if pattern == "*":
        return True
    return _compiled(pattern).fullmatch(value) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN is what a pattern describes: wildcards do not reach over the first five colons."""
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    if len(wanted) < 6 or len(given) < 6:
        return matches(pattern, arn)
    return all(matches(part, value) for part, value in zip(wanted, given, strict=True))


@lru_cache(maxsize=8192)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": ".", _STAR: r"\*", _MARK: r"\?"}
    return re.compile("".join(parts.get(letter) or re.escape(letter) for letter in pattern), re.DOTALL)
