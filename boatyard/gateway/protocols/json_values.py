"""JSON values each way after a shape: used by the json and rest-json protocols."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from boatyard.gateway.protocols import values
from boatyard.gateway.protocols.values import Malformed

_TOKENS = {bool: "BOOLEAN", int: "NUMBER_VALUE", float: "NUMBER_VALUE", str: "STRING_VALUE"}
_NAMES = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double", "boolean": "Boolean"}


def _token(value: Any) -> str:
    if value is True:
        return "TRUE_VALUE"
    if value is False:
        return "FALSE_VALUE"
    return _TOKENS.get(type(value), "Start of structure or map" if isinstance(value, dict) else "Start of list")


def _unexpected(value: Any, wanted: str) -> Malformed:
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return Malformed("Start of list found where not expected")
    return Malformed(f"{_token(value)} can not be converted to {wanted}")


def parse(shape: Any, value: Any) -> Any:
    """A decoded JSON value as the shape's Python value; null stays None (the caller leaves such members out)."""
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure":
        return parse_structure(shape, value)
    if kind == "list":
        if not isinstance(value, list):
            raise (
                _unexpected(value, "a list")
                if isinstance(value, dict)
                else Malformed(f"Expected list or null, found {_token(value)}")
            )
        member = shape.member
        return [parse(member, item) for item in value]
    if kind == "map":
        if not isinstance(value, dict):
            raise Malformed(f"Expected map or null, found {_token(value)}")
        member = shape.value
        return {key: parse(member, item) for key, item in value.items() if item is not None}
    return _parse_scalar(shape, kind, value)


def parse_structure(shape: Any, value: Any) -> Any:
    """A JSON object as a structure: members that the model does not know are left out, as AWS does."""
    if getattr(shape, "is_document_type", False):
        return value
    if not isinstance(value, dict):
        raise Malformed(f"Expected structure or null, found {_token(value)}")
    members = shape.members
    found = {}
    for name, member in members.items():
        key = member.serialization.get("name", name)
        item = value.get(key)
        if item is not None and not member.serialization.get("location"):
            found[name] = parse(member, item)
    return found


def _parse_scalar(shape: Any, kind: str, value: Any) -> Any:
    if kind == "boolean":
        if not isinstance(value, bool):
            raise _unexpected(value, "a Boolean")
        return value
    if kind in values.INTEGERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != math.floor(value):
            raise _unexpected(value, f"an {_NAMES[kind]}" if kind == "integer" else "a Long")
        return int(value)
    if kind in values.FLOATS:
        return _parse_float(value, kind)
    if kind == "timestamp":
        return values.parse_timestamp(value, shape.serialization.get("timestampFormat", "unixtimestamp"))
    if not isinstance(value, str):
        raise _unexpected(value, "a String")
    return values.parse_blob(value) if kind == "blob" else value


def _parse_float(value: Any, kind: str) -> float:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected(value, f"a {_NAMES[kind]}")
    return float(value)


def form(shape: Any, value: Any) -> Any:
    """A Python value as a JSON value after its shape; members that are None or not in the model are left out."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        return form_structure(shape, value)
    if kind == "list":
        member = shape.member
        return [form(member, item) for item in value]
    if kind == "map":
        member = shape.value
        return {str(key): form(member, item) for key, item in value.items() if item is not None}
    if kind == "blob":
        return values.format_blob(value)
    if kind == "timestamp":
        return _form_timestamp(shape, value)
    if kind in values.FLOATS:
        number = float(value)
        return number if math.isfinite(number) else values.format_float(number)
    if kind in values.INTEGERS:
        return int(value)
    return value


def form_structure(shape: Any, value: dict[str, Any]) -> dict[str, Any]:
    """A structure's members that are in the body."""
    formed = {}
    for name, member in shape.members.items():
        item = value.get(name)
        if item is not None and not member.serialization.get("location"):
            formed[member.serialization.get("name", name)] = form(member, item)
    return formed


def _form_timestamp(shape: Any, value: datetime) -> Any:
    style = shape.serialization.get("timestampFormat", "unixtimestamp").lower()
    return values.epoch_seconds(value) if style == "unixtimestamp" else values.format_timestamp(value, style)
