"""What CodeBuild's unit tests share: an engine whose containers run the real agent as a process, a role, a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.containers.specification import Exit
from tests.unit.services.codebuild.agent_process import run_process
from tests.unit.services.sagemaker.fake_engine import FakeContainer, FakeEngine
from tests.unit.services.workloads import eventually, service_role


class BuildEngine(FakeEngine):
    """Runs the agent for every build; `instead` replaces it."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.environments = SimpleNamespace(store=directory)
        self.instead: Callable[[FakeContainer], int | Exit] | None = None
        self.programs["build"] = lambda container: (self.instead or run_in_place)(container)

    def environment(self, name: str) -> str:
        """The environments are there."""
        return name


def run_in_place(container: FakeContainer) -> int:
    """The agent, in a directory that looks as /codebuild does."""
    root = container.root("/codebuild/output").parent / "as-codebuild"
    root.mkdir(exist_ok=True)
    for name in ("output", "cache", "src"):
        (root / name).symlink_to(container.root(f"/codebuild/{name}"))
    plan = json.loads(container.root("/codebuild/plan.json").read_text())
    (root / "plan.json").write_text(json.dumps(plan | {"directory": str(container.root("/codebuild/src"))}))
    ended = run_process(root)
    for line in ended.stdout.splitlines():
        container.print(line)
    return ended.returncode


@pytest.fixture
def engine(started: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuildEngine:
    """The installation's engine."""
    fake = BuildEngine(tmp_path)
    # For good: a workflow that goes on when its test has ended would start a real engine.
    started._engine = cast(Any, fake)
    monkeypatch.setattr(FakeContainer, "kill", lambda container: container.stop(), raising=False)
    monkeypatch.setattr(
        "boatyard.services.codebuild.builds.container.build_settings", lambda *given: {"registries": []}
    )
    return fake


@pytest.fixture
def role(call: Call) -> str:
    """A role that CodeBuild may assume and that may do everything."""
    arn = service_role(call, "codebuild", "build")
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    call.invoke("iam", "AttachRolePolicy", RoleName="build", PolicyArn=policy)
    call.invoke("s3", "CreateBucket", Bucket="lab-builds")
    return arn


def project(call: Call, role: str, spec: str, **settings: Any) -> None:
    """A project `lab` without source that runs a buildspec."""
    request = {
        "name": "lab",
        "serviceRole": role,
        "source": {"type": "NO_SOURCE", "buildspec": spec},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        **settings,
    }
    call.invoke("codebuild", "CreateProject", **request)


def build(call: Call, **overrides: Any) -> dict[str, Any]:
    """A build of `lab`, run to its end."""
    started = call.invoke("codebuild", "StartBuild", projectName="lab", **overrides)["build"]
    return finished(call, started["id"])


def now_of(call: Call, identity: str) -> dict[str, Any]:
    """A build as it is now."""
    found: dict[str, Any] = call.invoke("codebuild", "BatchGetBuilds", ids=[identity])["builds"][0]
    return found


def finished(call: Call, identity: str) -> dict[str, Any]:
    """A build once it has ended."""
    eventually(lambda: now_of(call, identity)["buildComplete"])
    return now_of(call, identity)


def contexts(found: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """The phases with their status, and the code and message of their context."""
    return {
        each["phaseType"]: (each["phaseStatus"], each["contexts"][0]["statusCode"], each["contexts"][0]["message"])
        for each in found["phases"]
        if "contexts" in each
    }


def log_of(call: Call, found: dict[str, Any]) -> list[str]:
    """What a build has logged."""
    place = {"logGroupName": found["logs"]["groupName"], "logStreamName": found["logs"]["streamName"]}
    return [event["message"] for event in call.invoke("logs", "GetLogEvents", **place, startFromHead=True)["events"]]
