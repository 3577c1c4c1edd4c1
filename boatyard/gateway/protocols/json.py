"""AWS JSON 1.0 and 1.1: X-Amz-Target names the operation, bodies are JSON (Smithy's awsJson1_0 and awsJson1_1)."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.gateway.messages import HttpRequest, HttpResponse
from boatyard.gateway.protocols import json_values
from boatyard.gateway.protocols.base import Fault, Params, Protocol, error_code
from boatyard.gateway.protocols.values import Malformed


def decode(body: bytes) -> Any:
    """The JSON of a body; an empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("Unable to parse the request's body as JSON") from None


_QUERY_CODES = {"AccessDeniedException": "AccessDenied", "ValidationException": "ValidationError"}
"""The query protocol's names of errors that every service has."""


def query_error_headers(fault: Fault, service: Any) -> list[tuple[str, str]]:
    """The header by which services that were once query services keep their old error codes (awsQueryCompatible)."""
    if "awsQueryCompatible" not in service.metadata:
        return []
    code = error_code(fault)
    old = code if fault.shape is not None else _QUERY_CODES.get(code, code)
    return [("x-amzn-query-error", f"{old};{'Sender' if fault.sender else 'Receiver'}")]


def error_members(fault: Fault) -> dict[str, Any]:
    """The members of an error's body: those the model has, in their form, then the message under the model's name."""
    if fault.shape is None:
        return {**fault.members, "message": fault.message}
    formed = json_values.form_structure(fault.shape, fault.members)
    name = next((name for name in fault.shape.members if name.lower() == "message"), "message")
    formed[name] = fault.message
    return formed


class JsonProtocol(Protocol):
    """The json protocol."""

    name = "json"

    def parse(self, request: HttpRequest, operation: Any) -> Params:
        """The body's JSON after the operation's input shape."""
        value = decode(request.body)
        if operation.input_shape is None:
            return {}
        params: Params = json_values.parse_structure(operation.input_shape, value)
        return params

    def answer(self, output: dict[str, Any], operation: Any, request_id: str) -> HttpResponse:
        """The output as JSON; an operation without output answers with an empty body."""
        shape = operation.output_shape
        body = msgspec.json.encode(json_values.form_structure(shape, output)) if shape is not None else b""
        return HttpResponse(200, [("Content-Type", _content_type(operation.service_model))], body)

    def refuse(self, fault: Fault, service: Any, request_id: str, *, resource: str = "") -> HttpResponse:
        """The error with its `__type`, and in the header x-amzn-errortype for clients that look there."""
        code = fault.shape.name if fault.shape is not None else fault.code
        headers = [("Content-Type", _content_type(service)), ("x-amzn-errortype", code)]
        headers += query_error_headers(fault, service)
        body = msgspec.json.encode({"__type": code, **error_members(fault)})
        return HttpResponse(fault.status, headers + list(fault.headers), body, error_code=code)


def _content_type(service: Any) -> str:
    return f"application/x-amz-json-{service.metadata.get('jsonVersion', '1.1')}"
