"""What CloudWatch does while the server runs: evaluates alarms, and forgets what is old."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from boatyard.services.cloudwatch import records
from boatyard.services.cloudwatch.evaluation import evaluate_all

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

EVERY_SECONDS = 5.0
DAY_SECONDS = 24 * 3600.0
KEPT_SECONDS = 455 * DAY_SECONDS


def resume(installation: Installation) -> None:
    """Evaluates alarms every 5 seconds, and deletes old data points now and then once a day."""
    expire(installation)
    installation.workflows.every(EVERY_SECONDS, "alarms", lambda: evaluate_all(installation))
    installation.workflows.every(DAY_SECONDS, "metric retention", lambda: expire(installation))


def expire(installation: Installation) -> None:
    """Deletes the data points from more than 455 days ago."""
    with installation.database.transaction() as tx:
        records.expire(tx, time.time() - KEPT_SECONDS)
