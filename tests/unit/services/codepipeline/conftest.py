"""What CodePipeline's unit tests share: an installation whose other services are stand-ins, and pipelines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from boatyard.api import registry
from boatyard.api.call import Call, Params
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.identity.records import ROLES, Role
from boatyard.settings import Settings

Function = Callable[[Call, Params], dict[str, Any]]
LIMIT = 120.0
MOMENT = datetime(2024, 1, 2, tzinfo=UTC)

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Services:
    """Stand-ins for operations of other services, by service and operation; they also keep what was asked."""

    def __init__(self) -> None:
        self.functions: dict[tuple[str, str], Function] = {}
        self.calls: list[tuple[str, str, Params]] = []
        self.objects: dict[tuple[str, str], bytes] = {}

    def set(self, service: str, operation: str, function: Function) -> None:
        """Have the function do the operation."""

        def recorded(call: Call, params: Params) -> dict[str, Any]:
            self.calls.append((service, operation, params))
            return function(call, params)

        self.functions[service, operation] = recorded

    def asked(self, service: str, operation: str) -> list[Params]:
        """The parameters of every call of an operation."""
        return [params for found, name, params in self.calls if (found, name) == (service, operation)]


@pytest.fixture
def lambda_action_timeout_seconds() -> float:
    """How long a silent function is waited for; tests may say otherwise by parametrize."""
    return 1200.0


@pytest.fixture
def authorization() -> str:
    """Whether policies are enforced; tests may say otherwise by parametrize."""
    return "off"


@pytest.fixture
def settings(tmp_path: Path, lambda_action_timeout_seconds: float, authorization: Any) -> Settings:
    """Settings with a data directory that is this test's own."""
    return Settings(
        data_directory=tmp_path / "data",
        root_access_key_id="AKIAROOTROOTROOTROOT",
        root_secret_access_key="secret-of-the-root-user-in-tests-0000000",
        lambda_action_timeout_seconds=lambda_action_timeout_seconds,
        authorization=authorization,
    )


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    """The stand-ins: an S3 that holds one version of everything, a role that anybody may assume."""
    made = Services()
    real = registry.find
    monkeypatch.setattr(
        "boatyard.api.invoke.registry.find",
        lambda service, operation: made.functions.get((service, operation)) or real(service, operation),
    )
    made.set("s3", "GetBucketVersioning", lambda call, params: {"Status": "Enabled"})
    made.set(
        "s3",
        "HeadObject",
        lambda call, params: {
            "VersionId": params.get("VersionId", "v1"),
            "ETag": '"abc"',
            "LastModified": MOMENT,
        },
    )
    made.set("s3", "CopyObject", lambda call, params: {})
    return made


def make_role(installation: Installation, name: str, principal: dict[str, str]) -> str:
    """The ARN of a new role that trusts that principal."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    role = Role(
        account=installation.settings.account_id,
        name=name,
        path="/",
        folded=name.lower(),
        id=f"AROA{name.upper():A<17}",
        created=now(),
        inline={"all": json.dumps(EVERYTHING)},
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    with installation.database.transaction() as tx:
        ROLES.insert(tx, role)
    return role.arn


@pytest.fixture
def role(installation: Installation) -> str:
    """The ARN of a role that trusts CodePipeline."""
    return make_role(installation, "pipeline", {"Service": "codepipeline.amazonaws.com"})


@pytest.fixture
def pipelines(started: Installation, services: Services, role: str) -> Pipelines:
    """A client of CodePipeline over the stand-ins."""
    return Pipelines(started, role)


class Pipelines:
    """CodePipeline's operations, and waiting for what they set going."""

    def __init__(self, installation: Installation, role: str) -> None:
        self.installation = installation
        self.role = role
        self.call = installation.root_call()

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.call.invoke("codepipeline", operation, **params)

    def create(self, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Create the pipeline `line`: an S3 source, then the given stages."""
        return self("CreatePipeline", pipeline=declaration(self.role, *stages, **more))

    def update(self, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Update the same."""
        return self("UpdatePipeline", pipeline=declaration(self.role, *stages, **more))

    def executions(self) -> list[dict[str, Any]]:
        """All executions, oldest first."""
        found = self("ListPipelineExecutions", pipelineName="line")["pipelineExecutionSummaries"]
        return list(reversed(found))

    def wait_for(self, status: str, number: int = 0) -> dict[str, Any]:
        """The execution of that number once it has the status."""
        found: dict[str, Any] = until(
            lambda: next((item for item in self.executions()[number : number + 1] if item["status"] == status), None),
            self.actions,
        )
        return found

    def action(self, stage: str, name: str) -> dict[str, Any]:
        """The latest execution of an action, empty if there is none."""
        for found in self("GetPipelineState", name="line")["stageStates"]:
            for item in found["actionStates"]:
                if (found["stageName"], item["actionName"]) == (stage, name):
                    return dict(item.get("latestExecution", {}))
        raise AssertionError(f"no action {name} in {stage}")

    def stage(self, name: str) -> dict[str, Any]:
        """The state of a stage."""
        states = self("GetPipelineState", name="line")["stageStates"]
        return next(item for item in states if item["stageName"] == name)

    def actions(self) -> list[dict[str, Any]]:
        """Every action execution, newest first."""
        return list(self("ListActionExecutions", pipelineName="line")["actionExecutionDetails"])

    def decide(self, stage: str, name: str, status: str = "Approved", summary: str = "fine") -> None:
        """Answer an approval once it waits."""
        token = until(lambda: self.action(stage, name).get("token"))
        self(
            "PutApprovalResult",
            pipelineName="line",
            stageName=stage,
            actionName=name,
            result={"status": status, "summary": summary},
            token=token,
        )


def until(ready: Callable[[], Any], story: Callable[[], Any] = lambda: "") -> Any:
    """What ready() answers as soon as it is true; fails with the story after a generous limit."""
    deadline = time.monotonic() + LIMIT
    while not (answer := ready()):
        assert time.monotonic() < deadline, story()
        time.sleep(0.01)
    return answer


def declaration(role: str, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A pipeline `line` with an S3 source and the given stages."""
    source = action(
        "Fetch",
        "Source",
        "S3",
        {"S3Bucket": "sources", "S3ObjectKey": "code.zip"},
        outputArtifacts=[{"name": "Code"}],
        namespace="SourceVariables",
    )
    return {
        "name": "line",
        "roleArn": role,
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [{"name": "Source", "actions": [source]}, *stages],
        **more,
    }


def action(name: str, category: str, provider: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
    """An action's declaration."""
    identity = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": identity, "configuration": configuration, **more}


def approval(name: str = "Ask", stage: str = "Gate", **more: Any) -> dict[str, Any]:
    """A stage with one manual approval."""
    return {"name": stage, "actions": [action(name, "Approval", "Manual", {}, **more)]}
