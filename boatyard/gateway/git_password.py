"""The passwords of CodeCommit's git credential helpers: a timestamp and a Signature Version 4 of a `GIT` request.

Follows what `aws codecommit credential-helper` and git-remote-codecommit send: the user name is the access key, for
temporary credentials followed by `%` and the session token; the password is `YYYYMMDDTHHMMSSZ` and the hexadecimal
signature of the canonical request with method GIT, the repository's path, the host without port, and no payload.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SERVICE = "codecommit"
LIFETIME = timedelta(minutes=15)
_STAMP = "%Y%m%dT%H%M%S"
_STAMP_LENGTH = 15


@dataclass(frozen=True)
class GitUser:
    """The two parts of a git user name."""

    access_key: str
    session_token: str | None


def split_user(username: str) -> GitUser:
    """ACCESSKEY or ACCESSKEY%SESSIONTOKEN."""
    access_key, separator, token = username.partition("%")
    return GitUser(access_key, token if separator else None)


def sign(secret_key: str, region: str, host: str, path: str, moment: datetime | None = None) -> str:
    """The password for one repository path on one host (without port), valid from `moment` for 15 minutes."""
    stamp = (moment or datetime.now(UTC)).strftime(_STAMP)
    return f"{stamp}Z{_signature(secret_key, region, host, path, stamp)}"


def verify(
    password: str,
    secret_key: str,
    path: str,
    hosts: Iterable[str],
    regions: Iterable[str],
    moment: datetime | None = None,
) -> str | None:
    """The region for which `password` was signed with `secret_key`, for any of the hosts; None: wrong or outdated."""
    stamp, signature = password[:_STAMP_LENGTH], password[_STAMP_LENGTH + 1 :]
    if password[_STAMP_LENGTH : _STAMP_LENGTH + 1] != "Z":
        return None
    try:
        signed = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    if abs((moment or datetime.now(UTC)) - signed) > LIFETIME:
        return None
    names = list(hosts)
    for region in regions:
        for host in (*names, f"git-codecommit.{region}.amazonaws.com"):
            expected = _signature(secret_key, region, host, path, stamp)
            if hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
                return region
    return None


def _signature(secret_key: str, region: str, host: str, path: str, stamp: str) -> str:
    canonical = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    # The helpers put the timestamp without its Z into the string to sign.
    scope = f"{stamp[:8]}/{region}/{SERVICE}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in (stamp[:8], region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
