"""Why a caller was not let in, and how each family of services words it (each service's "Common Errors" page)."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from boatyard.api.errors import ApiError


class Why(Enum):
    """The reasons for which a request is turned away before it is looked at."""

    MISSING = auto()
    INCOMPLETE = auto()
    MALFORMED = auto()
    BAD_QUERY = auto()
    TWO_MECHANISMS = auto()
    UNSUPPORTED = auto()
    UNKNOWN_KEY = auto()
    BAD_TOKEN = auto()
    EXPIRED_TOKEN = auto()
    SKEWED = auto()
    PRESIGNED_EXPIRED = auto()
    MISMATCH = auto()
    UNSIGNED_HEADERS = auto()
    NO_PAYLOAD_HASH = auto()
    BAD_PAYLOAD_HASH = auto()


class Refusal(Exception):
    """A request turned away. `canonical` is what the signature was checked against, for S3's error body."""

    def __init__(
        self, why: Why, message: str, *, members: dict[str, str] | None = None, canonical: str | None = None
    ) -> None:
        super().__init__(message)
        self.why = why
        self.message = message
        self.members = members or {}
        self.canonical = canonical


_S3 = {
    Why.MISSING: ("AccessDenied", 403),
    Why.INCOMPLETE: ("AuthorizationHeaderMalformed", 400),
    Why.MALFORMED: ("AuthorizationHeaderMalformed", 400),
    Why.BAD_QUERY: ("AuthorizationQueryParametersError", 400),
    Why.TWO_MECHANISMS: ("InvalidArgument", 400),
    Why.UNSUPPORTED: ("InvalidRequest", 400),
    Why.UNKNOWN_KEY: ("InvalidAccessKeyId", 403),
    Why.BAD_TOKEN: ("InvalidToken", 400),
    Why.EXPIRED_TOKEN: ("ExpiredToken", 400),
    Why.SKEWED: ("RequestTimeTooSkewed", 403),
    Why.PRESIGNED_EXPIRED: ("AccessDenied", 403),
    Why.MISMATCH: ("SignatureDoesNotMatch", 403),
    Why.UNSIGNED_HEADERS: ("AccessDenied", 403),
    Why.NO_PAYLOAD_HASH: ("InvalidRequest", 400),
    Why.BAD_PAYLOAD_HASH: ("InvalidArgument", 400),
}
_QUERY = {
    Why.MISSING: ("MissingAuthenticationToken", 403),
    Why.INCOMPLETE: ("IncompleteSignature", 400),
    Why.MALFORMED: ("SignatureDoesNotMatch", 403),
    Why.BAD_QUERY: ("IncompleteSignature", 400),
    Why.UNSUPPORTED: ("IncompleteSignature", 400),
    Why.UNKNOWN_KEY: ("InvalidClientTokenId", 403),
    Why.BAD_TOKEN: ("InvalidClientTokenId", 403),
    Why.EXPIRED_TOKEN: ("ExpiredToken", 403),
    Why.SKEWED: ("SignatureDoesNotMatch", 403),
    Why.PRESIGNED_EXPIRED: ("SignatureDoesNotMatch", 403),
    Why.MISMATCH: ("SignatureDoesNotMatch", 403),
}
_JSON = {
    Why.MISSING: "MissingAuthenticationTokenException",
    Why.INCOMPLETE: "IncompleteSignatureException",
    Why.MALFORMED: "InvalidSignatureException",
    Why.BAD_QUERY: "IncompleteSignatureException",
    Why.UNSUPPORTED: "IncompleteSignatureException",
    Why.UNKNOWN_KEY: "UnrecognizedClientException",
    Why.BAD_TOKEN: "UnrecognizedClientException",
    Why.EXPIRED_TOKEN: "ExpiredTokenException",
    Why.SKEWED: "InvalidSignatureException",
    Why.PRESIGNED_EXPIRED: "InvalidSignatureException",
    Why.MISMATCH: "InvalidSignatureException",
}
_S3_MESSAGES = {
    Why.MISSING: "Access Denied",
    Why.UNKNOWN_KEY: "The AWS Access Key Id you provided does not exist in our records.",
    Why.BAD_TOKEN: "The provided token is malformed or otherwise invalid.",
    Why.EXPIRED_TOKEN: "The provided token has expired.",
    Why.SKEWED: "The difference between the request time and the current time is too large.",
}


def to_error(refusal: Refusal, protocol: str) -> ApiError:
    """The error by which a service of this protocol turns the request away."""
    why = refusal.why
    if protocol == "rest-xml":
        code, status = _S3[why]
        members: dict[str, Any] = dict(refusal.members)
        if refusal.canonical is not None:
            members["CanonicalRequest"] = refusal.canonical
        return ApiError(code, _S3_MESSAGES.get(why, refusal.message), status=status, **members)
    if protocol == "query":
        code, status = _QUERY.get(why, ("IncompleteSignature", 400))
        return ApiError(code, refusal.message, status=status)
    # REST services answer 403 where the JSON services answer 400.
    status = 403 if protocol == "rest-json" else 400
    return ApiError(_JSON.get(why, "IncompleteSignatureException"), refusal.message, status=status)
