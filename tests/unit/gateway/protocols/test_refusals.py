"""Errors in each protocol, as botocore and other clients read them."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.gateway import faults
from boatyard.gateway.messages import HttpResponse
from boatyard.gateway.protocols import protocol
from tests.unit.gateway.samples import parsed_by_botocore


def _refused(error: ApiError, service: str, name: str) -> HttpResponse:
    fault = faults.to_fault(error, service, name)
    return protocol(name).refuse(fault, faults.model_of(service), "the-request-id", resource="/some/path")


CASES = [
    ("logs", "json", "ResourceNotFoundException", 400, "ResourceNotFoundException"),
    ("iam", "query", "NoSuchEntity", 404, "NoSuchEntity"),
    ("iam", "query", "NoSuchEntityException", 404, "NoSuchEntity"),
    ("lambda", "rest-json", "ResourceNotFoundException", 404, "ResourceNotFoundException"),
    ("s3", "rest-xml", "NoSuchBucket", 404, "NoSuchBucket"),
    ("codebuild", "smithy-rpc-v2-cbor", "ResourceNotFoundException", 400, "ResourceNotFoundException"),
    ("cloudwatch", "json", "ResourceNotFoundException", 404, "ResourceNotFoundException"),
    ("s3", "rest-xml", "ValidationException", 400, "InvalidRequest"),
    ("sns", "query", "AccessDeniedException", 403, "AccessDenied"),
    ("kms", "json", "AccessDenied", 400, "AccessDeniedException"),
    ("lambda", "rest-json", "AccessDenied", 403, "AccessDeniedException"),
]


@pytest.mark.parametrize(("service", "name", "code", "status", "shown"), CASES)
def test_code_status_and_message_arrive(service: str, name: str, code: str, status: int, shown: str) -> None:
    response = _refused(ApiError(code, "What & why <it> is"), service, name)
    parsed = parsed_by_botocore(response, None, name)
    assert response.status == status
    assert parsed["Error"]["Code"] == shown
    assert parsed["Error"]["Message"] == "What & why <it> is"


def test_the_members_of_a_modelled_error_arrive() -> None:
    error = ApiError("ModelError", "It failed", OriginalStatusCode=500, OriginalMessage="boom", LogStreamArn="arn")
    response = _refused(error, "sagemaker-runtime", "rest-json")
    shape = faults.to_fault(error, "sagemaker-runtime", "rest-json").shape
    parsed: dict[str, Any] = parsed_by_botocore(response, shape, "rest-json")
    assert (response.status, parsed["OriginalStatusCode"], parsed["OriginalMessage"]) == (424, 500, "boom")


@pytest.mark.parametrize("name", ["json", "smithy-rpc-v2-cbor"])
def test_a_service_that_was_a_query_service_keeps_its_old_codes(name: str) -> None:
    response = _refused(ApiError("InvalidParameterValueException", "No"), "cloudwatch", name)
    assert ("x-amzn-query-error", "InvalidParameterValue;Sender") in response.headers
    assert parsed_by_botocore(response, None, name)["Error"]["Code"] == "InvalidParameterValue"


def test_s3_names_the_resource_and_both_request_ids() -> None:
    body = _refused(ApiError("AccessDenied", "Access Denied"), "s3", "rest-xml").body
    assert isinstance(body, bytes)
    assert b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message><Resource>/some/path</Resource>" in body
    assert b"<RequestId>the-request-id</RequestId><HostId>" in body


def test_s3_not_modified_has_headers_and_no_body() -> None:
    response = _refused(ApiError("NotModified", "Not Modified", headers={"ETag": '"x"'}), "s3", "rest-xml")
    assert (response.status, response.body, response.headers) == (304, b"", [("ETag", '"x"')])


@pytest.mark.parametrize(("service", "name"), [("cloudformation", "query"), ("s3", "rest-xml")])
def test_a_message_that_quotes_what_xml_cannot_hold_can_be_read(service: str, name: str) -> None:
    parsed = parsed_by_botocore(_refused(ApiError("ValidationError", "no a\0b"), service, name), None, name)
    assert parsed["Error"]["Message"] == "no a\N{REPLACEMENT CHARACTER}b"
