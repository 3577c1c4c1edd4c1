"""What a value can be at the other end of a protocol that cannot say everything, and how two values are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

_NOTHING = object()
# Seconds since 1970 as a binary fraction say the microseconds of a far year no better than this.
_ROUNDED = timedelta(microseconds=100)


def different(expected: Any, found: Any) -> list[str]:
    """Where two values differ, each place with what was expected and what was found."""
    return list(_differences(expected, found, ""))


def _differences(expected: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            yield from _differences(expected.get(name, _NOTHING), found.get(name, _NOTHING), f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif not _same(expected, found):
        yield f"{path}: expected {expected!r:.300}, found {found!r:.300}"


def _same(expected: Any, found: Any) -> bool:
    if isinstance(expected, datetime) and isinstance(found, datetime):
        return abs(expected - found) <= _ROUNDED
    if isinstance(expected, float) and isinstance(found, float) and math.isnan(expected):
        return math.isnan(found)
    return type(expected) is type(found) and bool(expected == found)


# What a client adds to a request by itself, which the model has as members.
_ADDED_TO_REQUESTS = frozenset(
    {"ChecksumAlgorithm", "ChecksumCRC32", "ContentEncoding", "ContentLength", "ContentMD5", "ContentType"}
)
_ADDED_TO_ANSWERS = frozenset({"ContentLength", "ContentType", "ExpiresString"})


def as_received(operation: Any, protocol: str, params: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    """What an operation is to be given of parameters that botocore has put into a request.

    Header values are given as their bytes (latin-1), as HTTP has them; botocore writes UTF-8.
    """
    if operation.input_shape is None:
        return {}
    if protocol == "query":
        return {name: each for name, each in map(_of_form, params.items()) if each is not _NOTHING}
    expected = {name: received[name] for name in _ADDED_TO_REQUESTS & received.keys()}
    for name, value in params.items():
        member = operation.input_shape.members[name]
        expected[name] = _as_bytes(value) if member.serialization.get("location") in ("header", "headers") else value
    payload = operation.input_shape.serialization.get("payload")
    if payload in received and not received[payload]:
        expected.setdefault(payload, received[payload])
    return expected


def _of_form(pair: tuple[str, Any]) -> tuple[str, Any]:
    """A form has no way to say that a structure or a map is there but empty."""
    name, value = pair
    if isinstance(value, dict):
        kept = dict(each for each in map(_of_form, value.items()) if each[1] is not _NOTHING)
        return name, kept or _NOTHING
    if isinstance(value, list) and value:
        items = [each for _, each in (_of_form(("", item)) for item in value) if each is not _NOTHING]
        return name, items or _NOTHING
    return name, value


def _as_bytes(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode().decode("latin-1")
    if isinstance(value, list):
        return [_as_bytes(each) for each in value]
    return {name: _as_bytes(each) for name, each in value.items()} if isinstance(value, dict) else value


def _of_json(value: Any) -> Any:
    """JSON has no word for numbers that are not finite: AWS writes texts, and botocore leaves them so."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, dict):
        return {name: _of_json(each) for name, each in value.items()}
    return [_of_json(each) for each in value] if isinstance(value, list) else value


_EMPTY: dict[str, Any] = {"structure": {}, "string": "", "blob": b""}


def as_read(operation: Any, protocol: str, output: dict[str, Any], read: dict[str, Any]) -> dict[str, Any]:
    """What a client is to read of an output: an empty body is an empty payload to it, no header an empty map."""
    output = _of_json(output) if protocol in ("json", "rest-json") else output
    if operation.output_shape is None:
        return {}
    expected = {name: read[name] for name in _ADDED_TO_ANSWERS & read.keys()}
    for name, member in operation.output_shape.members.items():
        if member.serialization.get("location") == "headers":
            expected[name] = {}
    payload = operation.output_shape.serialization.get("payload")
    if payload is not None:
        expected[payload] = _EMPTY[operation.output_shape.members[payload].type_name]
    return expected | output
