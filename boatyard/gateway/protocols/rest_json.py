"""REST with JSON bodies, as Lambda and the SageMaker runtime speak it (Smithy's restJson1)."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.gateway.messages import HttpRequest, HttpResponse
from boatyard.gateway.protocols import json_values
from boatyard.gateway.protocols.base import Fault
from boatyard.gateway.protocols.json import decode, error_members
from boatyard.gateway.protocols.rest import RestProtocol, header_text


class RestJsonProtocol(RestProtocol):
    """The rest-json protocol."""

    name = "rest-json"

    def parse_body(self, shape: Any, request: HttpRequest, *, payload: Any = None) -> Any:
        """The JSON object of the body."""
        value = decode(request.body)
        return json_values.parse(payload, value) if payload is not None else json_values.parse_structure(shape, value)

    def form_body(self, shape: Any, value: Any, operation: Any, *, payload: bool) -> bytes:
        """The members without location as a JSON object."""
        formed = json_values.form(shape, value) if payload else json_values.form_structure(shape, value)
        return msgspec.json.encode(formed)

    def content_type(self) -> str:
        """JSON."""
        return "application/json"

    def refuse(self, fault: Fault, service: Any, request_id: str, *, resource: str = "") -> HttpResponse:
        """The error's members as JSON, and its code in the header x-amzn-ErrorType."""
        code = fault.shape.name if fault.shape is not None else fault.code
        headers = [("Content-Type", self.content_type()), ("x-amzn-ErrorType", code)]
        if fault.shape is not None:
            for name, member in fault.shape.members.items():
                value = fault.members.get(name)
                if value is not None and member.serialization.get("location") == "header":
                    headers.append((member.serialization.get("name", name), header_text(member, value)))
        body = msgspec.json.encode(error_members(fault))
        return HttpResponse(fault.status, headers + list(fault.headers), body, error_code=code)
