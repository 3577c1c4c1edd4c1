"""What ECR does besides answering: uploads that end, layers nobody needs, policies that expire images."""

from typing import TYPE_CHECKING

from boatyard.services.ecr.layers.store import collect
from boatyard.services.ecr.layers.uploads import uploads
from boatyard.services.ecr.lifecycle.operations import carry_out
from boatyard.services.ecr.records import CONTENTS
from boatyard.state.database import Reader

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

HOUR = 3600.0


def resume(installation: "Installation") -> None:
    """Begin the hourly work."""

    def work() -> None:
        uploads(installation).expire()
        carry_out(installation)
        collect(installation)

    installation.workflows.every(HOUR, "ecr.expiry", work)


def known_blobs(rx: Reader) -> set[str]:
    """The files that layers are in."""
    return {content.blob for content in CONTENTS.select(rx)}


def reset(installation: "Installation") -> None:
    """Throw away the uploads under way, and every blob."""
    uploads(installation).close()
    _delete_blobs(installation)


def close(installation: "Installation") -> None:
    """Throw away the uploads under way."""
    uploads(installation).close()


def _delete_blobs(installation: "Installation") -> None:
    with installation.database.reading() as rx:
        contents = CONTENTS.select(rx)
    for content in contents:
        installation.blobs.delete(content.blob)
