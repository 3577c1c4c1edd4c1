"""Signature Version 4: reads what a request claims, and verifies it (IAM User Guide, "Signing AWS API requests")."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from boatyard.api import timestamps
from boatyard.gateway.messages import HttpRequest
from boatyard.gateway.refusals import Refusal, Why

ALGORITHM = "AWS4-HMAC-SHA256"
ASYMMETRIC = "AWS4-ECDSA-P256-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
SKEW = timedelta(minutes=15)
LONGEST_PRESIGNED = 7 * 24 * 3600
_FORMAT = "%Y%m%dT%H%M%SZ"
_LONGEST_TIME = 100
_FIELDS = ("Credential", "Signature", "SignedHeaders")
_ONCE = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires", "Security-Token")
)
ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the"
    " Authorization header should be specified"
)
_SCOPE = re.compile(r"Credential=[^,/\s]+/\d+/[^/,\s]+/([^/,\s]+)/aws4_request")
_REGION = re.compile(r"[a-z]{2,6}(-[a-z]+){1,3}-\d{1,2}|aws-global")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLANKS = re.compile(r"[ \t\n\r\f\v]+")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signed request says of itself; nothing of it is believed before `verify`."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: datetime
    token: str | None
    expires: int | None = None
    """Seconds that a presigned URL lives; None for a signature in the headers."""

    @property
    def presigned(self) -> bool:
        """Whether the signature came in the query string."""
        return self.expires is not None

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def claim_of(request: HttpRequest) -> Claim | None:
    """The request's claim; None when it is not signed this way. Refusal where it is signed, but not rightly."""
    claim: Claim | None = request.claim
    if claim is None:
        claim = request.claim = _read_claim(request)
    return claim


def _read_claim(request: HttpRequest) -> Claim | None:
    authorization = request.headers.get("authorization", "")
    algorithm = authorization.split(" ", 1)[0]
    asked = request.query.get("X-Amz-Algorithm")
    if ASYMMETRIC in (algorithm, asked):
        raise Refusal(
            Why.UNSUPPORTED,
            f"boatyard does not verify Signature Version 4A ({ASYMMETRIC}). Sign with {ALGORITHM}: use a single-Region"
            " endpoint, or set AWS_AUTH_SCHEME_PREFERENCE=sigv4.",
        )
    if algorithm == ALGORITHM:
        if asked is not None:
            raise Refusal(Why.TWO_MECHANISMS, ONE_MECHANISM)
        return _from_header(request, authorization[len(ALGORITHM) :])
    if asked is not None:
        return _from_query(request, asked)
    return None


def scope_service(request: HttpRequest) -> str | None:
    """The service in the credential scope, for finding the service; whether it is right shows later."""
    text = request.headers.get("authorization")
    found = _SCOPE.search(text) if text else None
    if found:
        return found[1]
    parts = request.query.get("X-Amz-Credential", "").split("/")
    return parts[-2] if len(parts) >= 5 else None


def _from_header(request: HttpRequest, text: str) -> Claim:
    pairs = [part.strip().partition("=")[::2] for part in text.split(",")]
    fields = dict(pairs)
    missing = [name for name in _FIELDS if not fields.get(name)]
    if missing:
        raise Refusal(
            Why.INCOMPLETE,
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing),
        )
    if len(pairs) != len(_FIELDS):
        # Two Authorization headers come here as one, joined by a comma.
        raise Refusal(Why.INCOMPLETE, "Authorization header must hold each of its three parameters once, and no other.")
    timestamp = _header_time(request)
    return _claim(
        fields["Credential"],
        fields["SignedHeaders"],
        fields["Signature"],
        timestamp,
        request.headers.get("x-amz-security-token"),
        None,
    )


def _header_time(request: HttpRequest) -> datetime:
    stamp = request.headers.get("x-amz-date") or request.headers.get("date")
    if not stamp:
        text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise Refusal(Why.INCOMPLETE, text)
    moment = _time(stamp)
    if moment is None:
        raise Refusal(Why.INCOMPLETE, "Date must be in ISO-8601 'basic format'. Got '" + stamp[:40] + "'.")
    return moment


def _time(stamp: str) -> datetime | None:
    return _read_time(stamp) if len(stamp) <= _LONGEST_TIME else None


@lru_cache(maxsize=1024)
def _read_time(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(stamp).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _from_query(request: HttpRequest, algorithm: str) -> Claim:
    query = request.query
    names = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires")
    given = [name for name, _ in request.query_pairs if name in _ONCE]
    if len(given) != len(set(given)):
        raise Refusal(Why.BAD_QUERY, "Each parameter of query-string authentication may be given once.")
    # Only S3 insists on X-Amz-Expires; others take 15 minutes where it is not given.
    needed = names if scope_service(request) == "s3" else names[:4]
    if algorithm != ALGORITHM or any(not query.get(name) for name in needed):
        raise Refusal(
            Why.BAD_QUERY,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature,"
            " X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    timestamp = _time(query["X-Amz-Date"])
    if timestamp is None:
        raise Refusal(Why.BAD_QUERY, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    text = query.get("X-Amz-Expires", "900")
    if not (text.isascii() and text.isdigit()):
        raise Refusal(Why.BAD_QUERY, "X-Amz-Expires should be a number")
    expires = int(text[:12])
    if expires > LONGEST_PRESIGNED:
        raise Refusal(
            Why.BAD_QUERY,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given"
            " X-Amz-Expires must be less than 604800 seconds",
        )
    return _claim(
        query["X-Amz-Credential"],
        query["X-Amz-SignedHeaders"],
        query["X-Amz-Signature"],
        timestamp,
        query.get("X-Amz-Security-Token"),
        expires,
    )


def _claim(
    credential: str, signed: str, signature: str, timestamp: datetime, token: str | None, expires: int | None
) -> Claim:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise Refusal(
            Why.MALFORMED,
            "Credential must have exactly 5 slash-delimited elements, e.g."
            f" keyid/date/region/service/aws4_request, got '{credential[:200]}'",
        )
    key_id, date, region, service, _ = parts
    if not _REGION.fullmatch(region):
        raise Refusal(Why.MALFORMED, f"Credential should be scoped to a valid region. Got '{region[:60]}'.")
    if date != _written(timestamp)[:8]:
        raise Refusal(
            Why.MALFORMED,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
            f" '{date[:20]}' != '{timestamp:%Y%m%d}'.",
        )
    headers = tuple(name.lower() for name in signed.split(";"))
    if "host" not in headers:
        raise Refusal(Why.MALFORMED, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    return Claim(key_id, date, region, service, headers, signature, timestamp, token, expires)


def check_time(claim: Claim, now: datetime | None = None) -> None:
    """Refusal when the request is too old, or from the future."""
    now = now or timestamps.now()
    stamp, shown = claim.timestamp, now.strftime(_FORMAT)
    if claim.expires is not None:
        if stamp - now > SKEW:
            raise Refusal(Why.PRESIGNED_EXPIRED, "Request is not yet valid")
        if now > stamp + timedelta(seconds=claim.expires):
            raise Refusal(
                Why.PRESIGNED_EXPIRED,
                "Request has expired",
                members={
                    "X-Amz-Expires": str(claim.expires),
                    "Expires": (stamp + timedelta(seconds=claim.expires)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "ServerTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                },
            )
        return
    if now - stamp > SKEW:
        limit = (now - SKEW).strftime(_FORMAT)
        text = f"Signature expired: {stamp:%Y%m%dT%H%M%SZ} is now earlier than {limit} ({shown} - 15 min.)"
        raise Refusal(Why.SKEWED, text, members=_skew_members(stamp, now))
    if stamp - now > SKEW:
        limit = (now + SKEW).strftime(_FORMAT)
        text = f"Signature not yet current: {stamp:%Y%m%dT%H%M%SZ} is still later than {limit} ({shown} + 15 min.)"
        raise Refusal(Why.SKEWED, text, members=_skew_members(stamp, now))


def _skew_members(stamp: datetime, now: datetime) -> dict[str, str]:
    return {
        "RequestTime": stamp.strftime(_FORMAT),
        "ServerTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "MaxAllowedSkewMilliseconds": "900000",
    }


@lru_cache(maxsize=1024)
def _written(moment: datetime) -> str:
    """A moment as signatures have it: many requests carry the same, and the same presigned URL comes often."""
    return moment.strftime(_FORMAT)


@lru_cache(maxsize=256)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that signs for a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(claim: Claim, secret: str, text: str) -> str:
    """The signature of a string to sign, in hexadecimal."""
    key = signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.digest(key, text.encode(), "sha256").hex()


def verify(request: HttpRequest, claim: Claim, secret: str, payload_hash: str) -> None:
    """Refusal unless the signature is this secret's over this request; compared in constant time."""
    canonical = ""
    given = claim.signature.encode()
    for canonical in _canonical_requests(request, claim, payload_hash):
        if hmac.compare_digest(sign(claim, secret, string_to_sign(claim, canonical)).encode(), given):
            return
    raise Refusal(
        Why.MISMATCH,
        "The request signature we calculated does not match the signature you provided."
        " Check your key and signing method.",
        members={"AWSAccessKeyId": claim.access_key_id, "SignatureProvided": claim.signature[:128]},
        canonical=canonical,
    )


def string_to_sign(claim: Claim, canonical: str) -> str:
    """The string to sign of a canonical request."""
    digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    return f"{ALGORITHM}\n{_written(claim.timestamp)}\n{claim.scope}\n{digest}"


def _canonical_requests(request: HttpRequest, claim: Claim, payload_hash: str) -> Iterator[str]:
    """The canonical request; where clients differ in how they encode what they send, each reading in turn."""
    headers = "".join(f"{name}:{trimmed(request.headers.get(name, ''))}\n" for name in claim.signed_headers)
    names = ";".join(claim.signed_headers)
    ending = f"\n{headers}\n{names}\n{payload_hash}"
    # The first reading is nearly always the right one: the others are worked out when it is not.
    tried = set()
    for path in _canonical_paths(request.raw_path, claim.service):
        for query in _canonical_queries(request.query_string, claim.presigned):
            if (path, query) not in tried:
                tried.add((path, query))
                yield f"{request.method}\n{path}\n{query}{ending}"


def trimmed(value: str) -> str:
    """A header's value as it is signed: no blanks at its ends, one where there are several."""
    # The blanks of ASCII only: in text beyond it, which is UTF-8 here, bytes such as 0xA0 are parts of characters.
    return _BLANKS.sub(" ", value).strip(" ") if _BLANKS.search(value) else value


def _encode(raw: bytes, safe: str = "-_.~") -> str:
    return quote(raw, safe=safe)


def _decoded(text: str) -> bytes:
    """The bytes that a part of the request's target stands for; what came unencoded came as these bytes."""
    return unquote_to_bytes(text.encode("latin-1"))


def _canonical_paths(raw: str, service: str) -> Iterator[str]:
    if service == "s3":
        yield raw
        yield _encode(_decoded(raw), "/-_.~")
        return
    if raw == "/":
        yield raw
        return
    segments: list[str] = []
    for segment in raw.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    ending = "/" if segments and raw.endswith("/") else ""
    yield _encode(("/" + "/".join(segments) + ending).encode("latin-1"), "/-_.~")
    yield _encode(raw.encode("latin-1"), "/-_.~")


def _canonical_queries(query_string: str, presigned: bool) -> Iterator[str]:
    pairs = [part.partition("=")[::2] for part in query_string.split("&") if part]
    if presigned:
        pairs = [(name, value) for name, value in pairs if name != "X-Amz-Signature"]
    yield "&".join(f"{name}={value}" for name, value in sorted(pairs))
    for decode_plus in (False, True):
        decoded = (
            tuple(_encode(_decoded(text.replace("+", " ") if decode_plus else text)) for text in pair) for pair in pairs
        )
        yield "&".join(f"{name}={value}" for name, value in sorted(decoded))


def unsigned_headers(request: HttpRequest, claim: Claim) -> list[str]:
    """The x-amz- headers that the signature leaves out, which AWS does not allow.

    Services other than S3 take a session token that was added after signing: it is checked by itself.
    """
    signed = set(claim.signed_headers)
    if claim.service != "s3":
        signed.add("x-amz-security-token")
    return [name for name in request.headers if name.startswith("x-amz-") and name not in signed]


def declared_payload(request: HttpRequest, claim: Claim) -> str:
    """The payload hash that an S3 request declares: a SHA-256, UNSIGNED-PAYLOAD or a STREAMING- name."""
    declared = request.headers.get("x-amz-content-sha256")
    if claim.presigned:
        declared = declared or request.query.get("X-Amz-Content-Sha256") or UNSIGNED_PAYLOAD
    if declared is None:
        raise Refusal(Why.NO_PAYLOAD_HASH, "Missing required header for this request: x-amz-content-sha256")
    if not (declared == UNSIGNED_PAYLOAD or declared.startswith("STREAMING-") or _SHA256.fullmatch(declared)):
        raise Refusal(
            Why.BAD_PAYLOAD_HASH,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER,"
            " STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        )
    return declared
