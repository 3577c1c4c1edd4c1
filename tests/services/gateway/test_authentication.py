"""Who is let in, and what everybody else is told, service by service, with real clients."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from boatyard.api import models
from tests.server import REGION, ROOT_KEY, ROOT_SECRET, RunningServer, unique


def _code(server: RunningServer, service: str, method: str, **options: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        getattr(server.client(service, **options), method)()
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


CALLS = {"s3": "list_buckets", "logs": "describe_log_groups", "sts": "get_caller_identity"}
WRONG_SECRET = {
    "s3": ("SignatureDoesNotMatch", 403),
    "logs": ("InvalidSignatureException", 400),
    "sts": ("SignatureDoesNotMatch", 403),
}
UNKNOWN_KEY = {
    "s3": ("InvalidAccessKeyId", 403),
    "logs": ("UnrecognizedClientException", 400),
    "sts": ("InvalidClientTokenId", 403),
}


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_secret(server: RunningServer, service: str) -> None:
    assert _code(server, service, CALLS[service], aws_secret_access_key="wrong") == WRONG_SECRET[service]


@pytest.mark.parametrize("service", CALLS)
def test_an_unknown_key(server: RunningServer, service: str) -> None:
    assert _code(server, service, CALLS[service], aws_access_key_id="AKIANOBODY") == UNKNOWN_KEY[service]


@pytest.mark.parametrize("service", CALLS)
def test_a_token_that_belongs_to_no_session(server: RunningServer, service: str) -> None:
    code, _ = _code(server, service, CALLS[service], aws_session_token="made up")
    assert code == {"s3": "InvalidToken"}.get(service, UNKNOWN_KEY[service][0])


def _send(request: AWSRequest, body: bytes | None = None) -> tuple[int, bytes]:
    prepared = request.prepare()
    data: Any = body if body is not None else (prepared.body or None)
    plain = urllib.request.Request(prepared.url, data=data, headers=dict(prepared.headers), method=prepared.method)
    try:
        with urllib.request.urlopen(plain, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _logs_request(server: RunningServer, moment: datetime | None = None) -> AWSRequest:
    headers = {"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest(method="POST", url=f"{server.url}/", data=b"{}", headers=headers)
    auth: Any = SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "logs", REGION)
    if moment is None:
        auth.add_auth(request)
        return request
    request.headers["X-Amz-Date"] = moment.strftime("%Y%m%dT%H%M%SZ")
    request.context["timestamp"] = request.headers["X-Amz-Date"]
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return request


def test_a_body_that_was_changed_after_signing(server: RunningServer) -> None:
    assert _send(_logs_request(server))[0] == 200
    status, body = _send(_logs_request(server), body=b'{"limit": 1}')
    assert (status, json.loads(body)["__type"]) == (400, "InvalidSignatureException")


def test_a_request_that_is_too_old(server: RunningServer) -> None:
    status, body = _send(_logs_request(server, datetime.now(UTC) - timedelta(minutes=16)))
    answer = json.loads(body)
    assert (status, answer["__type"]) == (400, "InvalidSignatureException")
    assert "Signature expired" in answer["message"]


def test_a_request_signed_for_another_service(server: RunningServer) -> None:
    request = AWSRequest(
        method="POST",
        url=f"{server.url}/",
        data=b"{}",
        headers={"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"},
    )
    SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "kms", REGION).add_auth(request)
    status, body = _send(request)
    assert status == 400
    assert "Credential should be scoped to correct service: 'logs'" in json.loads(body)["message"]


def test_a_request_without_a_signature(server: RunningServer) -> None:
    plain = AWSRequest(
        method="POST", url=f"{server.url}/", data=b"{}", headers={"X-Amz-Target": "Logs_20140328.DescribeLogGroups"}
    )
    status, body = _send(plain)
    assert (status, json.loads(body)["__type"]) == (400, "MissingAuthenticationTokenException")


def _put_object(server: RunningServer, bucket: str, content: bytes) -> AWSRequest:
    request = AWSRequest(method="PUT", url=f"{server.url}/{bucket}/key", data=content)
    S3SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "s3", REGION).add_auth(request)
    return request


def test_an_object_that_was_changed_after_signing_is_not_kept(server: RunningServer) -> None:
    s3, bucket = server.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    status, body = _send(_put_object(server, bucket, b"as signed"), body=b"tampered!")
    assert status == 400
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in body
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert _send(_put_object(server, bucket, b"as signed"))[0] == 200


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_of_both_versions(server: RunningServer, version: str) -> None:
    bucket = unique("bucket")
    s3 = server.client("s3", config=Config(signature_version=version))
    server.client("s3").create_bucket(Bucket=bucket)
    params = {"Bucket": bucket, "Key": "a key+with%ä/&=?.txt", "ContentType": "text/x"}
    put = s3.generate_presigned_url("put_object", Params=params)
    request = urllib.request.Request(put, data=b"hello", method="PUT", headers={"Content-Type": "text/x"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": params["Key"]})
    with urllib.request.urlopen(get, timeout=120) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"hello", "text/x")
    listed = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket, "Prefix": "a key"})
    with urllib.request.urlopen(listed, timeout=120) as answer:
        assert b"<KeyCount>1</KeyCount>" in answer.read()
    status, body = _send(AWSRequest(method="GET", url=get.replace("Signature=", "Signature=0")))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)


def test_presigned_urls_end(server: RunningServer) -> None:
    """Ended before it began, so that nothing needs to be waited for."""
    s3 = server.client("s3", config=Config(signature_version="s3"))
    status, body = _send(AWSRequest(method="GET", url=s3.generate_presigned_url("list_buckets", ExpiresIn=-5)))
    assert (status, b"<Message>Request has expired</Message>" in body) == (403, True)


def test_sessions_work_and_their_token_is_needed(server: RunningServer) -> None:
    session = server.client("sts").get_session_token()["Credentials"]
    keys = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
    }
    arn = server.client("sts", **keys, aws_session_token=session["SessionToken"]).get_caller_identity()["Arn"]
    assert arn.endswith(":root")
    assert _code(server, "sts", "get_caller_identity", **keys)[0] == "InvalidClientTokenId"


def test_presigned_urls_of_other_services(server: RunningServer) -> None:
    url = server.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    status, body = _send(AWSRequest(method="GET", url=url, headers={"Host": f"127.0.0.1:{server.port}"}))
    assert (status, b"<Account>000000000000</Account>" in body) == (200, True)
    status, body = _send(AWSRequest(method="GET", url=url.replace("GetCallerIdentity", "GetSessionToken")))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)


def test_clients_that_choose_cbor(server: RunningServer) -> None:
    operation = models.operation_model("codebuild", "ListProjects")
    serialized = create_serializer("smithy-rpc-v2-cbor").serialize_to_request({"sortOrder": "ASCENDING"}, operation)
    request = server.signed(
        "POST", serialized["url_path"], service="codebuild", body=serialized["body"], headers=serialized["headers"]
    )
    status, body = _send(request)
    raw = {"status_code": status, "headers": {}, "body": body, "context": {}}
    shape: Any = operation.output_shape
    parsed = create_parser("smithy-rpc-v2-cbor").parse(raw, shape)
    assert (status, isinstance(parsed["projects"], list)) == (200, True)
