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
    """Whether an ARN is what a condition's pattern describes: each of its six parts by itself."""
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    if len(wanted) < 6 or len(given) < 6:
        return False
    return all(matches(part, value) for part, value in zip(wanted, given, strict=True))


def resource_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN is what a Resource element describes.

    A `*` that ends a segment may reach over colons, other wildcards in the five segments before the resource may not
    (IAM User Guide, "IAM JSON policy elements: Resource").
    """
    if pattern == "*":
        return True
    segments = pattern.split(":", 5)
    head = segments[:5]
    if not any(segment.endswith("*") for segment in head):
        return arn_matches(pattern, arn)
    if not any("*" in segment[:-1] or "?" in segment for segment in head):
        return matches(pattern, arn)
    return _matches_mixed(segments, arn)


def _matches_mixed(segments: list[str], arn: str) -> bool:
    """The general case, by the set of places in the pattern that the text so far may have led to."""
    tokens: list[tuple[str, bool]] = []
    for number, segment in enumerate(segments):
        tokens += [(":", False)] if number else []
        last = len(segment) - 1
        tokens += [(letter, number == 5 or (letter == "*" and at == last)) for at, letter in enumerate(segment)]
    places = _skipping({0}, tokens)
    for letter in arn:
        places = _skipping({after for place in places for after in _steps(tokens, place, letter)}, tokens)
    return len(tokens) in places


def _skipping(places: set[int], tokens: list[tuple[str, bool]]) -> set[int]:
    """The places with those behind stars, which may stand for nothing."""
    found = set(places)
    for place in places:
        while place < len(tokens) and tokens[place][0] == "*":
            place += 1
            found.add(place)
    return found


def _steps(tokens: list[tuple[str, bool]], place: int, letter: str) -> tuple[int, ...]:
    if place == len(tokens):
        return ()
    sign, everywhere = tokens[place]
    if sign in "*?":
        allowed = everywhere or letter != ":"
        return ((place if sign == "*" else place + 1),) if allowed else ()
    return (place + 1,) if plain(sign) == letter else ()


@lru_cache(maxsize=8192)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern without backtracking: the first place where a piece fits is as good as any later one."""
    first, *others = (
        "".join("." if letter == "?" else re.escape(plain(letter)) for letter in piece) for piece in pattern.split("*")
    )
    if not others:
        return re.compile(first, re.DOTALL)
    inner = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(f"{first}{inner}.*{others[-1]}", re.DOTALL)
