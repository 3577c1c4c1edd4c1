"""The global condition keys of a request (IAM User Guide, "AWS global condition context keys")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boatyard.api.timestamps import iso, now
from boatyard.identity.principals import Kind, Principal
from boatyard.identity.records import ROLES, USERS

if TYPE_CHECKING:
    from boatyard.api.call import Call
    from boatyard.api.installation import Installation

Keys = dict[str, str | tuple[str, ...]]


def principal_context(installation: Installation, principal: Principal) -> Keys:
    """What the caller alone tells: who it is, its tags, its session, and the time."""
    moment = now()
    keys: Keys = {
        "aws:principalarn": principal.policy_arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": principal.kind.value,
        "aws:userid": principal.user_id,
        "aws:currenttime": iso(moment),
        "aws:epochtime": str(int(moment.timestamp())),
        "aws:principalisawsservice": "true" if principal.service else "false",
    }
    if principal.service:
        keys["aws:principalservicename"] = principal.service
        keys["aws:sourceaccount"] = principal.account
    if principal.kind is Kind.USER and principal.name:
        keys["aws:username"] = principal.name
    keys |= {f"aws:principaltag/{key.lower()}": value for key, value in _tags(installation, principal).items()}
    if principal.session:
        keys["aws:tokenissuetime"] = iso(principal.session.issued)
        if principal.session.source_identity:
            keys["aws:sourceidentity"] = principal.session.source_identity
    return keys


def _tags(installation: Installation, principal: Principal) -> dict[str, str]:
    name = principal.policy_arn.rpartition("/")[2].lower()
    if principal.kind is Kind.USER:
        with installation.database.reading() as rx:
            user = USERS.get(rx, principal.account, name)
        return user.tags if user else {}
    if principal.session is None:
        return {}
    with installation.database.reading() as rx:
        role = ROLES.get(rx, principal.account, name)
    return (role.tags if role else {}) | principal.session.tags


def call_context(call: Call) -> Keys:
    """What a call tells besides its caller: address, region, transport, and on whose behalf a service calls."""
    keys = principal_context(call.installation, call.principal)
    keys["aws:sourceip"] = call.source_ip
    keys["aws:requestedregion"] = call.region
    keys["aws:securetransport"] = "true" if call.secure else "false"
    if call.user_agent:
        keys["aws:useragent"] = call.user_agent
    if call.source_arn:
        keys["aws:sourcearn"] = call.source_arn
    session = call.principal.session
    if session is not None and session.service:
        keys["aws:viaawsservice"] = "false"
    return keys
