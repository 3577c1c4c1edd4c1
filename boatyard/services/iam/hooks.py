"""What IAM does when the server is emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boatyard.identity import workloads
from boatyard.identity.recorded_use import recorded_use

if TYPE_CHECKING:
    from boatyard.api.installation import Installation


def reset(installation: Installation) -> None:
    """Forget the credentials that were given to containers, and what principals used."""
    workloads.forget(installation)
    recorded_use(installation).forget()
