"""Requests that cannot be read are refused, each protocol in its words, and nothing is expanded or guessed."""

from __future__ import annotations

import pytest

from boatyard.api import models
from boatyard.gateway.messages import Headers, HttpRequest
from boatyard.gateway.protocols import protocol
from boatyard.gateway.protocols.values import Malformed


def _parse(service: str, operation: str, name: str, body: bytes, path: str = "/", query: str = "") -> dict[str, object]:
    request = HttpRequest("POST", path, query, Headers(), body=body)
    return protocol(name).parse(request, models.operation_model(service, operation))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[1]",
        b'{"logGroupName": 5}',
        b'{"limit": "7"}',
        b'{"limit": 7.5}',
        b'{"limit": true}',
        b"[" * 100_000,
    ],
)
def test_json_of_the_wrong_kind(body: bytes) -> None:
    with pytest.raises(Malformed):
        _parse("logs", "DescribeLogStreams", "json", body)


@pytest.mark.parametrize("when", [b"[]", b"{}", b"true", b"1e300"])
def test_json_timestamps_that_are_none(when: bytes) -> None:
    with pytest.raises(Malformed):
        _parse("sagemaker", "ListModels", "json", b'{"CreationTimeAfter": ' + when + b"}")


def test_json_members_that_are_null_or_unknown_are_left_out() -> None:
    assert _parse("logs", "DescribeLogStreams", "json", b'{"limit": null, "logGroupName": "g", "new": 1}') == {
        "logGroupName": "g"
    }


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete><Object>",
        b"<Other/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>',
        '<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="cp037"?>' + "<!DOCTYPE a []><Delete/>".encode("cp037"),
        b"\x00",
        b"<Delete><Quiet>maybe</Quiet></Delete>",
    ],
)
def test_xml_that_is_broken_or_of_another_kind(body: bytes) -> None:
    with pytest.raises(Malformed):
        _parse("s3", "DeleteObjects", "rest-xml", body, "/bucket", "delete")


@pytest.mark.parametrize(
    "body",
    [
        b"MaxItems=many",
        b"MaxItems.=1",
        b"MaxItems..=1",
        b"Tags.member." + b"9" * 5000 + b".Key=a",
        b"Tags.member.x.Key=a",
        b"RoleName.member.1=a",
        b"\xff=1",
    ],
)
def test_forms_of_the_wrong_kind(body: bytes) -> None:
    with pytest.raises(Malformed):
        operation = "ListRoles" if b"MaxItems" in body else "CreateRole"
        _parse("iam", operation, "query", b"Action=x&" + body)


def test_the_query_protocol_reads_lists_by_number_and_empty_lists() -> None:
    body = b"Capabilities.member.2=CAPABILITY_NAMED_IAM&Capabilities.member.1=CAPABILITY_IAM&NotificationARNs="
    assert _parse("cloudformation", "CreateStack", "query", body) == {
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        "NotificationARNs": [],
    }


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\xa1",
        b"\x9f" * 100_000,
        b"\xa1\xa0\x01",
        b"\x01",
        b"\xbf\x01",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x6amaxResults\x63abc",
    ],
)
def test_cbor_that_is_broken(body: bytes) -> None:
    with pytest.raises(Malformed):
        _parse("codebuild", "ListReports", "smithy-rpc-v2-cbor", body)


def test_a_path_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(Malformed):
        _parse("s3", "GetObject", "rest-xml", b"", "/bucket/%ff")
