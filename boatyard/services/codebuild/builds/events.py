"""The events of builds (AWS: "Build notifications input format reference")."""

from __future__ import annotations

from typing import Any

from boatyard.api.events import emit
from boatyard.api.installation import Installation
from boatyard.services.codebuild.records import Build, Phase
from boatyard.state.database import Transaction


def _emit(installation: Installation, tx: Transaction, build: Build, kind: str, detail: dict[str, Any]) -> None:
    emit(
        installation,
        tx,
        source="aws.codebuild",
        detail_type=kind,
        detail={"project-name": build.project, "build-id": build.arn, "version": "1"} | detail,
        account=build.account,
        region=build.region,
        resources=[build.arn],
    )


def state_changed(installation: Installation, tx: Transaction, build: Build) -> None:
    """CodeBuild Build State Change."""
    environment = build.settings.get("environment") or {}
    information = {
        "build-complete": build.ended is not None,
        "initiator": build.initiator,
        "build-number": build.number,
        "environment": {
            "image": environment.get("image", ""),
            "privileged-mode": bool(environment.get("privilegedMode")),
            "compute-type": environment.get("computeType", ""),
            "type": environment.get("type", "LINUX_CONTAINER"),
        },
        "source-version": build.source_version or "",
        "logs": {"group-name": build.group, "stream-name": build.stream},
    }
    detail = {"build-status": build.status, "current-phase": build.current, "additional-information": information}
    _emit(installation, tx, build, "CodeBuild Build State Change", detail)


def phase_changed(installation: Installation, tx: Transaction, build: Build, phase: Phase) -> None:
    """CodeBuild Build Phase Change."""
    detail = {
        "completed-phase": phase.type,
        "completed-phase-status": phase.status,
        "completed-phase-context": f"[: {phase.code} {phase.message}]",
    }
    _emit(installation, tx, build, "CodeBuild Build Phase Change", detail)
