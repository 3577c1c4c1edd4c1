"""Requests whose signature somebody has tried to bend, sent as they are to a real server, service family by family."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.raw_http import Answer, RawConnection
from tests.server import RunningServer
from tests.signing import EMPTY, Draft, Keys, now

SERVICES = ("s3", "logs", "sts", "lambda")
"""One service of each protocol: REST-XML, JSON, query, REST-JSON."""
MISMATCH = {
    "s3": ("SignatureDoesNotMatch", 403),
    "logs": ("InvalidSignatureException", 400),
    "sts": ("SignatureDoesNotMatch", 403),
    "lambda": ("InvalidSignatureException", 403),
}
INCOMPLETE = {
    "s3": ("AuthorizationHeaderMalformed", 400),
    "logs": ("IncompleteSignatureException", 400),
    "sts": ("IncompleteSignature", 400),
    "lambda": ("IncompleteSignatureException", 403),
}
UNKNOWN = {
    "logs": "UnrecognizedClientException",
    "sts": "InvalidClientTokenId",
    "lambda": "UnrecognizedClientException",
}
MALFORMED = MISMATCH | {"s3": ("AuthorizationHeaderMalformed", 400)}


def _draft(server: RunningServer, service: str) -> Draft:
    """A request that any root may make, with a header and a query that are there to be bent."""
    host = {"host": f"127.0.0.1:{server.port}"}
    if service == "s3":
        return Draft("GET", "/?max-buckets=10", "s3", host)
    if service == "lambda":
        return Draft("GET", "/2015-03-31/functions/?MaxItems=10", "lambda", host)
    if service == "logs":
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.DescribeLogGroups"}
        return Draft("POST", "/?unused=1", "logs", host | headers, b'{"limit": 10}')
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Draft("POST", "/?unused=1", "sts", host | headers, b"Action=GetCallerIdentity&Version=2011-06-15")


def _send(server: RunningServer, draft: Draft) -> Answer:
    with RawConnection(server.port, 120) as connection:
        connection.send(draft.to_bytes())
        return connection.answer(draft.method)


def _told(answer: Answer) -> tuple[str, int]:
    """The error's code and status."""
    if answer.body.startswith(b"{"):
        return str(answer.headers.get("x-amzn-errortype") or json.loads(answer.body)["__type"]), answer.status
    found = re.search(rb"<Code>([^<]+)</Code>", answer.body)
    assert found is not None, answer
    return found[1].decode(), answer.status


def _edit(name: str, edit: Callable[[str], str]) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        draft.headers[name] = edit(draft.headers[name])

    return change


def _path(draft: Draft) -> None:
    path, _, query = draft.target.partition("?")
    draft.target = f"{path}x?{query}"


def _query(draft: Draft) -> None:
    draft.target = draft.target.replace("=1", "=2")


def _more_query(draft: Draft) -> None:
    draft.target += "&X-Amz-Signature=0"


def _body(draft: Draft) -> None:
    draft.body = draft.body.replace(b"1", b"2") if draft.body else b"{}"


TAMPERED: dict[str, Callable[[Draft], None]] = {
    "path": _path,
    "query": _query,
    "another parameter": _more_query,
    "host": _edit("host", lambda value: f"{value}0"),
    "date": _edit("x-amz-date", lambda value: value[:-2] + ("1Z" if value[-2] == "0" else "0Z")),
    "signature": _edit("authorization", lambda value: value[:-1] + ("1" if value[-1] == "0" else "0")),
    "no signature": _edit("authorization", lambda value: value.rpartition("=")[0] + "=-"),
    "a shorter signature": _edit("authorization", lambda value: value[:-1]),
    "signed headers": _edit("authorization", lambda value: value.replace("SignedHeaders=", "SignedHeaders=accept;")),
    "region": _edit("authorization", lambda value: value.replace("/us-east-1/", "/eu-west-1/")),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("part", TAMPERED)
def test_nothing_that_was_signed_can_be_changed(server: RunningServer, service: str, part: str) -> None:
    draft = _draft(server, service).sign()
    assert _send(server, draft).status == 200
    TAMPERED[part](draft)
    assert _told(_send(server, draft)) == MISMATCH[service]


@pytest.mark.parametrize("service", ["logs", "sts", "lambda"])
def test_a_body_that_was_not_signed(server: RunningServer, service: str) -> None:
    draft = _draft(server, service).sign()
    _body(draft)
    assert _told(_send(server, draft)) == MISMATCH[service]


def test_a_method_that_was_not_signed(server: RunningServer) -> None:
    draft = Draft("GET", "/no-such-bucket", "s3", {"host": f"127.0.0.1:{server.port}"}).sign()
    assert _told(_send(server, draft)) == ("NoSuchBucket", 404)
    draft.method = "DELETE"
    assert _told(_send(server, draft)) == MISMATCH["s3"]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("minutes", [-16, 16])
def test_clocks_that_are_off(server: RunningServer, service: str, minutes: int) -> None:
    draft = _draft(server, service).sign(moment=now() + timedelta(minutes=minutes))
    answer = _send(server, draft)
    expected = {"s3": ("RequestTimeTooSkewed", 403)}.get(service, MISMATCH[service])
    assert _told(answer) == expected
    told = b"MaxAllowedSkewMilliseconds" if service == "s3" else b"Signature expired" if minutes < 0 else b"not yet"
    assert told in answer.body


@pytest.mark.parametrize("service", SERVICES)
def test_headers_that_must_be_signed(server: RunningServer, service: str) -> None:
    added = _draft(server, service).sign()
    added.headers["x-amz-meta-added"] = "after signing"
    expected = {"s3": ("AccessDenied", 403)}.get(service, MISMATCH[service])
    answer = _send(server, added)
    assert _told(answer) == expected
    assert b"x-amz-meta-added" in answer.body
    assert _told(_send(server, _draft(server, service).sign(leave_out=["host"]))) == MALFORMED[service]


@pytest.mark.parametrize("service", ["logs", "sts", "lambda"])
def test_a_large_body_is_not_waited_for_when_the_head_is_refused_already(server: RunningServer, service: str) -> None:
    unknown = _draft(server, service).sign(Keys(id="AKIANOBODYNOBODYNOBO"))
    old = _draft(server, service).sign(moment=now() - timedelta(minutes=16))
    broken = _draft(server, service).sign()
    broken.headers["authorization"] = broken.headers["authorization"].replace("Signature=", "Sign=")
    codes = [UNKNOWN[service], MISMATCH[service][0], INCOMPLETE[service][0]]
    for draft, code in zip((unknown, old, broken), codes, strict=True):
        draft.headers["content-length"] = str(100 << 20)
        draft.method, draft.body = "POST", b"the beginning of it"
        assert _told(_send(server, draft))[0] == code


def test_an_operation_that_was_not_signed(server: RunningServer) -> None:
    """The header that names the operation must be signed: it could be exchanged for another operation's."""
    draft = _draft(server, "logs").sign(leave_out=["x-amz-target"])
    answer = _send(server, draft)
    assert _told(answer) == MISMATCH["logs"]
    assert b"'x-amz-target' must be a 'SignedHeader' in the AWS Authorization." in answer.body


SCOPES: dict[str, tuple[Callable[[str], str], bytes]] = {
    "date": (lambda value: re.sub(r"/\d{8}/", "/20200101/", value), b"Date in Credential scope does not match"),
    "region": (lambda value: value.replace("/us-east-1/", "/nowhere/"), b"valid region"),
    "ending": (lambda value: value.replace("/aws4_request", "/aws9_request"), b"slash-delimited"),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("part", SCOPES)
def test_credential_scopes_that_are_none(server: RunningServer, service: str, part: str) -> None:
    edit, told = SCOPES[part]
    draft = _draft(server, service).sign()
    draft.headers["authorization"] = edit(draft.headers["authorization"])
    answer = _send(server, draft)
    assert _told(answer) == MALFORMED[service]
    assert told in answer.body


def test_signed_for_another_service(server: RunningServer) -> None:
    for service, other in (("logs", "kms"), ("sts", "iam")):
        draft = _draft(server, service)
        draft.service = other
        answer = _send(server, draft.sign())
        assert _told(answer)[0] in (MISMATCH[service][0], "UnknownOperationException", "NotImplemented"), answer
        assert answer.status in (400, 403, 501)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("missing", ["Credential", "SignedHeaders", "Signature"])
def test_authorization_headers_that_are_not_whole(server: RunningServer, service: str, missing: str) -> None:
    draft = _draft(server, service).sign()
    draft.headers["authorization"] = re.sub(rf"{missing}=[^,]*,?", "", draft.headers["authorization"])
    answer = _send(server, draft)
    if missing == "Credential" and service == "lambda":
        # Without a scope nothing says that this is for Lambda but the path.
        assert answer.status == 403
    else:
        assert _told(answer) == INCOMPLETE[service]
    assert f"'{missing}' parameter".encode() in answer.body


@pytest.mark.parametrize("service", SERVICES)
def test_authorization_that_is_there_twice(server: RunningServer, service: str) -> None:
    draft = _draft(server, service).sign()
    draft.after = (("authorization", draft.headers["authorization"]),)
    assert _told(_send(server, draft)) == INCOMPLETE[service]
    both = _draft(server, service).presign()
    both.sign()
    expected = {"s3": ("InvalidArgument", 400)}.get(service, INCOMPLETE[service])
    assert _told(_send(server, both)) == expected


@pytest.mark.parametrize("service", SERVICES)
def test_requests_without_a_date(server: RunningServer, service: str) -> None:
    draft = _draft(server, service).sign()
    del draft.headers["x-amz-date"]
    assert _told(_send(server, draft)) == INCOMPLETE[service]


@pytest.mark.parametrize("service", ["logs", "sts", "lambda"])
def test_requests_without_any_signature(server: RunningServer, service: str) -> None:
    code = "MissingAuthenticationToken" if service == "sts" else "MissingAuthenticationTokenException"
    assert _told(_send(server, _draft(server, service))) == (code, 400 if service == "logs" else 403)


@pytest.mark.parametrize("service", SERVICES)
def test_version_4a_is_refused(server: RunningServer, service: str) -> None:
    draft = _draft(server, service).sign()
    draft.headers["authorization"] = draft.headers["authorization"].replace("HMAC-SHA256", "ECDSA-P256-SHA256")
    answer = _send(server, draft)
    assert answer.status in (400, 403)
    assert b"does not verify Signature Version 4A" in answer.body


def test_version_2_is_refused_in_the_header(server: RunningServer) -> None:
    draft = _draft(server, "s3")
    draft.headers["authorization"] = "AWS AKIAROOTROOTROOTROOT:c2lnbmF0dXJl"
    answer = _send(server, draft)
    assert _told(answer) == ("InvalidRequest", 400)
    assert b"Please use AWS4-HMAC-SHA256." in answer.body


PRESIGNED: dict[str, tuple[Callable[[Draft], Draft], str, int]] = {
    "expired": (lambda draft: draft.presign(moment=now() - timedelta(seconds=301)), "AccessDenied", 403),
    "a moment yet to come": (lambda draft: draft.presign(moment=now() + timedelta(minutes=20)), "AccessDenied", 403),
    "more than a week": (lambda draft: draft.presign(expires="604801"), "AuthorizationQueryParametersError", 400),
    "no end": (lambda draft: draft.presign(expires=None), "AuthorizationQueryParametersError", 400),
    "no number": (lambda draft: draft.presign(expires="1e3"), "AuthorizationQueryParametersError", 400),
    "two ends": (lambda draft: draft.presign(more="X-Amz-Expires=600000"), "AuthorizationQueryParametersError", 400),
    "a year that has none": (
        lambda draft: draft.presign(moment=now().replace(year=9999, month=12, day=31)),
        "AccessDenied",
        403,
    ),
}


@pytest.mark.parametrize("attack", PRESIGNED)
def test_presigned_urls_that_are_not_to_be_believed(server: RunningServer, attack: str) -> None:
    sign, code, status = PRESIGNED[attack]
    assert _told(_send(server, sign(_draft(server, "s3")))) == (code, status)


def test_presigned_urls_can_be_used_again_until_they_end_and_not_changed(server: RunningServer) -> None:
    draft = _draft(server, "s3").presign()
    assert [_send(server, draft).status for _ in range(2)] == [200, 200]
    target = draft.target
    for before, after in (("Expires=300", "Expires=900"), ("SignedHeaders=host", "SignedHeaders=host%3Baccept")):
        draft.target = target.replace(before, after)
        assert _told(_send(server, draft)) == MISMATCH["s3"], after
    draft.target = target.replace("Signature=", "Signature=0&X-Amz-Signature=")
    assert _told(_send(server, draft)) == ("AuthorizationQueryParametersError", 400)


def test_a_payload_that_is_not_the_one_declared(server: RunningServer) -> None:
    host = {"host": f"127.0.0.1:{server.port}"}
    draft = Draft("PUT", "/some-bucket", "s3", dict(host), b"<x/>").sign(payload=EMPTY)
    assert _told(_send(server, draft)) == ("XAmzContentSHA256Mismatch", 400)
    asymmetric = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
    for declared, code in (("not-a-hash", "InvalidArgument"), (asymmetric, "InvalidRequest")):
        draft = Draft("PUT", "/some-bucket/key", "s3", dict(host), b"x").sign(payload=declared)
        assert _told(_send(server, draft)) == (code, 400)
