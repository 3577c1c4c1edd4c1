"""Who is calling: finds the key that signed, verifies the signature over head and body, and lets nobody else in."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.gateway import signature, signature_v2
from boatyard.gateway.chunked import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkedSource,
    ChunkSigner,
    announced_trailers,
)
from boatyard.gateway.messages import HttpRequest
from boatyard.gateway.refusals import Refusal, Why
from boatyard.gateway.signature import Claim
from boatyard.gateway.streams import BytesSource, CheckedBody, Source, content_mismatch
from boatyard.identity import credentials
from boatyard.identity.credentials import Credential
from boatyard.identity.principals import Principal

_LONGEST_NUMBER = 18
_INVALID = "The security token included in the request is invalid."


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever signed a request, and the region that was signed for (None where the signature names none)."""

    principal: Principal
    region: str | None


def authenticate(installation: Installation, request: HttpRequest, service: str, signing_name: str) -> Caller:
    """The caller of an API request, its body checked or wrapped so that it is checked as it is read.

    Raises Refusal (who) or ApiError (what was tampered with). S3 requests without signature are anonymous.
    """
    if service == "s3":
        return _authenticate_s3(installation, request)
    caller, claim, credential = signed_caller(installation, request)
    if claim.service != signing_name:
        raise Refusal(Why.MALFORMED, f"Credential should be scoped to correct service: '{signing_name}'.")
    if unsigned := signature.unsigned_headers(request, claim):
        raise Refusal(
            Why.MALFORMED,
            " ".join(f"'{name[:100]}' must be a 'SignedHeader' in the AWS Authorization." for name in unsigned[:10]),
        )
    body = request.body if isinstance(request.body, bytes) else b""
    signature.verify(request, claim, credential.secret_access_key, hashlib.sha256(body).hexdigest())
    return caller


def check_head(installation: Installation, request: HttpRequest, service: str) -> None:
    """Raise the Refusal that the head alone calls for: no signature, a malformed or expired one, an unknown key.

    Nobody is let in by it: the signature itself is verified by `authenticate`, once the body is there.
    """
    if service != "s3" or signature.claim_of(request) is not None:
        signed_caller(installation, request)


def signed_caller(installation: Installation, request: HttpRequest) -> tuple[Caller, Claim, Credential]:
    """Claim and credential of a request that must be signed; its signature is still to be verified."""
    claim = signature.claim_of(request)
    if claim is None:
        raise Refusal(Why.MISSING, "Request is missing Authentication Token")
    credential = _credential(installation, claim.access_key_id, claim.token)
    signature.check_time(claim)
    region = installation.settings.region if claim.region == "aws-global" else claim.region
    return Caller(credential.principal, region), claim, credential


def _credential(installation: Installation, access_key_id: str, token: str | None) -> Credential:
    found = credentials.find(installation, access_key_id)
    if found is None:
        raise Refusal(Why.UNKNOWN_KEY, _INVALID, members={"AWSAccessKeyId": access_key_id[:128]})
    given, kept = (token or "").encode(), (found.session_token or "").encode()
    if not hmac.compare_digest(given, kept):
        raise Refusal(Why.BAD_TOKEN, _INVALID)
    if found.expired:
        raise Refusal(Why.EXPIRED_TOKEN, "The security token included in the request is expired")
    return found


def _authenticate_s3(installation: Installation, request: HttpRequest) -> Caller:
    old = signature_v2.claim_of(request)
    if old is not None:
        credential = _credential(installation, old.access_key_id, old.token)
        signature_v2.check_time(old)
        signature_v2.verify(request, old, credential.secret_access_key)
        _wrap(request, signature.UNSIGNED_PAYLOAD, None, "")
        return Caller(credential.principal, None)
    if signature.claim_of(request) is None:
        declared = request.headers.get("x-amz-content-sha256", signature.UNSIGNED_PAYLOAD)
        _wrap(request, declared if declared == UNSIGNED_TRAILER else signature.UNSIGNED_PAYLOAD, None, "")
        return Caller(Principal.anonymous(installation.settings.account_id), None)
    caller, claim, credential = signed_caller(installation, request)
    if claim.service != "s3":
        raise Refusal(
            Why.MALFORMED, 'The authorization header is malformed; incorrect service. This endpoint belongs to "s3".'
        )
    unsigned = signature.unsigned_headers(request, claim)
    if unsigned:
        raise Refusal(
            Why.UNSIGNED_HEADERS,
            "There were headers present in the request which were not signed",
            members={"HeadersNotSigned": ", ".join(sorted(unsigned))},
        )
    declared = signature.declared_payload(request, claim)
    signature.verify(request, claim, credential.secret_access_key, declared)
    _wrap(request, declared, claim, credential.secret_access_key)
    return caller


def _wrap(request: HttpRequest, declared: str, claim: Claim | None, secret: str) -> None:
    """Make the body one that is checked against what the signature says of it."""
    if declared in (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER):
        _wrap_chunked(request, declared, claim, secret)
        return
    if declared.startswith("STREAMING-"):
        raise Refusal(Why.UNSUPPORTED, f"boatyard does not read bodies in the form {declared[:80]}.")
    digest = None if declared == signature.UNSIGNED_PAYLOAD else declared
    if isinstance(request.body, bytes):
        computed = hashlib.sha256(request.body).hexdigest()
        if digest is not None and computed != digest:
            raise content_mismatch(digest, computed)
        return
    request.body = CheckedBody(request.body, request.content_length, sha256=digest)


def _wrap_chunked(request: HttpRequest, declared: str, claim: Claim | None, secret: str) -> None:
    headers = request.headers
    text = headers.get("x-amz-decoded-content-length", "")
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise ApiError("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)
    length = int(text)
    signer = ChunkSigner(claim, secret) if claim is not None and declared != UNSIGNED_TRAILER else None
    announced = announced_trailers(headers.get("x-amz-trailer", "")) if declared != SIGNED else frozenset()
    source: Source = BytesSource(request.body) if isinstance(request.body, bytes) else request.body
    decoded = ChunkedSource(source, length=length, signer=signer, announced=announced)
    body = CheckedBody(decoded, length)
    body.trailers = decoded.trailers
    request.body = body.read() if isinstance(request.body, bytes) else body
    _describe_decoded(request, length, announced)


def _describe_decoded(request: HttpRequest, length: int, announced: frozenset[str]) -> None:
    """What the operation sees of the head is the decoded body's: length and encoding."""
    headers: dict[str, Any] = request.headers
    headers["content-length"] = str(length)
    codings = [coding.strip() for coding in headers.get("content-encoding", "").split(",")]
    kept = [coding for coding in codings if coding and coding != "aws-chunked"]
    headers.pop("content-encoding", None)
    if kept:
        headers["content-encoding"] = ",".join(kept)
    for name in announced:
        # The operation learns of the algorithm even from clients that only announce the trailer.
        algorithm = name.removeprefix("x-amz-checksum-").upper()
        headers.setdefault("x-amz-sdk-checksum-algorithm", algorithm)
