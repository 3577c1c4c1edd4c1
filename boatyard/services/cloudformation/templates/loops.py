"""Fn::ForEach of the AWS::LanguageExtensions transform: collections written out before the template is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from boatyard.services.cloudformation.templates.errors import invalid

PREFIX = "Fn::ForEach::"
_MAXIMUM_DEPTH = 5


def expand(value: Any, parameters: Mapping[str, Any], depth: int = 0) -> Any:
    """`value` with every Fn::ForEach written out, after "Fn::ForEach" in the CloudFormation user guide.

    `parameters` gives the lists that a collection may refer to.
    """
    if isinstance(value, list):
        return [expand(item, parameters, depth) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, member in value.items():
        produced = (
            _loop(key, member, parameters, depth)
            if key.startswith(PREFIX)
            else {key: expand(member, parameters, depth)}
        )
        for name, body in produced.items():
            if name in result:
                raise invalid(f"Template error: {key} makes the key {name} more than once")
            result[name] = body
    return result


def _loop(key: str, argument: Any, parameters: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth >= _MAXIMUM_DEPTH:
        raise invalid(f"Template error: Fn::ForEach may be nested {_MAXIMUM_DEPTH} deep at most")
    well_formed = isinstance(argument, list) and len(argument) == 3
    if not well_formed or not isinstance(argument[0], str) or not isinstance(argument[2], dict):
        raise invalid(f"Template error: {key} requires an identifier, a collection and an object")
    identifier, collection, body = argument
    produced: dict[str, Any] = {}
    for item in _collection(key, collection, parameters):
        for name, member in expand(_replaced(body, identifier, item), parameters, depth + 1).items():
            if name in produced:
                raise invalid(f"Template error: {key} makes the key {name} more than once")
            produced[name] = member
    return produced


def _collection(key: str, collection: Any, parameters: Mapping[str, Any]) -> list[str]:
    if isinstance(collection, dict) and set(collection) == {"Ref"}:
        collection = parameters.get(collection["Ref"])
    if not isinstance(collection, list):
        raise invalid(f"Template error: the collection of {key} must be a list or refer to a list parameter")
    items: list[str] = []
    for item in collection:
        if isinstance(item, dict) and set(item) == {"Ref"}:
            item = parameters.get(item["Ref"])
        if not isinstance(item, str | int | float):
            raise invalid(f"Template error: every member of the collection of {key} must be a string")
        items.append(str(item))
    return items


def _replaced(value: Any, identifier: str, item: str) -> Any:
    if isinstance(value, str):
        alphanumeric = re.sub("[^A-Za-z0-9]", "", item)
        return value.replace(f"${{{identifier}}}", item).replace(f"&{{{identifier}}}", alphanumeric)
    if isinstance(value, list):
        return [_replaced(member, identifier, item) for member in value]
    if isinstance(value, dict):
        if value == {"Ref": identifier}:
            return item
        return {
            _replaced(name, identifier, item): _replaced(member, identifier, item) for name, member in value.items()
        }
    return value
