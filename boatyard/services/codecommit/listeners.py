"""CodeCommit's own listener: changes of references fire the repository's triggers."""

from typing import TYPE_CHECKING, Any

from boatyard.api.events import on_event
from boatyard.services.codecommit.references import DETAIL_TYPE
from boatyard.services.codecommit.triggers import fire

if TYPE_CHECKING:
    from boatyard.api.installation import Installation


@on_event("aws.codecommit", DETAIL_TYPE)
def fire_triggers(installation: "Installation", event: dict[str, Any]) -> None:
    """Tell the triggers of the repository that changed."""
    fire(installation, event["detail"], event["account"], event["region"])
