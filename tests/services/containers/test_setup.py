"""`boatyard setup` where everything is there, and what `boatyard doctor` finds then."""

from __future__ import annotations

from pathlib import Path

from boatyard.containers.doctor import examine
from boatyard.containers.engine import Engine
from boatyard.containers.environments import ENVIRONMENTS
from boatyard.containers.setup import setup
from boatyard.settings import Settings


def test_setup_again_builds_nothing_and_doctor_is_content(tmp_path: Path) -> None:
    shared = Settings().environments_directory.absolute()
    settings = Settings(data_directory=tmp_path / "data", environments_directory=shared)
    try:
        lines = list(setup(settings))
        assert lines[-1] == f"environments: ready in {shared}"
        assert not [line for line in lines if "building" in line]
        findings = list(examine(settings))
        assert [finding for finding in findings if finding.level == "problem"] == []
        assert {f"environment {name}" for name in ENVIRONMENTS} <= {finding.subject for finding in findings}
        assert findings[-1].subject == "trial container"
    finally:
        Engine.from_settings(settings).destroy()
