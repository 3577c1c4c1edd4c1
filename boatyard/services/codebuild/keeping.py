"""What CodeBuild has on disk: what of it is needed, and what becomes of builds that were under way elsewhere."""

from __future__ import annotations

import msgspec

from boatyard.api.timestamps import now
from boatyard.services.codebuild.records import BUILDS
from boatyard.state.database import Transaction
from boatyard.workflows.records import forget_steps


def moved(tx: Transaction) -> None:
    """After an import: builds that were under way begin again, for their containers are on another machine."""
    for build in BUILDS.select(tx):
        if build.ended is None and all(phase.type != "FINALIZING" for phase in build.phases):
            forget_steps(tx, f"codebuild.build/{build.arn}")
            BUILDS.put(tx, msgspec.structs.replace(build, started=now(), phases=build.phases[:1], current="QUEUED"))
