"""When deliveries begin and end: with the server."""

from __future__ import annotations

from boatyard.api.installation import Installation
from boatyard.services.events import deliveries


def resume(installation: Installation) -> None:
    """Begin to deliver and to look at the clock."""
    deliveries.start(installation)


def close(installation: Installation) -> None:
    """End with the server."""
    deliveries.stop(installation)
