"""Writes values as the protocols do, also such values as do not fit their shapes."""

from __future__ import annotations

import base64
import json
import struct
from datetime import datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape


def as_json(shape: Any, value: Any) -> Any:
    """The JSON value of a value, member by member where it fits its shape."""
    kind = getattr(shape, "type_name", "")
    if isinstance(value, dict):
        if kind == "structure" and not getattr(shape, "is_document_type", False):
            return {
                _name(shape, name): as_json(shape.members.get(name), item)
                for name, item in value.items()
                if not _located(shape, name)
            }
        inner = shape.value if kind == "map" else None
        return {name: as_json(inner, item) for name, item in value.items()}
    if isinstance(value, list):
        inner = shape.member if kind == "list" else None
        return [as_json(inner, item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.timestamp() if isinstance(value, datetime) else value


def _name(shape: Any, name: str) -> str:
    member = shape.members.get(name)
    return name if member is None else str(member.serialization.get("name", name))


def _located(shape: Any, name: str) -> bool:
    member = shape.members.get(name)
    return member is not None and bool(member.serialization.get("location"))


def json_body(shape: Any, value: Any) -> bytes:
    """JSON text: numbers that JSON does not have and lone surrogates are written all the same."""
    return json.dumps(as_json(shape, value)).encode()


def text_of(value: Any) -> str:
    """A scalar as text; of what is none, some text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, dict | list) or value is None:
        return json.dumps(as_json(None, value))
    try:
        return str(value)
    except ValueError:  # Python writes no number of more than 4300 digits.
        return "9" * 400


def encoded(text: str, safe: str = "-_.~") -> str:
    """Percent-encoded; lone surrogates as the bytes they would be."""
    return quote(text.encode("utf-8", "surrogatepass"), safe=safe)


def form_pairs(shape: Any, value: Any, prefix: str) -> list[tuple[str, str]]:
    """A value as the query protocol's pairs."""
    kind = getattr(shape, "type_name", "")
    dot = f"{prefix}." if prefix else ""
    if isinstance(value, dict) and kind == "map":
        middle = "" if shape.serialization.get("flattened") else "entry."
        return [
            pair
            for number, (key, item) in enumerate(value.items(), 1)
            for pair in (
                (f"{dot}{middle}{number}.{shape.key.serialization.get('name', 'key')}", key),
                *form_pairs(
                    shape.value, item, f"{dot}{middle}{number}.{shape.value.serialization.get('name', 'value')}"
                ),
            )
        ]
    if isinstance(value, dict):
        members = shape.members if kind == "structure" else {}
        return [
            pair
            for name, item in value.items()
            for pair in form_pairs(members.get(name), item, f"{dot}{_name(shape, name) if name in members else name}")
        ]
    if isinstance(value, list):
        inner = shape.member if kind == "list" else None
        middle = "" if kind == "list" and shape.serialization.get("flattened") else "member."
        return [
            pair for number, item in enumerate(value, 1) for pair in form_pairs(inner, item, f"{dot}{middle}{number}")
        ]
    return [(prefix, text_of(value))]


def form_body(pairs: list[tuple[str, str]]) -> bytes:
    """A form."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in pairs).encode()


def as_xml(shape: Any, name: str, value: Any) -> str:
    """A value as an element; control characters and surrogates are left as they are."""
    kind = getattr(shape, "type_name", "")
    if isinstance(value, dict) and kind == "structure":
        inner = "".join(
            as_xml(shape.members.get(key), _element(shape, key), item)
            for key, item in value.items()
            if not _located(shape, key)
        )
        return f"<{name}>{inner}</{name}>"
    if isinstance(value, list):
        member = shape.member if kind == "list" else None
        if kind == "list" and shape.serialization.get("flattened"):
            return "".join(as_xml(member, name, item) for item in value)
        item_name = member.serialization.get("name", "member") if member is not None else "member"
        return f"<{name}>{''.join(as_xml(member, item_name, item) for item in value)}</{name}>"
    if isinstance(value, dict):
        return f"<{name}>{''.join(as_xml(None, 'x', item) for item in value.values())}</{name}>"
    return f"<{name}>{escape(text_of(value))}</{name}>"


def _element(shape: Any, key: str) -> str:
    member = shape.members.get(key)
    if member is None:
        return "Extra"
    return str(member.serialization.get("name", key))


def cbor(shape: Any, value: Any) -> bytes:
    """A value as CBOR."""
    kind = getattr(shape, "type_name", "")
    if isinstance(value, dict):
        members = shape.members if kind == "structure" else {}
        inner = shape.value if kind == "map" else None
        return _head(5, len(value)) + b"".join(
            cbor(None, name) + cbor(members.get(name, inner), item) for name, item in value.items()
        )
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(cbor(shape.member if kind == "list" else None, item) for item in value)
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, datetime):
        return b"\xc1\xfb" + struct.pack(">d", value.timestamp())
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    text = str(value).encode("utf-8", "surrogatepass")
    return _head(3, len(text)) + text


def _integer(value: int) -> bytes:
    if -(2**64) <= value < 2**64:
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    raw = abs(value).to_bytes(200, "big")
    return (b"\xc2" if value > 0 else b"\xc3") + _head(2, len(raw)) + raw


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes([major << 5 | info]) + number.to_bytes(size, "big")
    raise ValueError(number)
