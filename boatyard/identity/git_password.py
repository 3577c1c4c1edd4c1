"""The passwords of CodeCommit's git credential helpers: a timestamp and a Signature Version 4 of a `GIT` request.

Follows what `aws codecommit credential-helper` and git-remote-codecommit send: the user name is the access key, for
temporary credentials followed by `%` and the session token; the password is `YYYYMMDDTHHMMSSZ` and the hexadecimal
signature of the canonical request with method GIT, the repository's path, the host without port, and no payload.

Run as a program (`python git_password.py get`; the standard library is all it needs) it is a git credential helper of
its own: it signs with the keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and starts faster
than the AWS CLI's.
"""

import hashlib
import hmac
import os
import sys
from collections.abc import Iterable, Mapping
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


def answer(question: str, variables: Mapping[str, str]) -> str:
    """What a credential helper's `get` answers to git (git-credential(1)); empty without keys or a path to sign for."""
    asked = dict(line.split("=", 1) for line in question.splitlines() if "=" in line)
    key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret or "host" not in asked or "path" not in asked:
        return ""
    region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or "us-east-1"
    host = asked["host"].partition(":")[0]
    if host.startswith("git-codecommit."):
        region = host.split(".")[1]
    token = variables.get("AWS_SESSION_TOKEN")
    user = f"{key}%{token}" if token else key
    return f"username={user}\npassword={sign(secret, region, host, '/' + asked['path'])}\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["get"]:
        sys.stdout.write(answer(sys.stdin.read(), os.environ))
