"""Sample values for any shape of botocore's models, and requests and responses between botocore and the gateway."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from botocore.awsrequest import HeadersDict, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from boatyard.gateway.messages import Headers, HttpRequest, HttpResponse

MOMENT = datetime(2024, 2, 29, 13, 5, 9, tzinfo=UTC)
_DEPTH = 6


def sample(shape: Any, depth: int = 0) -> Any:
    """A value of this shape that tries the encoding; recursive shapes end at a depth."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {"any": ["thing", 1, True]}
        members = {
            name: sample(member, depth + 1)
            for name, member in shape.members.items()
            if depth < _DEPTH or name in shape.required_members or depth == 0
        }
        if getattr(shape, "is_tagged_union", False):
            return dict(list(members.items())[:1])
        return members
    if kind == "list":
        return [sample(shape.member, depth + 1)] * (1 if depth > 2 else 2)
    if kind == "map":
        return {_text(shape.key): sample(shape.value, depth + 1)}
    if kind == "timestamp":
        return MOMENT
    if kind == "blob":
        return b"\x00bytes\xff"
    if kind == "boolean":
        return True
    if kind in ("integer", "long"):
        return 7
    if kind in ("float", "double"):
        return 1.5
    return _text(shape)


def _text(shape: Any) -> str:
    if shape.enum:
        return str(shape.enum[0])
    if shape.serialization.get("jsonvalue"):
        return "{}"
    if shape.serialization.get("location"):
        return "plain text, with a comma"
    return "some text & <more> \u00e9\u4e16"


def request_for(operation: Any, params: dict[str, Any], protocol: str) -> HttpRequest:
    """The request that botocore makes of these parameters, as the gateway gets it."""
    serialized = create_serializer(protocol, include_validation=False).serialize_to_request(params, operation)
    body = serialized["body"]
    if isinstance(body, dict):
        serialized["body"] = body = urlencode(body)
    prepare_request_dict(serialized, endpoint_url="http://127.0.0.1:4566")
    path, _, query = serialized["url"].removeprefix("http://127.0.0.1:4566").partition("?")
    headers = Headers()
    for name, value in serialized["headers"].items():
        headers[name.lower()] = value if isinstance(value, str) else str(value)
    content = body.encode() if isinstance(body, str) else bytes(body)
    return HttpRequest(serialized["method"], path, query, headers, body=content)


def parsed_by_botocore(response: HttpResponse, shape: Any, protocol: str, *, streaming: bool = False) -> dict[str, Any]:
    """What botocore's parser makes of a response."""
    headers = HeadersDict(dict(response.headers))
    assert isinstance(response.body, bytes)
    body = io.BytesIO(response.body) if streaming else response.body
    raw = {"status_code": response.status, "headers": headers, "body": body, "context": {}}
    parsed: dict[str, Any] = create_parser(protocol).parse(raw, shape)
    return parsed
