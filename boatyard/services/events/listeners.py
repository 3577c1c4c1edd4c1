"""EventBridge listens to every event of every service."""

from __future__ import annotations

from typing import Any

from boatyard.api.events import on_every_event
from boatyard.api.installation import Installation
from boatyard.services.events import deliveries
from boatyard.services.events.records import DEFAULT_BUS


@on_every_event
def match_rules(installation: Installation, event: dict[str, Any]) -> None:
    """Stores what the rules of the default bus want delivered."""
    with installation.database.reading() as rx:
        if not deliveries.matching(rx, event, DEFAULT_BUS):
            return
    with installation.database.transaction() as tx:
        deliveries.route(installation, tx, event, DEFAULT_BUS)
