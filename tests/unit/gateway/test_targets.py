"""Which service and operation a request is for."""

from __future__ import annotations

import pytest

from boatyard.api import models
from boatyard.api.errors import ApiError, OperationNotSupported
from boatyard.gateway import targets
from boatyard.gateway.messages import Headers, HttpRequest
from boatyard.services import PACKAGES


def _request(method: str, path: str, query: str = "", headers: dict[str, str] | None = None) -> HttpRequest:
    return HttpRequest(method, path, query, Headers(headers or {}))


def test_the_tables_say_what_the_models_say() -> None:
    for service in PACKAGES:
        metadata = models.service_model(service).metadata
        protocols = metadata.get("protocols") or [metadata["protocol"]]
        if {"json", "smithy-rpc-v2-cbor"} & set(protocols):
            assert targets.TARGETS[metadata["targetPrefix"]] == service
        if "query" in protocols:
            assert targets.VERSIONS[metadata["apiVersion"]] == service
        if service != "sagemaker-runtime":
            assert targets.SCOPES[models.service_model(service).signing_name] == service


S3_CASES = [
    ("GET", "/", "", "ListBuckets"),
    ("GET", "/b", "", "ListObjects"),
    ("GET", "/b/", "list-type=2&prefix=x", "ListObjectsV2"),
    ("GET", "/b", "lifecycle", "GetBucketLifecycleConfiguration"),
    ("PUT", "/b", "notification", "PutBucketNotificationConfiguration"),
    ("GET", "/b", "versions", "ListObjectVersions"),
    ("GET", "/b", "uploads", "ListMultipartUploads"),
    ("POST", "/b", "delete=", "DeleteObjects"),
    ("GET", "/b/k/", "", "GetObject"),
    ("GET", "/b//k", "", "GetObject"),
    ("GET", "/b/k", "uploadId=1", "ListParts"),
    ("PUT", "/b/k", "uploadId=1&partNumber=2", "UploadPart"),
    ("POST", "/b/k", "uploads", "CreateMultipartUpload"),
    ("POST", "/b/k", "uploadId=1", "CompleteMultipartUpload"),
    ("DELETE", "/b/k", "uploadId=1", "AbortMultipartUpload"),
    ("DELETE", "/b/k", "versionId=1", "DeleteObject"),
    ("HEAD", "/b/k", "", "HeadObject"),
    ("GET", "/b/k", "tagging", "GetObjectTagging"),
]


@pytest.mark.parametrize(("method", "path", "query", "operation"), S3_CASES)
def test_s3_operations_are_told_apart(method: str, path: str, query: str, operation: str) -> None:
    assert targets.rest_operation("s3", _request(method, path, query)).name == operation


def test_copies_are_told_by_their_header() -> None:
    source = {"x-amz-copy-source": "/b/k"}
    assert targets.rest_operation("s3", _request("PUT", "/b/k", "", source)).name == "CopyObject"
    assert targets.rest_operation("s3", _request("PUT", "/b/k", "uploadId=1&partNumber=2", source)).name == (
        "UploadPartCopy"
    )
    assert targets.rest_operation("s3", _request("PUT", "/b/k")).name == "PutObject"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/2015-03-31/functions/", "ListFunctions"),
        ("/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af", "GetFunction"),
        ("/2018-10-31/layers", "ListLayers"),
    ],
)
def test_lambda_paths(path: str, name: str) -> None:
    assert targets.rest_operation("lambda", _request("GET", path)).name == name


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("bucket.s3.amazonaws.com", "bucket"),
        ("bucket.s3.us-east-1.amazonaws.com", "bucket"),
        ("my.dotted.bucket.s3-us-west-2.amazonaws.com", "my.dotted.bucket"),
        ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "bucket"),
        ("bucket.s3.localhost.localstack.cloud:4566", "bucket"),
        ("bucket.localhost:4566", "bucket"),
        ("s3.amazonaws.com", None),
        ("s3.us-east-1.amazonaws.com", None),
        ("s3.localhost:4566", None),
        ("localhost:4566", None),
        ("127.0.0.1:4566", None),
        ("[::1]:4566", None),
    ],
)
def test_buckets_in_hosts(host: str, bucket: str | None) -> None:
    assert targets.bucket_of_host(host) == bucket


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"x-amz-target": "DynamoDB_20120810.ListTables"}, "DynamoDB_20120810:ListTables"),
        ({"x-amz-target": "Logs_20140328.StartQueryy"}, "logs:StartQueryy"),
        ({"smithy-protocol": "rpc-v2-cbor"}, "unknown"),
    ],
)
def test_what_is_not_there_is_named(headers: dict[str, str], said: str) -> None:
    request = _request("POST", "/", "", headers)
    service, protocol = targets.find_service(request)
    with pytest.raises(OperationNotSupported) as refused:
        targets.find_operation(request, service, protocol)
    assert refused.value.status == 501
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("service", "path", "code", "label"),
    [
        ("sagemaker-runtime", "/endpoints//invocations", "ValidationError", "endpointName"),
        ("lambda", "/2015-03-31/functions//invocations", "ValidationException", "functionName"),
    ],
)
def test_a_path_without_its_name_breaks_the_model(service: str, path: str, code: str, label: str) -> None:
    with pytest.raises(ApiError, match=f"Value '' at '{label}'") as refused:
        targets.find_operation(_request("POST", path), service, "rest-json")
    assert (refused.value.code, refused.value.status) == (code, 400)


def test_an_unsigned_query_request_is_told_by_its_version() -> None:
    request = _request("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15")
    assert targets.find_service(request) == ("sts", "query")


def test_an_unsigned_invocation_is_told_by_its_path() -> None:
    request = _request("POST", "/endpoints/name/invocations")
    assert targets.find_service(request) == ("sagemaker-runtime", "rest-json")
    assert targets.find_service(_request("GET", "/endpoints/name/invocations")) == ("s3", "rest-xml")


def test_the_version_in_a_form_tells_the_service_too() -> None:
    request = _request("POST", "/")
    request.body = b"Action=ListUsers&Version=2010-05-08"
    assert targets.service_of_form(request) == "iam"
    request.body = b"Action=ListUsers"
    assert targets.service_of_form(request) == "unknown"
