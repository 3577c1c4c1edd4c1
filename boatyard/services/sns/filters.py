"""Filter policies of subscriptions (SNS developer guide, "Subscription filter policies")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from boatyard.api import json_text
from boatyard.services.sns.lookup import invalid

_WORDS = {"prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case"}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def check_filter(document: str) -> None:
    """InvalidParameter for a filter policy that cannot be one."""
    try:
        content = json_text.read(document)
    except ValueError as error:
        raise invalid("FilterPolicy: failed to parse JSON") from error
    if not isinstance(content, dict):
        raise invalid("FilterPolicy: Filter policy must be a JSON object")
    _check(content)


def _check(content: Mapping[str, Any]) -> None:
    for key, value in content.items():
        if key == "$or":
            raise invalid('FilterPolicy: boatyard does not support "$or"')
        if isinstance(value, dict):
            _check(value)
            continue
        if not isinstance(value, list) or not value:
            raise invalid(f'FilterPolicy: "{key}" must be an object or an array')
        for rule in value:
            if isinstance(rule, dict) and (len(rule) != 1 or not _WORDS.issuperset(rule)):
                raise invalid(f"FilterPolicy: Unrecognized match type {next(iter(rule), '')}")


def accepts(document: str | None, scope: str, message: str, attributes: Mapping[str, Any]) -> bool:
    """Whether a message passes a subscription's filter, by its attributes or by its body."""
    if not document:
        return True
    wanted = json_text.read(document)
    if scope == "MessageBody":
        try:
            body = json_text.read(message)
        except ValueError:
            return False
        return isinstance(body, dict) and _matches(wanted, body)
    return _matches(wanted, {name: _value(item) for name, item in attributes.items()})


def _value(attribute: Mapping[str, Any]) -> Any:
    kind, text = attribute["DataType"], attribute.get("StringValue", "")
    if kind.startswith("Number"):
        return float(text)
    if kind.startswith("String.Array"):
        return json_text.read(text)
    return text


def _matches(wanted: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    for key, rules in wanted.items():
        if isinstance(rules, dict):
            below = given.get(key)
            if not isinstance(below, dict) or not _matches(rules, below):
                return False
        elif not any(_passes(rule, key in given, given.get(key)) for rule in rules):
            return False
    return True


def _passes(rule: Any, there: bool, value: Any) -> bool:
    if isinstance(rule, dict) and "exists" in rule:
        return there is bool(rule["exists"])
    if not there:
        return False
    values = value if isinstance(value, list) else [value]
    if isinstance(rule, dict):
        ((word, argument),) = rule.items()
        if word == "anything-but":
            return not any(_equal_or_begins(item, argument) for item in values)
        return any(_word(word, argument, item) for item in values)
    return any(_equal(item, rule) for item in values)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


def _equal_or_begins(value: Any, argument: Any) -> bool:
    if isinstance(argument, dict):
        ((word, text),) = argument.items()
        return _word(word, text, value)
    return any(_equal(value, item) for item in (argument if isinstance(argument, list) else [argument]))


def _word(word: str, argument: Any, value: Any) -> bool:
    if word == "numeric":
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        pairs = zip(argument[::2], argument[1::2], strict=True)
        return all(_COMPARE[sign](value, number) for sign, number in pairs)
    if not isinstance(value, str):
        return False
    if word == "prefix":
        return value.startswith(argument)
    if word == "suffix":
        return value.endswith(argument)
    return value.casefold() == str(argument).casefold()
