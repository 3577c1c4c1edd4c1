"""What tests of pipelines with real clients share: waiting, roles, declarations."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

Client = Callable[..., Any]
LIMIT = 240.0
SERVICES = ("codepipeline", "codebuild", "lambda", "events")


def until(ready: Callable[[], Any]) -> Any:
    """What ready() answers as soon as it is true."""
    deadline = time.monotonic() + LIMIT
    while not (answer := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return answer


def role(client: Client, name: str) -> str:
    """The ARN of a role that the services of a pipeline may take on, and that may do everything."""
    trusted = {"Service": [f"{service}.amazonaws.com" for service in SERVICES]}
    trust = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    iam = client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
    return str(made["Arn"])


def action(name: str, category: str, provider: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
    """An action's declaration."""
    identity = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": identity, "configuration": configuration, **more}


def succeeded(client: Client, pipeline: str, number: int = 0) -> dict[str, Any]:
    """The execution of that number, oldest first, once it has succeeded; fails with its actions if it does not."""
    pipelines = client("codepipeline")

    def ended() -> dict[str, Any] | None:
        found = pipelines.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"][::-1]
        if len(found) <= number or found[number]["status"] == "InProgress":
            return None
        return dict(found[number])

    execution: dict[str, Any] = until(ended)
    details = pipelines.list_action_executions(pipelineName=pipeline)["actionExecutionDetails"]
    story = [(item["actionName"], item["status"], item["output"]["executionResult"]) for item in details]
    assert execution["status"] == "Succeeded", story
    return execution
