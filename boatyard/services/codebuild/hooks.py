"""What CodeBuild does when everything is emptied."""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from pathlib import Path

from boatyard.api.installation import Installation
from boatyard.containers.errors import EngineError
from boatyard.containers.foreign_files import remove_tree
from boatyard.services.codebuild.builds import container
from boatyard.services.codebuild.builds.slots import slots_of
from boatyard.services.codebuild.records import BUILDS, Build

log = logging.getLogger(__name__)


def reset(installation: Installation) -> None:
    """Remove the containers of builds in the background, and all that builds keep on disk."""
    with installation.database.reading() as rx:
        builds = BUILDS.select(rx)
    if not builds:
        return
    # Moved at once, so that what comes after the reset is not removed with it.
    kept = installation.data_directory / "codebuild"
    removed = installation.data_directory / f"codebuild-removed-{uuid.uuid4().hex}"
    with contextlib.suppress(FileNotFoundError):
        kept.rename(removed)
    slots_of(installation).clear()
    running = [build for build in builds if build.ended is None]
    threading.Thread(target=_clear, args=(installation, running, removed), name="codebuild reset", daemon=True).start()


def _clear(installation: Installation, running: list[Build], removed: Path) -> None:
    for build in running:
        try:
            container.remove(installation, build)
        except EngineError as error:
            log.warning("The container of the build %s could not be removed: %s", build.id, error)
    remove_tree(removed)
