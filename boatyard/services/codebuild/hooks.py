"""What CodeBuild does when everything is emptied."""

from __future__ import annotations

import logging
import shutil
import threading

from boatyard.api.installation import Installation
from boatyard.containers.errors import EngineError
from boatyard.services.codebuild.records import BUILDS

log = logging.getLogger(__name__)


def reset(installation: Installation) -> None:
    """Remove the containers of builds in the background, and all that builds keep on disk."""
    with installation.database.reading() as rx:
        if BUILDS.count(rx) == 0:
            return
    threading.Thread(target=_clear, args=(installation,), name="codebuild reset", daemon=True).start()


def _clear(installation: Installation) -> None:
    try:
        for container in installation.engine.containers({"boatyard.service": "codebuild"}):
            container.remove()
    except EngineError as error:
        log.warning("Build containers could not be removed: %s", error)
    shutil.rmtree(installation.data_directory / "codebuild", ignore_errors=True)
