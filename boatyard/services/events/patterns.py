"""Event patterns: checked when a rule is made, matched against every event."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from boatyard.api import json_text
from boatyard.api.errors import ApiError

Test = Callable[[Any], bool]
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_MISSING = object()


def invalid(reason: str) -> ApiError:
    """The error of a pattern that is none."""
    return ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Callable[[dict[str, Any]], bool]:
    """The test of an event pattern; InvalidEventPatternException where it is none.

    Follows the EventBridge user guide, "Amazon EventBridge event patterns" and "Comparison operators".
    """
    try:
        parsed = json_text.read(pattern)
    except ValueError as error:
        raise invalid(f"Filter is not valid JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise invalid("Filter is not an object")
    if not parsed:
        raise invalid("Empty patterns are not allowed")
    return _object(parsed, "")


def _object(pattern: dict[str, Any], path: str) -> Callable[[dict[str, Any]], bool]:
    """The test of one level: every field has to match, and one of each $or."""
    tests = []
    for name, wanted in pattern.items():
        if name == "$or" and isinstance(wanted, list) and wanted and all(isinstance(one, dict) for one in wanted):
            tests.append(_either([_object(one, path) for one in wanted]))
        else:
            tests.append(_field(name, wanted, f"{path}.{name}" if path else name))
    return lambda event: all(test(event) for test in tests)


def _either(choices: list[Callable[[dict[str, Any]], bool]]) -> Callable[[dict[str, Any]], bool]:
    return lambda event: any(choice(event) for choice in choices)


def _field(name: str, wanted: Any, path: str) -> Callable[[dict[str, Any]], bool]:
    if isinstance(wanted, dict):
        if not wanted:
            raise invalid(f'"{path}" must not be an empty object')
        inner = _object(wanted, path)
        return lambda event: any(inner(value) for value in _objects(event.get(name, _MISSING)))
    if not isinstance(wanted, list):
        raise invalid(f'"{path}" must be an object or an array')
    if not wanted:
        raise invalid(f'"{path}": empty arrays are not allowed')
    tests = [_leaf(one, path) for one in wanted]
    return lambda event: any(test(event.get(name, _MISSING)) for test in tests)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in a value, those of an array each; an empty one if there is none, so that `exists` can be asked."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
    elif value is _MISSING:
        yield {}


def _leaf(wanted: Any, path: str) -> Test:
    """The test of one alternative of a field: a literal or an operator."""
    if isinstance(wanted, list):
        raise invalid(f'"{path}": nested arrays are not allowed')
    if not isinstance(wanted, dict):
        return _any_of(lambda value: _same(value, wanted))
    if len(wanted) != 1:
        raise invalid(f'"{path}": only one key allowed in match expression')
    name, argument = next(iter(wanted.items()))
    if name == "exists":
        if not isinstance(argument, bool):
            raise invalid("exists match pattern must be either true or false.")
        return lambda value: (value is not _MISSING and not isinstance(value, dict)) is argument
    if name == "anything-but":
        return _any_of(_anything_but(argument))
    return _any_of(_operator(name, argument))


def _any_of(test: Test) -> Test:
    """A field that is an array matches if one of its elements does."""

    def tested(value: Any) -> bool:
        if value is _MISSING or isinstance(value, dict):
            return False
        if isinstance(value, list):
            return any(test(item) for item in value if not isinstance(item, dict | list))
        return test(value)

    return tested


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool) or value is None or wanted is None:
        return value is wanted
    return bool(value == wanted) and isinstance(value, str) == isinstance(wanted, str)


def _operator(name: str, argument: Any) -> Test:
    if name in ("prefix", "suffix"):
        return _affix(name, argument)
    if name == "equals-ignore-case":
        folded = _text(name, argument).casefold()
        return lambda value: isinstance(value, str) and value.casefold() == folded
    if name == "wildcard":
        expression = _wildcard(_text(name, argument))
        return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None
    if name == "numeric":
        return _numeric(argument)
    if name == "cidr":
        return _cidr(argument)
    raise invalid(f"Unrecognized match type {name}")


def _text(name: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise invalid(f"{name} match pattern must be a string")
    return argument


def _affix(name: str, argument: Any) -> Test:
    fold = isinstance(argument, dict)
    if fold:
        if set(argument) != {"equals-ignore-case"}:
            raise invalid(f"Unsupported anything inside {name} pattern")
        argument = argument["equals-ignore-case"]
    given = _text(name, argument)
    wanted = given.casefold() if fold else given

    def test(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        text = value.casefold() if fold else value
        return text.startswith(wanted) if name == "prefix" else text.endswith(wanted)

    return test


def _wildcard(text: str) -> re.Pattern[str]:
    r"""A wildcard as a regular expression: `*` is any text, `\*` and `\\` stand for themselves."""
    if "**" in text:
        raise invalid("Consecutive wildcard characters are not allowed")
    parts, place = [], 0
    while place < len(text):
        character = text[place]
        if character == "\\":
            place += 1
            if place >= len(text) or text[place] not in "*\\":
                raise invalid("Invalid escape character in a wildcard")
            parts.append(re.escape(text[place]))
        else:
            parts.append(".*" if character == "*" else re.escape(character))
        place += 1
    return re.compile("".join(parts), re.DOTALL)


def _numeric(argument: Any) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise invalid("Value of numeric must be an array of one or two comparisons")
    tests = []
    for sign, number in zip(argument[::2], argument[1::2], strict=True):
        if sign not in _COMPARISONS:
            raise invalid(f"Unrecognized numeric range operator: {sign}")
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise invalid(f"Value of {sign} must be numeric")
        tests.append((_COMPARISONS[sign], number))

    def test(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return all(compare(value, number) for compare, number in tests)

    return test


def _cidr(argument: Any) -> Test:
    try:
        network = ipaddress.ip_network(_text("cidr", argument), strict=False)
    except ValueError as error:
        raise invalid(f"Malformed CIDR: {error}") from error

    def test(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


def _anything_but(argument: Any) -> Test:
    """The reverse of literals or of one operator over one or several texts."""
    if isinstance(argument, dict):
        if len(argument) != 1 or next(iter(argument)) not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise invalid("Unsupported anything-but pattern")
        name, values = next(iter(argument.items()))
        tests = [_operator(name, one) for one in (values if isinstance(values, list) else [values])]
    else:
        literals = argument if isinstance(argument, list) else [argument]
        if not literals or any(isinstance(one, dict | list) for one in literals):
            raise invalid("Inside anything-but list, start|null|boolean is not supported.")
        tests = [_equal_to(one) for one in literals]
    return lambda value: not any(test(value) for test in tests)


def _equal_to(wanted: Any) -> Test:
    return lambda value: _same(value, wanted)
