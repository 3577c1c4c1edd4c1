"""Signature Version 4 with the values of AWS's documentation, and everything that must not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from boatyard.gateway import signature
from boatyard.gateway.messages import Headers, HttpRequest
from boatyard.gateway.refusals import Refusal, Why

# The examples of the S3 API Reference, "Signature Calculations for the Authorization Header".
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = signature.EMPTY_SHA256
SCOPE = f"{KEY}/20130524/us-east-1/s3/aws4_request"


def _header_signed(
    method: str, path: str, query: str, signed: str, given: str, payload: str, **headers: str
) -> HttpRequest:
    authorization = f"AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={signed},Signature={given}"
    named = {"host": HOST, "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": payload}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest(method, path, query, Headers(named | {"authorization": authorization}))


GET_OBJECT = _header_signed(
    "GET",
    "/test.txt",
    "",
    "host;range;x-amz-content-sha256;x-amz-date",
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    EMPTY,
    range="bytes=0-9",
)
_PUT_HASH = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
PUT_OBJECT = _header_signed(
    "PUT",
    "/test%24file.text",
    "",
    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    _PUT_HASH,
    date="Fri, 24 May 2013 00:00:00 GMT",
    x_amz_storage_class="REDUCED_REDUNDANCY",
)
GET_LIFECYCLE = _header_signed(
    "GET",
    "/",
    "lifecycle",
    "host;x-amz-content-sha256;x-amz-date",
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    EMPTY,
)
LIST_OBJECTS = _header_signed(
    "GET",
    "/",
    "prefix=J&max-keys=2",
    "host;x-amz-content-sha256;x-amz-date",
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    EMPTY,
)
PRESIGNED = HttpRequest(
    "GET",
    "/test.txt",
    "X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    Headers({"host": HOST}),
)
EXAMPLES = [GET_OBJECT, PUT_OBJECT, GET_LIFECYCLE, LIST_OBJECTS, PRESIGNED]


def _verify(request: HttpRequest, secret: str = SECRET) -> signature.Claim:
    claim = signature.claim_of(request)
    assert claim is not None
    signature.verify(request, claim, secret, signature.declared_payload(request, claim))
    return claim


@pytest.mark.parametrize("request_", EXAMPLES)
def test_the_documentations_examples_pass(request_: HttpRequest) -> None:
    claim = _verify(request_)
    signature.check_time(claim, NOW)
    assert (claim.access_key_id, claim.region, claim.service) == (KEY, "us-east-1", "s3")


@pytest.mark.parametrize("request_", EXAMPLES)
@pytest.mark.parametrize("change", ["method", "path", "query", "header", "secret"])
def test_no_change_passes(request_: HttpRequest, change: str) -> None:
    changed = replace(request_, headers=Headers(request_.headers))
    if change == "method":
        changed.method = "DELETE"
    elif change == "path":
        changed.raw_path += "x"
    elif change == "query":
        changed.query_string += "&versionId=1"
    elif change == "header":
        changed.headers["host"] = "otherbucket.s3.amazonaws.com"
    with pytest.raises(Refusal) as refused:
        _verify(changed, "another secret" if change == "secret" else SECRET)
    assert refused.value.why is Why.MISMATCH


# IAM User Guide, "Create a signed AWS API request": the derived key of the documentation.
def test_the_signing_key_of_the_documentation() -> None:
    key = signature.signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam")
    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_that_is_more_than_15_minutes_off(minutes: int) -> None:
    claim = signature.claim_of(GET_OBJECT)
    assert claim is not None
    signature.check_time(claim, NOW + timedelta(minutes=minutes // 16 * 14))
    with pytest.raises(Refusal) as refused:
        signature.check_time(claim, NOW + timedelta(minutes=minutes))
    assert refused.value.why is Why.SKEWED


def test_a_presigned_url_ends_when_it_says() -> None:
    claim = signature.claim_of(PRESIGNED)
    assert claim is not None
    signature.check_time(claim, NOW + timedelta(hours=24))
    with pytest.raises(Refusal, match="expired"):
        signature.check_time(claim, NOW + timedelta(hours=24, seconds=1))


BAD_HEADERS = [
    ("Credential=x", Why.INCOMPLETE),
    (f"Credential={KEY}/20130524/us-east-1/s3,SignedHeaders=host,Signature=0", Why.MALFORMED),
    (f"Credential={KEY}/20130525/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0", Why.MALFORMED),
    (f"Credential={KEY}/20130524/../s3/aws4_request,SignedHeaders=host,Signature=0", Why.MALFORMED),
    (f"Credential={SCOPE},SignedHeaders=x-amz-date,Signature=0", Why.MALFORMED),
]


@pytest.mark.parametrize(("authorization", "why"), BAD_HEADERS)
def test_claims_that_are_not_whole(authorization: str, why: Why) -> None:
    headers = Headers(GET_OBJECT.headers | {"authorization": f"AWS4-HMAC-SHA256 {authorization}"})
    request = replace(GET_OBJECT, headers=headers)
    with pytest.raises(Refusal) as refused:
        signature.claim_of(request)
    assert refused.value.why is why


@pytest.mark.parametrize(
    ("before", "after"),
    [("Expires=86400", "Expires=604801"), ("Expires=86400", "Expires=-1"), ("X-Amz-Date=2013", "X-Amz-Date=x")],
)
def test_presigned_urls_that_are_not_right(before: str, after: str) -> None:
    request = HttpRequest("GET", "/test.txt", PRESIGNED.query_string.replace(before, after), PRESIGNED.headers)
    with pytest.raises(Refusal) as refused:
        signature.claim_of(request)
    assert refused.value.why is Why.BAD_QUERY


def test_version_4a_is_refused_with_a_way_out() -> None:
    authorization = f"AWS4-ECDSA-P256-SHA256 Credential={KEY}/20130524/s3/aws4_request,SignedHeaders=host,Signature=0"
    request = replace(GET_OBJECT, headers=Headers(GET_OBJECT.headers | {"authorization": authorization}))
    with pytest.raises(Refusal, match="AWS_AUTH_SCHEME_PREFERENCE") as refused:
        signature.claim_of(request)
    assert refused.value.why is Why.UNSUPPORTED


def test_headers_that_s3_wants_signed() -> None:
    request = replace(GET_OBJECT, headers=Headers(GET_OBJECT.headers | {"x-amz-acl": "public-read"}))
    claim = signature.claim_of(request)
    assert claim is not None
    assert signature.unsigned_headers(request, claim) == ["x-amz-acl"]


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [("/a//b/../c", "/a/c"), ("/", "/"), ("/a%20b/", "/a%2520b/"), ("/x/./y", "/x/y")],
)
def test_paths_of_other_services_are_normalised_and_encoded_twice(raw: str, canonical: str) -> None:
    assert next(signature._canonical_paths(raw, "lambda")) == canonical


def test_dates_that_no_clock_shows_are_refused_and_break_nothing() -> None:
    for date in ("Fri, 01 Jan 0001 00:00:00 +2359", "99999999T999999Z", "Sat, 31 Dec 9999 23:59:59 -2359", "("):
        headers = Headers(GET_OBJECT.headers | {"x-amz-date": date})
        with pytest.raises(Refusal) as refused:
            signature.claim_of(replace(GET_OBJECT, headers=headers))
        assert refused.value.why in (Why.INCOMPLETE, Why.MALFORMED)


def test_a_presigned_url_of_the_last_day_there_is() -> None:
    claim = signature.claim_of(PRESIGNED)
    assert claim is not None
    with pytest.raises(Refusal, match="not yet valid"):
        signature.check_time(replace(claim, timestamp=datetime.max.replace(tzinfo=UTC)), NOW)
