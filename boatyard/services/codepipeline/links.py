"""Where a person finds out more: addresses in boatyard's console for what an action has started."""

from __future__ import annotations

from urllib.parse import quote

from boatyard.api.installation import Installation


def console(installation: Installation, *path: str) -> str:
    """An address in the console; every part is one path segment."""
    return "/".join([f"{installation.gateway_url}/_boatyard/console", *(quote(part, safe="") for part in path)])
