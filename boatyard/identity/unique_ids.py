"""IAM's unique ids and access key ids: a prefix that tells the kind, then base 32."""

from __future__ import annotations

import base64
import secrets

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

USER = "AIDA"
GROUP = "AGPA"
ROLE = "AROA"
POLICY = "ANPA"
INSTANCE_PROFILE = "AIPA"
SERVICE_SPECIFIC_CREDENTIAL = "ACCA"
ACCESS_KEY = "AKIA"
TEMPORARY = "ASIA"


def unique_id(prefix: str) -> str:
    """A new unique id of 21 characters, e.g. AROA and 17 more."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(17))


def access_key_id(prefix: str, account: str) -> str:
    """A new access key id of 20 characters which, as AWS's do, carries its account id."""
    number = bytearray(secrets.token_bytes(10))
    head = (1 << 47) | (int(account) << 7) | (number[5] & 0x7F)
    number[:6] = head.to_bytes(6, "big")
    return prefix + base64.b32encode(bytes(number)).decode()


def account_of(key_id: str) -> str | None:
    """The account id that an access key id carries (12 digits), or None where it carries none."""
    if len(key_id) != 20 or any(letter not in _ALPHABET for letter in key_id[4:]):
        return None
    head = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    account = (head & 0x7FFFFFFFFF80) >> 7
    return f"{account:012d}" if head >> 47 and account < 10**12 else None


def secret_access_key() -> str:
    """A new secret access key: 40 characters from 240 random bits."""
    return base64.b64encode(secrets.token_bytes(30)).decode()
