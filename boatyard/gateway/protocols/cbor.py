"""Smithy's RPC v2 with CBOR bodies, which newer clients of CloudWatch and the code services may choose."""

from __future__ import annotations

import math
import struct
from datetime import datetime
from typing import Any

from boatyard.gateway.messages import HttpRequest, HttpResponse
from boatyard.gateway.protocols import values
from boatyard.gateway.protocols.base import Fault, Params, Protocol
from boatyard.gateway.protocols.json import query_error_headers
from boatyard.gateway.protocols.values import Malformed

_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_INDEFINITE = 31
_BREAK = object()
_DEPTH = 128


class Tagged:
    """A value under a CBOR tag."""

    def __init__(self, tag: int, value: Any) -> None:
        self.tag = tag
        self.value = value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._depth = 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise Malformed("The CBOR of the request's body ends too soon")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def item(self) -> Any:
        self._depth += 1
        if self._depth > _DEPTH:
            raise Malformed("The CBOR of the request's body is nested too deeply")
        try:
            return self._item()
        finally:
            self._depth -= 1

    def _item(self) -> Any:
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            return self._simple(info)
        if info == _INDEFINITE and major in (2, 3, 4, 5):
            return self._indefinite(major)
        count = self._argument(info)
        match major:
            case 0:
                return count
            case 1:
                return -1 - count
            case 2:
                return self.take(count)
            case 3:
                return self._text(self.take(count))
            case 4:
                return [self._value() for _ in range(count)]
            case 5:
                return {self._value(): self._value() for _ in range(count)}
            case _:
                return Tagged(count, self._value())

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("A CBOR text of the request's body is not UTF-8") from None

    def _value(self) -> Any:
        item = self.item()
        if item is _BREAK:
            raise Malformed("The CBOR of the request's body is broken")
        return item

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise Malformed("The CBOR of the request's body is broken")
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def _simple(self, info: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info == _INDEFINITE:
            return _BREAK
        if info in _FLOATS:
            pattern, size = _FLOATS[info]
            return struct.unpack(pattern, self.take(size))[0]
        raise Malformed("The CBOR of the request's body is broken")

    def _indefinite(self, major: int) -> Any:
        items = []
        while (item := self.item()) is not _BREAK:
            items.append(item)
        if major == 2 and all(isinstance(item, bytes) for item in items):
            return b"".join(items)
        if major == 3 and all(isinstance(item, str) for item in items):
            return "".join(items)
        if major == 4:
            return items
        if major == 5 and len(items) % 2 == 0 and all(isinstance(key, str) for key in items[::2]):
            return dict(zip(items[::2], items[1::2], strict=True))
        raise Malformed("The CBOR of the request's body is broken")


def decode(body: bytes) -> Any:
    """The value of a CBOR document (RFC 8949); an empty body is an empty map."""
    if not body:
        return {}
    try:
        return _Reader(body).item()
    except TypeError:
        raise Malformed("A CBOR map of the request's body has a key that is no text") from None


def parse(shape: Any, value: Any) -> Any:
    """A decoded value after a shape."""
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure" and isinstance(value, dict):
        return {
            name: parse(member, value[name]) for name, member in shape.members.items() if value.get(name) is not None
        }
    if kind == "list" and isinstance(value, list):
        return [parse(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {str(key): parse(shape.value, item) for key, item in value.items() if item is not None}
    if kind == "timestamp":
        inner = value.value if isinstance(value, Tagged) and value.tag == 1 else value
        if isinstance(inner, int | float) and not isinstance(inner, bool) and math.isfinite(inner):
            return values.parse_timestamp(inner, "unixtimestamp")
    elif _fits(kind, value):
        return float(value) if kind in values.FLOATS else value
    raise Malformed(f"A value of type {type(value).__name__} was found where a {kind} was expected")


def _fits(kind: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in values.INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in values.FLOATS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bytes if kind == "blob" else str)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise ValueError(f"{argument} does not fit into 64 bits")


def form(shape: Any, value: Any) -> bytes:
    """A Python value as CBOR after its shape."""
    kind = shape.type_name
    if kind == "structure":
        found = [
            _text(name) + form(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        ]
        return _head(5, len(found)) + b"".join(found)
    if kind == "list":
        return _head(4, len(value)) + b"".join(form(shape.member, item) for item in value)
    if kind == "map":
        entries = [_text(str(key)) + form(shape.value, item) for key, item in value.items()]
        return _head(5, len(entries)) + b"".join(entries)
    if kind == "boolean":
        return b"\xf5" if value else b"\xf4"
    if kind in values.INTEGERS:
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if kind in values.FLOATS:
        return b"\xfb" + struct.pack(">d", value)
    if kind == "timestamp":
        return _timestamp(value)
    if kind == "blob":
        data = value.encode() if isinstance(value, str) else bytes(value)
        return _head(2, len(data)) + data
    return _text(str(value))


def _text(value: str) -> bytes:
    data = value.encode()
    return _head(3, len(data)) + data


def _timestamp(value: datetime) -> bytes:
    return _head(6, 1) + b"\xfb" + struct.pack(">d", values.epoch_seconds(value))


class CborProtocol(Protocol):
    """The smithy-rpc-v2-cbor protocol."""

    name = "smithy-rpc-v2-cbor"

    def parse(self, request: HttpRequest, operation: Any) -> Params:
        """The body's CBOR after the operation's input shape."""
        if operation.input_shape is None:
            return {}
        value = decode(request.body)
        if not isinstance(value, dict):
            raise Malformed("The request's body is not a CBOR map")
        params: Params = parse(operation.input_shape, value)
        return params

    def answer(self, output: dict[str, Any], operation: Any, request_id: str) -> HttpResponse:
        """The output as CBOR; an operation without output answers with an empty body."""
        headers = [("smithy-protocol", "rpc-v2-cbor")]
        if operation.output_shape is None:
            return HttpResponse(200, headers)
        headers.append(("Content-Type", "application/cbor"))
        return HttpResponse(200, headers, form(operation.output_shape, output))

    def refuse(self, fault: Fault, service: Any, request_id: str, *, resource: str = "") -> HttpResponse:
        """The error with its `__type`, its message and its members."""
        code = fault.shape.name if fault.shape is not None else fault.code
        members = {}
        name = "message"
        if fault.shape is not None:
            name = next((key for key in fault.shape.members if key.lower() == "message"), name)
            members = {
                key: form(member, fault.members[key])
                for key, member in fault.shape.members.items()
                if fault.members.get(key) is not None
            }
        members["__type"] = _text(code)
        members[name] = _text(fault.message)
        body = _head(5, len(members)) + b"".join(_text(key) + value for key, value in members.items())
        headers = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]
        headers += query_error_headers(fault, service)
        return HttpResponse(fault.status, headers + list(fault.headers), body, error_code=code)
