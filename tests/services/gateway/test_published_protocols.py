"""AWS's published protocol tests against the server's own reading of requests and writing of answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from boatyard.gateway.messages import Headers, HttpRequest
from boatyard.gateway.protocols import protocol
from boatyard.gateway.sending import decompress
from tests.published_protocols import PROTOCOLS, Case, cases
from tests.unit.gateway.forms import different
from tests.unit.gateway.samples import parsed_by_botocore

# What these try is in no operation that boatyard does: query strings that are maps (of lists), lists of dates in
# headers, media types, and XML whose root or flattened lists are not named as S3's.
_IN_NO_SERVICE = frozenset(
    {
        "AllQueryStringTypes",
        "RestJsonAllQueryStringTypes",
        "MediaTypeHeaderInputBase64",
        "BodyWithXmlName",
        "XmlAttributesOnPayload",
        "XmlLists",
        "QueryXmlLists",
    }
)
# A form cannot say an empty map; botocore reads "NaN" and "Infinity" of JSON as text.
_BEYOND_BOTOCORE = ("QueryEmptyQueryMaps", "NaNFloatInputs", "InfinityFloatInputs")
_PARTS_IN_NO_SERVICE = ("Query", "TimestampHeaders", "HttpPayloadWith", "IdempotencyToken")


def _in_no_service(case: Case) -> bool:
    parts = _PARTS_IN_NO_SERVICE if case.protocol.startswith("rest") else _PARTS_IN_NO_SERVICE[1:]
    return case.name in _IN_NO_SERVICE or any(part in case.name for part in (*parts, *_BEYOND_BOTOCORE))


def _typed(shape: Any, value: Any) -> Any:
    """The value of a case, kept as JSON, as Python has it; null and what is empty by default are not said."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure":
        return {name: _typed(shape.members[name], each) for name, each in value.items() if each is not None}
    if kind == "list":
        return [_typed(shape.member, each) for each in value]
    if kind == "map":
        return {name: _typed(shape.value, each) for name, each in value.items()}
    if kind == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    if kind == "blob":
        return str(value).encode()
    return float(value) if kind in ("float", "double") else value


def _said(shape: Any, value: Any) -> dict[str, Any]:
    """A structure's members without those that are empty and would go to a place that cannot be empty."""
    return {
        name: each
        for name, each in value.items()
        if each not in ({}, [], b"") or not (shape.members[name].serialization.get("location") or shape.serialization)
    }


@pytest.mark.parametrize("name", PROTOCOLS)
def test_published_requests_are_read_as_they_were_meant(name: str) -> None:
    tried = 0
    for case in cases("input", name):
        if _in_no_service(case) or case.operation.input_shape is None:
            continue
        path, _, query = case.wire["uri"].partition("?")
        headers = Headers({key.lower(): value for key, value in case.wire.get("headers", {}).items()})
        if "gzip" in headers.get("content-encoding", ""):
            continue  # the cases say that it is to be compressed, and show it plain
        request = HttpRequest(case.wire.get("method", "POST"), path, query, headers, body=case.body)
        decompress(request, 1 << 20)
        shape = case.operation.input_shape
        found = protocol(case.protocol).parse(request, case.operation)
        assert not different(_said(shape, _typed(shape, case.values)), _said(shape, found)), case.name
        tried += 1
    assert tried >= 10


@pytest.mark.parametrize("name", PROTOCOLS)
def test_published_results_are_written_so_that_a_client_reads_them(name: str) -> None:
    tried = 0
    for case in cases("output", name):
        shape = case.operation.output_shape
        if shape is None or _in_no_service(case):
            continue
        output = _typed(shape, case.values)
        response = protocol(case.protocol).answer(output, case.operation, "the-request-id")
        if case.name.endswith("QuotedStringHeaders"):  # botocore's parser does not unquote
            assert response.headers[0] == ("X-StringList", case.wire["headers"]["X-StringList"])
            continue
        streaming = case.operation.has_streaming_output
        found = parsed_by_botocore(response, shape, case.protocol, streaming=streaming)
        del found["ResponseMetadata"]
        if streaming:
            payload = shape.serialization["payload"]
            found[payload] = found[payload].read()
        assert not different(_said(shape, output), _said(shape, found)), case.name
        tried += 1
    assert tried >= 10
