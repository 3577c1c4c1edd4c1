"""What CloudWatch Logs does while the server runs: old events go once an hour."""

from __future__ import annotations

from boatyard.api.installation import Installation
from boatyard.api.timestamps import milliseconds
from boatyard.services.logs.records import GROUPS, delete_events

HOUR_SECONDS = 3600
DAY_MILLISECONDS = 24 * 3600 * 1000


def resume(installation: Installation) -> None:
    """Carry out retention now and then every hour."""
    expire_events(installation)
    installation.workflows.every(HOUR_SECONDS, "log retention", lambda: expire_events(installation))


def expire_events(installation: Installation) -> int:
    """Delete the events that are older than their group keeps them; how many there were."""
    with installation.database.reading() as rx:
        groups = GROUPS.select(rx)
    deleted = 0
    for group in groups:
        days = installation.settings.retention_logs_days if group.retention_days is None else group.retention_days
        if days is None:
            continue
        before = milliseconds() - int(days * DAY_MILLISECONDS)
        with installation.database.transaction() as tx:
            deleted += delete_events(tx, group.id, before=before)
    return deleted
