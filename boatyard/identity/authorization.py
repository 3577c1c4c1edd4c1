"""The one place where policies are enforced: every operation, from outside and from inside, is asked about here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boatyard.identity.principals import Kind

if TYPE_CHECKING:
    from boatyard.api.call import Call


def authorize(call: Call, service: str, operation: str, params: dict[str, Any]) -> None:
    """ApiError (AccessDenied, as the service words it) when the caller's policies do not let it.

    Does nothing for root, which no policy binds, and while the setting `authorization` is "off": but who has signed
    nothing never gets more than a resource's policy gives to everybody.
    """
    if call.principal.is_root:
        return
    if call.installation.settings.authorization == "off" and call.principal.kind is not Kind.ANONYMOUS:
        return
    from boatyard.identity.enforcement import enforce

    enforce(call, service, operation, params)
