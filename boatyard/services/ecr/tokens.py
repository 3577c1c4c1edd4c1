"""Registry passwords: sealed, so that they hold who asked for them and until when without being stored."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidTag

from boatyard.api.call import Call
from boatyard.api.timestamps import now
from boatyard.identity.principals import Principal
from boatyard.identity.sealing import seal, unseal

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

USER = "AWS"
LIFETIME = timedelta(hours=12)
URL_LIFETIME = timedelta(hours=1)


class Token(msgspec.Struct, kw_only=True, frozen=True):
    """What a password says; `resource` limits it to one path (a download address)."""

    principal: Principal
    region: str
    expires: datetime
    resource: str | None = None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires <= now()


def issue(call: Call) -> tuple[str, datetime]:
    """A password for the registry, and when it ends: in 12 hours, as AWS has it."""
    expires = now() + LIFETIME
    return _sealed(call, Token(principal=call.principal, region=call.region, expires=expires)), expires


def issue_for(call: Call, resource: str) -> str:
    """A password for one path, good for an hour."""
    token = Token(principal=call.principal, region=call.region, expires=now() + URL_LIFETIME, resource=resource)
    return _sealed(call, token)


def read(installation: "Installation", password: str) -> Token | None:
    """What a password says; None when this installation did not make it."""
    try:
        sealed = base64.urlsafe_b64decode(password.encode())
        return msgspec.json.decode(unseal(installation.data_directory, sealed, "ecr"), type=Token)
    except (InvalidTag, binascii.Error, ValueError, msgspec.DecodeError):
        return None


def _sealed(call: Call, token: Token) -> str:
    content = msgspec.json.encode(token)
    return base64.urlsafe_b64encode(seal(call.installation.data_directory, content, "ecr")).decode()
