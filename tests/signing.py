"""Signature Version 4 by hand, for requests that no client would make (IAM User Guide, "Create a signed request")."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from tests.server import REGION, ROOT_KEY, ROOT_SECRET

STAMP = "%Y%m%dT%H%M%SZ"
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Keys:
    """What signs: an access key, and the token of temporary credentials."""

    id: str = ROOT_KEY
    secret: str = ROOT_SECRET
    token: str | None = None


ROOT = Keys()


@dataclass(frozen=True)
class Scope:
    """What a signature is for: a service, a region and a moment."""

    service: str
    moment: datetime
    region: str = REGION

    @property
    def text(self) -> str:
        """The credential scope."""
        return f"{self.moment:%Y%m%d}/{self.region}/{self.service}/aws4_request"

    def signature(self, secret: str, text: str) -> str:
        """The signature of a string to sign."""
        key = _signing_key(secret, f"{self.moment:%Y%m%d}", self.region, self.service)
        return hmac.digest(key, text.encode("latin-1"), "sha256").hex()


@lru_cache(maxsize=64)
def _signing_key(secret: str, *parts: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (*parts, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def now() -> datetime:
    """This second."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Draft:
    """A request that can be signed and then changed. `target` is what the request line holds, in latin-1."""

    method: str
    target: str
    service: str
    headers: dict[str, str]
    body: bytes = b""
    after: tuple[tuple[str, str], ...] = ()
    """Headers that are added as they are when it is sent: the second of a pair."""

    def sign(
        self,
        keys: Keys = ROOT,
        *,
        moment: datetime | None = None,
        region: str = REGION,
        payload: str | None = None,
        leave_out: Iterable[str] = (),
    ) -> Draft:
        """This request with an Authorization header over all its headers but those left out."""
        scope = Scope(self.service, moment or now(), region)
        payload = payload if payload is not None else hashlib.sha256(self.body).hexdigest()
        self.headers["x-amz-date"] = f"{scope.moment.strftime(STAMP)}"
        if self.service == "s3":
            self.headers["x-amz-content-sha256"] = payload
        if keys.token is not None:
            self.headers["x-amz-security-token"] = keys.token
        names = sorted(set(self.headers) - {"authorization", *leave_out})
        path, _, query = self.target.partition("?")
        canonical = self._canonical(path, query, names, payload)
        signature = scope.signature(keys.secret, _to_sign(scope, canonical))
        self.headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys.id}/{scope.text}, SignedHeaders={';'.join(names)},"
            f" Signature={signature}"
        )
        return self

    def presign(
        self, keys: Keys = ROOT, *, moment: datetime | None = None, expires: str | None = "300", more: str = ""
    ) -> Draft:
        """This request with its signature in the query string; `more` is appended before signing."""
        scope = Scope(self.service, moment or now())
        names = sorted(self.headers)
        path, _, query = self.target.partition("?")
        fields = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{keys.id}/{scope.text}",
            "X-Amz-Date": scope.moment.strftime(STAMP),
            "X-Amz-SignedHeaders": ";".join(names),
        }
        fields |= {"X-Amz-Expires": expires} if expires is not None else {}
        fields |= {"X-Amz-Security-Token": keys.token} if keys.token is not None else {}
        added = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in fields.items())
        query = "&".join(part for part in (query, added, more) if part)
        payload = "UNSIGNED-PAYLOAD" if self.service == "s3" else hashlib.sha256(self.body).hexdigest()
        canonical = self._canonical(path, query, names, payload)
        signature = scope.signature(keys.secret, _to_sign(scope, canonical))
        self.target = f"{path}?{query}&X-Amz-Signature={signature}"
        return self

    def _canonical(self, path: str, query: str, names: list[str], payload: str) -> str:
        encoded = path if self.service == "s3" else quote(path.encode("latin-1"), safe="/-_.~")
        pairs = sorted(part.partition("=")[::2] for part in query.split("&") if part)
        arguments = "&".join(f"{name}={value}" for name, value in pairs)
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names)
        return f"{self.method}\n{encoded}\n{arguments}\n{headers}\n{';'.join(names)}\n{payload}"

    def to_bytes(self) -> bytes:
        """The request as it goes over the wire."""
        headers = [*self.headers.items(), *self.after]
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
            headers.append(("content-length", str(len(self.body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"{self.method} {self.target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + self.body


def _to_sign(scope: Scope, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    return f"AWS4-HMAC-SHA256\n{scope.moment.strftime(STAMP)}\n{scope.text}\n{digest}"


def signed_chunks(draft: Draft, pieces: list[bytes], secret: str = ROOT_SECRET) -> bytes:
    """An aws-chunked body whose chunks are signed one after the other, from the request's own signature on."""
    previous = draft.headers["authorization"].rpartition("=")[2]
    moment = datetime.strptime(draft.headers["x-amz-date"], STAMP).replace(tzinfo=UTC)
    scope = Scope(draft.service, moment)
    body = b""
    for piece in [*pieces, b""]:
        text = (
            f"AWS4-HMAC-SHA256-PAYLOAD\n{moment.strftime(STAMP)}\n{scope.text}\n{previous}\n{EMPTY}\n"
            f"{hashlib.sha256(piece).hexdigest()}"
        )
        previous = scope.signature(secret, text)
        body += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + b"\r\n"
    return body
