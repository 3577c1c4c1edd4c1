"""Every error that a model has, in every protocol of its service, as a botocore client meets it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.api.errors import ApiError
from tests.unit.gateway.forms import different
from tests.unit.gateway.generated import Side, requests, structures
from tests.unit.gateway.in_process import PAIRS, InProcess, operations

EXAMPLES = max(2, settings().max_examples // 12)
_MESSAGES = ("What & why <it> is", "", "quotes \" and ' and \\\\", "two\nlines", "世界 \U0001d11e", "x" * 2000)


def _errors(service: str) -> list[tuple[Any, Any]]:
    """Each error of the operations that boatyard does, with one operation that has it."""
    found = {shape.name: (operation, shape) for operation in operations(service) for shape in operation.error_shapes}
    return [found[name] for name in sorted(found)]


@pytest.mark.parametrize(("service", "protocol"), PAIRS)
def test_an_error_is_read_as_it_was_raised(wire: InProcess, service: str, protocol: str) -> None:
    for operation, shape in _errors(service):
        _is_read(wire, operation, shape, protocol)


def _is_read(wire: InProcess, operation: Any, shape: Any, protocol: str) -> None:
    client = wire.client(operation.service_model.service_name, protocol)

    @settings(max_examples=EXAMPLES)
    @given(requests(operation, protocol), structures(shape, Side(protocol, request=False)), st.sampled_from(_MESSAGES))
    def is_read(params: dict[str, Any], members: dict[str, Any], message: str) -> None:
        members = {name: value for name, value in members.items() if name.lower() not in ("message", "code")}
        members = {name: value for name, value in members.items() if name != "retryAfterSeconds"}  # the header itself
        wire.answer = ApiError(shape.name, message, headers={"Retry-After": "17"}, **members)
        with pytest.raises(ClientError) as caught:
            client._make_api_call(operation.name, params)
        read, metadata = caught.value.response, caught.value.response["ResponseMetadata"]
        modelled = shape.metadata.get("error", {})
        assert read["Error"]["Code"] == _code(shape, operation.service_model, protocol)
        assert (read["Error"]["Message"] or "") == message  # botocore reads no text in an element as None
        assert metadata["HTTPStatusCode"] == modelled.get("httpStatusCode", 500 if shape.metadata.get("fault") else 400)
        assert metadata["HTTPHeaders"]["retry-after"] == "17"
        assert metadata["RequestId"] == wire.last.request_id
        assert type(caught.value).__name__ == _class(client, shape)
        if protocol != "rest-xml":  # S3's errors have no members in its model
            assert not different(members, {name: read.get(name) for name in members})

    is_read()


def _code(shape: Any, service: Any, protocol: str) -> str:
    """The code that a client sees: services that speak, or once spoke, the query protocol have codes of their own."""
    if protocol == "query" or "awsQueryCompatible" in service.metadata:
        return str(shape.metadata.get("error", {}).get("code") or shape.name)
    return str(shape.name)


def _class(client: Any, shape: Any) -> str:
    return shape.name if hasattr(client.exceptions, shape.name) else "ClientError"
