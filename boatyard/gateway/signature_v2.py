"""Signature Version 2 in S3's presigned URLs (S3 API Reference, "Authenticating requests: Signature Version 2")."""

from __future__ import annotations

import base64
import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from boatyard.gateway.messages import HttpRequest
from boatyard.gateway.refusals import Refusal, Why
from boatyard.gateway.signature import trimmed

_SUBRESOURCES = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "delete",
        "defaultObjectAcl",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)


@dataclass(frozen=True, slots=True)
class ClaimV2:
    """What an old presigned URL says of itself; `expires` is in seconds since 1970."""

    access_key_id: str
    signature: str
    expires: int
    token: str | None
    region: str | None = None


def claim_of(request: HttpRequest) -> ClaimV2 | None:
    """The claim of a presigned URL of version 2, None when it is none. Refusal for version 2 in the header."""
    if request.headers.get("authorization", "").startswith("AWS "):
        raise Refusal(
            Why.UNSUPPORTED,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        )
    query = request.query
    if "AWSAccessKeyId" not in query or "Signature" not in query:
        return None
    expires = query.get("Expires", "")
    if not (expires.isascii() and expires.isdigit()):
        raise Refusal(Why.PRESIGNED_EXPIRED, "Query-string authentication requires a numeric Expires parameter")
    token = query.get("x-amz-security-token")
    return ClaimV2(query["AWSAccessKeyId"], query["Signature"], int(expires[:12]), token)


def check_time(claim: ClaimV2, now: float | None = None) -> None:
    """Refusal when the URL has expired."""
    moment = time.time() if now is None else now
    if moment > claim.expires:
        raise Refusal(
            Why.PRESIGNED_EXPIRED,
            "Request has expired",
            members={
                "Expires": datetime.fromtimestamp(claim.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "ServerTime": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )


def verify(request: HttpRequest, claim: ClaimV2, secret: str) -> None:
    """Refusal unless the signature is this secret's over this request; compared in constant time."""
    given = claim.signature.encode("latin-1", "replace")
    text = string_to_sign(request, claim)
    texts = [text]
    if request.path.count("/") == 1 and request.path != "/":
        # Of a bucket alone clients sign the path with a slash at its end, whether they send it or not.
        texts.append(string_to_sign(request, claim, f"{request.path}/"))
    if not any(hmac.compare_digest(_signature(secret, each), given) for each in texts):
        raise Refusal(
            Why.MISMATCH,
            "The request signature we calculated does not match the signature you provided."
            " Check your key and signing method.",
            members={"AWSAccessKeyId": claim.access_key_id, "StringToSign": text},
        )


def _signature(secret: str, text: str) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode("latin-1"), "sha1"))


def _as_sent(text: str) -> str:
    """A decoded part of the query string as its UTF-8 bytes, each a character: what heads are made of too."""
    return text.encode().decode("latin-1")


def string_to_sign(request: HttpRequest, claim: ClaimV2, resource: str | None = None) -> str:
    """Method, Content-MD5, Content-Type, Expires, the x-amz- headers, and the resource with its subresources."""
    query = request.query
    amz = {name: value for name, value in request.headers.items() if name.startswith("x-amz-")}
    amz |= {
        _as_sent(name.lower()): _as_sent(value)
        for name, value in request.query_pairs
        if name.lower().startswith("x-amz-")
    }
    lines = [
        request.method,
        request.headers.get("content-md5") or _as_sent(query.get("content-md5", "")),
        request.headers.get("content-type") or _as_sent(query.get("content-type", "")),
        str(claim.expires),
        *(f"{name}:{trimmed(value)}" for name, value in sorted(amz.items())),
    ]
    # The resource always has the bucket, for virtual-host-style requests too: `path` holds it then.
    resource = resource or request.path
    chosen = sorted(pair for pair in request.query_pairs if pair[0] in _SUBRESOURCES)
    flat = [f"{name}={_as_sent(value)}" if value else name for name, value in chosen]
    return "\n".join([*lines, resource + (f"?{'&'.join(flat)}" if flat else "")])
