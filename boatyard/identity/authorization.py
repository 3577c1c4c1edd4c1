"""The one place where policies are enforced: every operation, from outside and from inside, is asked about here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boatyard.api.call import Call


def authorize(call: Call, service: str, operation: str, params: dict[str, Any]) -> None:
    """ApiError (AccessDenied, as the service words it) when the caller's policies do not let it.

    Does nothing while the setting `authorization` is "off", and for root, which no policy binds.
    """
    if call.installation.settings.authorization == "off" or call.principal.is_root:
        return
    from boatyard.identity.enforcement import enforce

    enforce(call, service, operation, params)
