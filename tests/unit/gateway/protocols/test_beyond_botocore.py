"""What a botocore client never sends, or reads whichever way it is written, but other clients do."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.model import OperationModel, ServiceModel

from boatyard.api import models
from boatyard.gateway.messages import Headers, HttpRequest, HttpResponse
from boatyard.gateway.protocols import cbor, protocol
from boatyard.gateway.protocols.values import Malformed

MOMENT = datetime(2024, 2, 29, 13, 5, 9, tzinfo=timezone(timedelta(hours=1)))


def _parse(service: str, operation: str, name: str, body: bytes, path: str = "/", query: str = "") -> dict[str, Any]:
    request = HttpRequest("POST", path, query, Headers(), body=body)
    return protocol(name).parse(request, models.operation_model(service, operation))


def _answer(operation: str, output: dict[str, Any]) -> HttpResponse:
    return protocol("rest-xml").answer(output, models.operation_model("s3", operation), "the-request-id")


def test_dates_in_headers_are_http_dates() -> None:
    head = dict(_answer("HeadObject", {"LastModified": MOMENT, "ObjectLockRetainUntilDate": MOMENT}).headers)
    assert head["Last-Modified"] == "Thu, 29 Feb 2024 12:05:09 GMT"
    assert head["x-amz-object-lock-retain-until-date"] == "2024-02-29T12:05:09Z"


def test_a_plus_in_a_path_is_a_plus_and_in_a_query_a_blank() -> None:
    assert _parse("s3", "GetObject", "rest-xml", b"", "/bucket/a+b%2Bc")["Key"] == "a+b+c"
    assert _parse("s3", "ListObjects", "rest-xml", b"", "/bucket", "prefix=a+b%2Bc")["Prefix"] == "a b+c"


def test_a_streamed_answer_is_sent_as_it_is() -> None:
    assert _answer("GetObject", {"Body": b" \r\n\0 "}).body == b" \r\n\0 "


def test_documents_of_s3_have_its_namespace() -> None:
    body = _answer("ListObjectsV2", {"KeyCount": 0}).body
    assert isinstance(body, bytes)
    assert b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' in body


def test_the_numbers_of_a_forms_list_are_numbers() -> None:
    fields = "&".join(f"Capabilities.member.{number}=c{number}" for number in (10, 9, 1, 100))
    assert _parse("cloudformation", "CreateStack", "query", fields.encode())["Capabilities"] == [
        "c1", "c9", "c10", "c100"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["2024-02-29T13:05:09%2B01:00", "2024-02-29T12:05:09", "1709208309"])
def test_dates_of_other_zones_and_of_none(text: str) -> None:
    found = _parse("cloudwatch", "GetMetricStatistics", "query", f"StartTime={text}".encode())
    assert found["StartTime"] == MOMENT
    assert found["StartTime"].tzinfo is UTC


def test_a_date_of_cbor_has_the_tag_of_epoch_seconds_or_none() -> None:
    # A map with one member; its value is the tag before the integer 5.
    for tag in (b"\xc1", b""):
        found = _parse("cloudwatch", "GetMetricStatistics", "smithy-rpc-v2-cbor", b"\xa1\x69StartTime" + tag + b"\x05")
        assert found["StartTime"] == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
    for tag in (b"\xc0", b"\xc2", b"\xd8\x20"):
        with pytest.raises(Malformed):
            _parse("cloudwatch", "GetMetricStatistics", "smithy-rpc-v2-cbor", b"\xa1\x69StartTime" + tag + b"\x05")


def test_keys_that_xml_cannot_hold_are_references() -> None:
    body = _answer("ListObjectsV2", {"Contents": [{"Key": "a\x01b\rc"}]}).body
    assert isinstance(body, bytes)
    assert b"<Key>a&#x1;b&#xd;c</Key>" in body


@pytest.mark.parametrize(("number", "text"), [("inf", "Infinity"), ("-inf", "-Infinity"), ("nan", "NaN")])
def test_numbers_that_json_does_not_have_are_texts(number: str, text: str) -> None:
    operation = models.operation_model("cloudwatch", "GetMetricStatistics")
    response = protocol("json").answer({"Datapoints": [{"Sum": float(number)}]}, operation, "the-request-id")
    assert response.body == b'{"Datapoints":[{"Sum":"%s"}]}' % text.encode()


def test_integers_of_cbor_take_as_many_bytes_as_they_need() -> None:
    shape: Any = models.operation_model("lambda", "GetAccountSettings").output_shape
    size = shape.members["AccountUsage"].members["TotalCodeSize"]
    # RFC 8949, appendix A.
    written = {23: "17", 24: "1818", 1000: "1903e8", 1_000_000: "1a000f4240", 1_000_000_000_000: "1b000000e8d4a51000",
               -1: "20", -1000: "3903e7", -(1 << 63): "3b7fffffffffffffff"}  # fmt: skip
    for number, text in written.items():
        assert cbor.form(size, number).hex() == text
        assert cbor.decode(bytes.fromhex(text)) == number


# No service that boatyard does has these; its protocols read and write them all the same.
_SHAPES = {
    "Things": {
        "type": "structure",
        "members": {
            "Json": {"shape": "Text", "jsonvalue": True, "location": "header", "locationName": "X-Json"},
            "Inner": {"shape": "Inner"},
        },
    },
    "Inner": {
        "type": "structure",
        "members": {"Kind": {"shape": "Text", "xmlAttribute": True, "locationName": "xsi:kind"}},
    },
    "Text": {"type": "string"},
}


@pytest.fixture
def made_up() -> Any:
    """An operation that takes and answers a document in a header, and an attribute of any text."""
    given = {"name": "Do", "http": {"method": "POST", "requestUri": "/"}}
    both: dict[str, Any] = {"input": {"shape": "Things"}, "output": {"shape": "Things"}}
    service = ServiceModel(
        {"metadata": {"protocol": "rest-xml"}, "operations": {"Do": given | both}, "shapes": _SHAPES}
    )
    return OperationModel(given | both, service, "Do")


def test_a_document_in_a_header_is_base64(made_up: Any) -> None:
    document = {"a": ["é", None, 1.5]}
    response = protocol("rest-xml").answer({"Json": document}, made_up, "the-request-id")
    text = dict(response.headers)["X-Json"]
    assert base64.b64decode(text) == '{"a":["é",null,1.5]}'.encode()
    request = HttpRequest("POST", "/", "", Headers({"x-json": text}))
    assert protocol("rest-xml").parse(request, made_up)["Json"] == document
    for wrong in ("{}", "%", "bm8="):
        with pytest.raises(Malformed):
            protocol("rest-xml").parse(HttpRequest("POST", "/", "", Headers({"x-json": wrong})), made_up)


def test_an_attribute_is_escaped(made_up: Any) -> None:
    response = protocol("rest-xml").answer({"Inner": {"Kind": "a\"b<c>&d'"}}, made_up, "the-request-id")
    assert isinstance(response.body, bytes)
    assert b'xsi:kind="a&quot;b&lt;c&gt;&amp;d\'"' in response.body
