"""What S3 does when the server starts, and when everything is emptied."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from boatyard.services.s3 import records
from boatyard.services.s3.lookup import AREA
from boatyard.state.database import DatabaseClosed

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

log = logging.getLogger(__name__)


def resume(installation: Installation) -> None:
    """Removes, in the background, files that a crash left between their writing and their record."""
    started = time.time()
    threading.Thread(target=sweep, args=(installation, started), name="s3 sweep", daemon=True).start()


def sweep(installation: Installation, before: float) -> int:
    """Removes the files from before that moment which no record names; how many there were."""

    def known(ids: list[str]) -> set[str]:
        with installation.database.reading() as rx:
            return records.known_blobs(rx, ids)

    try:
        removed = installation.blobs.area(AREA).sweep(known, before)
    except (DatabaseClosed, FileNotFoundError):
        log.debug("The sweep for orphaned files ended early because the server stops")
        return 0
    if removed:
        log.info("Removed %d files of unfinished uploads to S3", removed)
    return removed


def reset(installation: Installation) -> None:
    """Removes all files of objects; the records go with the database's."""
    installation.blobs.area(AREA).clear()
