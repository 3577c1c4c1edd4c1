"""What IAM does when the server is emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boatyard.identity import workloads

if TYPE_CHECKING:
    from boatyard.api.installation import Installation


def reset(installation: Installation) -> None:
    """Forget the credentials that were given to containers."""
    workloads.forget(installation)
