"""What the REST protocols share: members bound to the path, the query string, headers and the payload."""

from __future__ import annotations

import base64
import re
from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from boatyard.gateway.messages import HttpRequest, HttpResponse
from boatyard.gateway.protocols import values
from boatyard.gateway.protocols.base import Params, Protocol
from boatyard.gateway.protocols.values import Malformed

_FORBIDDEN_IN_HEADERS = re.compile("[^\t\x20-\x7e\x80-\xff]")
_LABEL = re.compile(r"\{(\w+)(\+?)\}")
_BLANKS = " \t"  # of HTTP: bytes beyond ASCII that Python takes for blanks are parts of UTF-8 characters in headers
_HEADER_ITEM = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^",]*))[ \t]*(?:,|$)')


@lru_cache(maxsize=1024)
def path_pattern(request_uri: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """The expression that a raw path of this template matches, and the labels in their order.

    A slash at the end is allowed, because bucket paths may have one; a greedy label keeps it.
    """
    path = request_uri.split("?", 1)[0]
    labels = []
    expression, position = "", 0
    for found in _LABEL.finditer(path):
        expression += re.escape(path[position : found.start()])
        expression += "(.+)" if found[2] else "([^/]+)"
        labels.append(found[1])
        position = found.end()
    expression += re.escape(path[position:].rstrip("/") if position < len(path) else "")
    if not path.endswith("+}"):
        expression += "/?"
    return re.compile(expression, re.DOTALL), tuple(labels)


@lru_cache(maxsize=1024)
def constant_query(request_uri: str) -> tuple[tuple[str, str | None], ...]:
    """The query parameters that the template itself asks for; None where any value will do."""
    query = request_uri.partition("?")[2]
    pairs = (part.partition("=") for part in query.split("&") if part)
    return tuple((name, value if equals else None) for name, equals, value in pairs)


_place = itemgetter(0)


@dataclass(frozen=True, slots=True)
class _Bound:
    """The members of a structure that are bound outside of the body, with their places among the members.

    `headers` are found by the header's name in lower case, all by the member's name.
    """

    headers: dict[str, list[tuple[int, str, Any]]]
    others: list[tuple[str, int, str, str, Any]]
    all: dict[str, Any]


@lru_cache(maxsize=4096)
def _bound(shape: Any) -> _Bound:
    bound = _Bound({}, [], {})
    for place, (name, member) in enumerate(shape.members.items()):
        location = member.serialization.get("location")
        if location is None:
            continue
        wire = member.serialization.get("name", name)
        bound.all[name] = member
        if location == "header":
            bound.headers.setdefault(wire.lower(), []).append((place, name, member))
        else:
            bound.others.append((location, place, name, wire.lower() if location == "headers" else wire, member))
    return bound


@lru_cache(maxsize=4096)
def _has_body(shape: Any) -> bool:
    """Whether any member of a structure is in the body."""
    return any(not member.serialization.get("location") for member in shape.members.values())


class RestProtocol(Protocol):
    """The bindings; a subclass reads and writes the body."""

    @abstractmethod
    def parse_body(self, shape: Any, request: HttpRequest, *, payload: Any = None) -> Any:
        """The body after a structure's members without location, or after the payload member's shape."""

    @abstractmethod
    def form_body(self, shape: Any, value: Any, operation: Any, *, payload: bool) -> bytes:
        """The body of a structure, or of its payload member."""

    @abstractmethod
    def content_type(self) -> str:
        """The Content-Type of a modelled body."""

    def parse(self, request: HttpRequest, operation: Any) -> Params:
        """Everything that the request binds, then the body."""
        shape = operation.input_shape
        if shape is None:
            return {}
        found = self._parse_bindings(request, operation, shape)
        payload = shape.serialization.get("payload")
        if payload is None:
            if _has_body(shape):
                found.update(self.parse_body(shape, request))
            return found
        member = shape.members[payload]
        if member.type_name == "blob":
            found[payload] = request.body
        elif member.type_name == "string":
            found[payload] = _decode_text(request.body)
        elif request.body.strip():
            found[payload] = self.parse_body(shape, request, payload=member)
        return found

    def _parse_bindings(self, request: HttpRequest, operation: Any, shape: Any) -> Params:
        pattern, labels = path_pattern(operation.http["requestUri"])
        matched = pattern.fullmatch(request.path)
        path_values = dict(zip(labels, matched.groups(), strict=True)) if matched else {}
        bound = _bound(shape)
        found: list[tuple[int, str, Any]] = []
        for name in request.headers:
            for place, member_name, member in bound.headers.get(name, ()):
                found.append((place, member_name, _parse_header(member, request.headers[name], member_name)))
        for location, place, member_name, wire, member in bound.others:
            if location == "uri" and wire in path_values:
                text = unquote(path_values[wire], errors="surrogateescape")
                found.append((place, member_name, _scalar(member, _valid_utf8(text), "iso8601", member_name)))
            elif location == "querystring" and (wire in request.query or member.type_name == "map"):
                given = _parse_query_member(request, member, member_name, wire)
                if given is not None:
                    found.append((place, member_name, given))
            elif location == "headers":
                prefixed = _prefixed(request, wire)
                if prefixed:
                    found.append((place, member_name, prefixed))
        found.sort(key=_place)
        return {member_name: value for _, member_name, value in found}

    def answer(self, output: dict[str, Any], operation: Any, request_id: str) -> HttpResponse:
        """Headers, status and body of the output."""
        response = HttpResponse(int(operation.http.get("responseCode", 200)))
        shape = operation.output_shape
        if shape is None:
            return response
        bound = _bound(shape).all
        for name, value in output.items():
            if value is not None and name in bound:
                _bind_output(response, bound[name], name, value)
        payload = shape.serialization.get("payload")
        if payload is not None:
            self._answer_payload(response, operation, shape.members[payload], output.get(payload))
        elif _has_body(shape):
            response.body = self.form_body(shape, output, operation, payload=False)
            _set_default(response, "Content-Type", self.content_type())
        return response

    def _answer_payload(self, response: HttpResponse, operation: Any, member: Any, value: Any) -> None:
        if value is None:
            return
        if member.type_name == "blob":
            response.body = value.encode() if isinstance(value, str) else value
            _set_default(response, "Content-Type", "application/octet-stream")
        elif member.type_name == "string":
            response.body = str(value).encode()
            _set_default(response, "Content-Type", self.content_type())
        else:
            response.body = self.form_body(member, value, operation, payload=True)
            _set_default(response, "Content-Type", self.content_type())


def _set_default(response: HttpResponse, name: str, value: str) -> None:
    if not any(header.lower() == name.lower() for header, _ in response.headers):
        response.headers.append((name, value))


def _decode_text(body: Any) -> str:
    try:
        return bytes(body if isinstance(body, bytes) else body.read()).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The request's body is not UTF-8") from None


def _valid_utf8(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("Couldn't parse the specified URI.") from None
    return text


def _scalar(member: Any, text: str, timestamps: str, name: str) -> Any:
    try:
        return values.parse_text(member, text, timestamp_style=timestamps)
    except Malformed as wrong:
        raise Malformed(f"Provided argument {name} is not valid: {wrong}") from None


def _parse_query_member(request: HttpRequest, member: Any, name: str, wire: str) -> Any:
    """None where nothing is given that counts."""
    if member.type_name == "map":
        return dict(request.query_pairs)
    given = [value for key, value in request.query_pairs if key == wire]
    if member.type_name == "list":
        return [_scalar(member.member, value, "iso8601", name) for value in given]
    if given[0] or member.type_name == "string":
        return _scalar(member, given[0], "iso8601", name)
    return None


def _parse_header(member: Any, text: str, name: str) -> Any:
    if member.type_name == "list":
        return [_scalar(member.member, item, "rfc822", name) for item in _header_items(text)]
    if member.serialization.get("jsonvalue"):
        try:
            return msgspec.json.decode(base64.b64decode(text))
        except (ValueError, msgspec.DecodeError, RecursionError):
            raise Malformed(f"Provided argument {name} is not base64-encoded JSON") from None
    return _scalar(member, text.strip(_BLANKS), "rfc822", name)


def _header_items(text: str) -> list[str]:
    items = []
    for quoted, plain in _HEADER_ITEM.findall(text):
        if quoted:
            items.append(quoted.replace('\\"', '"').replace("\\\\", "\\"))
        elif plain.strip(_BLANKS):
            items.append(plain.strip(_BLANKS))
    return items


def _prefixed(request: HttpRequest, prefix: str) -> dict[str, str]:
    return {key[len(prefix) :]: value for key, value in request.headers.items() if key.startswith(prefix)}


def _bind_output(response: HttpResponse, member: Any, name: str, value: Any) -> None:
    location = member.serialization.get("location")
    wire = member.serialization.get("name", name)
    if location == "statusCode":
        response.status = int(value)
    elif location == "header":
        response.headers.append((wire, header_text(member, value)))
    elif location == "headers":
        response.headers.extend((f"{wire}{key}", str(item)) for key, item in value.items())


def _list_item(text: str) -> str:
    """A text of a list: quoted where it would be read as more than one."""
    if not {",", '"'} & set(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def header_text(member: Any, value: Any) -> str:
    """A member's value as a header has it; characters that HTTP forbids there are percent-encoded."""
    if member.type_name == "list":
        texts = (header_text(member.member, item) for item in value)
        return ", ".join(map(_list_item, texts) if member.member.type_name == "string" else texts)
    if member.serialization.get("jsonvalue"):
        return base64.b64encode(msgspec.json.encode(value)).decode("ascii")
    text = value if type(value) is str else values.format_text(member, value, timestamp_style="rfc822")
    if not _FORBIDDEN_IN_HEADERS.search(text):
        return text
    return quote(text, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}~")
