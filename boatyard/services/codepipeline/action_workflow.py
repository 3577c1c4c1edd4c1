"""One action execution: prepares its configuration and artifacts, runs its provider, records how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.codepipeline import announcements, lifecycle, naming, variables
from boatyard.services.codepipeline.actions import (
    approval,
    cloudformation,
    codebuild,
    codecommit,
    lambda_invoke,
    s3_deploy,
    s3_source,
)
from boatyard.services.codepipeline.actions.run import ActionAbandoned, ActionFailed, ActionRun, Outcome
from boatyard.services.codepipeline.records import ACTIONS, EXECUTIONS, ActionExecution, Execution
from boatyard.state.database import Reader, Transaction
from boatyard.workflows import Work, workflow

log = logging.getLogger(__name__)

PROVIDERS: dict[tuple[str, str], Callable[[ActionRun], Outcome]] = {
    ("Source", "CodeCommit"): codecommit.run,
    ("Source", "S3"): s3_source.run,
    ("Build", "CodeBuild"): codebuild.run,
    ("Test", "CodeBuild"): codebuild.run,
    ("Invoke", "Lambda"): lambda_invoke.run,
    ("Approval", "Manual"): approval.run,
    ("Deploy", "S3"): s3_deploy.run,
    ("Deploy", "CloudFormation"): cloudformation.run,
}


def action_broke(installation: Installation, args: list[Any], error: BaseException) -> None:
    """Fails an action whose workflow met an error of boatyard's own, so that it is seen."""
    message = f"boatyard met an error of its own: {error}. Its log has the whole story."
    _finish(installation, (args[0], args[1], args[2]), "Failed", error_code="JobFailed", error_message=message[:5000])


@workflow("codepipeline.action", on_failure=action_broke)
def run_action(work: Work, account: str, region: str, action_id: str) -> None:
    """Runs one action to its end. A provider that was cut off by a crash takes up what its record says."""
    key = (account, region, action_id)
    try:
        action = _prepare(work, key)
        if action is None:
            return
        identity = action.action.declaration["actionTypeId"]
        outcome = PROVIDERS[identity["category"], identity["provider"]](action)
    except ActionAbandoned:
        return
    except ActionFailed as failure:
        _finish(work.installation, key, "Failed", error_code=failure.code, error_message=failure.message)
    except ApiError as error:
        code = "PermissionError" if "AccessDenied" in error.code else "JobFailed"
        message = f"{error.message} ({error.code})"
        _finish(work.installation, key, "Failed", error_code=code, error_message=message[:5000])
    else:
        _finish(
            work.installation,
            key,
            "Succeeded",
            summary=outcome.summary[:2048] if outcome.summary else None,
            variables=outcome.variables,
            revision=outcome.revision,
        )


def _prepare(work: Work, key: tuple[str, str, str]) -> ActionRun | None:
    """Resolves configuration and artifacts once, and records them; None if there is nothing to run."""
    with work.installation.database.transaction() as tx:
        action = ACTIONS.get(tx, *key)
        execution = None if action is None else EXECUTIONS.get(tx, key[0], key[1], action.execution)
        if action is None or execution is None or action.status != "InProgress":
            return None
        pipeline = lifecycle.declaration_of(tx, execution)
        prepared = bool(action.configuration or action.outputs or action.inputs)
        if not prepared:
            action = replace(
                action,
                configuration=_configuration(tx, execution, action),
                inputs=_inputs(tx, execution, action),
                outputs=_outputs(action, pipeline),
            )
            ACTIONS.put(tx, action)
        return ActionRun(work, action, pipeline, execution.overrides)


def _configuration(rx: Reader, execution: Execution, action: ActionExecution) -> dict[str, str]:
    namespaces: dict[str, dict[str, str]] = {
        "codepipeline": {"PipelineExecutionId": execution.id},
        "variables": execution.variables,
    }
    for done in lifecycle.actions_of(rx, execution):
        if done.current and done.status == "Succeeded" and "namespace" in done.declaration:
            namespaces[done.declaration["namespace"]] = done.variables
    resolved = {}
    for name, value in action.declaration.get("configuration", {}).items():
        try:
            resolved[name] = variables.resolve(value, namespaces)
        except KeyError as error:
            raise ActionFailed(
                "ConfigurationError",
                f"The variable reference {error.args[0]} in {name} could not be resolved: the action of that "
                "namespace has put out no such variable.",
            ) from error
    return resolved


def _inputs(rx: Reader, execution: Execution, action: ActionExecution) -> list[dict[str, Any]]:
    produced: dict[str, dict[str, Any]] = {}
    for done in lifecycle.actions_of(rx, execution):
        if done.current and done.status == "Succeeded":
            revision = done.revision or {}
            for item in done.outputs:
                produced[item["name"]] = {**item, "revision": revision.get("revisionId")}
    return [produced[item["name"]] for item in action.declaration.get("inputArtifacts", [])]


def _outputs(action: ActionExecution, pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    extension = ".zip" if action.declaration["actionTypeId"]["category"] == "Source" else ""
    return [
        {
            "name": item["name"],
            "bucket": pipeline["artifactStore"]["location"],
            "key": naming.artifact_key(action.pipeline, item["name"], extension),
        }
        for item in action.declaration.get("outputArtifacts", [])
    ]


def _finish(installation: Installation, key: tuple[str, str, str], status: str, **changes: Any) -> None:
    """Records how the action ended and wakes its execution; nothing if it had been abandoned."""
    with installation.database.transaction() as tx:
        action = ACTIONS.get(tx, *key)
        if action is None or action.status != "InProgress":
            return
        execution = EXECUTIONS.get(tx, action.account, action.region, action.execution)
        action = replace(action, status=status, updated=now(), **changes)
        ACTIONS.put(tx, action)
        if execution is None:
            return
        announcements.action_changed(installation, tx, execution, action, status)
        _note_revision(tx, execution, action)
        lifecycle.wake_pipeline(installation, tx, execution)


def _note_revision(tx: Transaction, execution: Execution, action: ActionExecution) -> None:
    revisions = execution.revisions
    if action.revision is not None:
        kept = [item for item in revisions if item["actionName"] != action.action]
        revisions = [*kept, {**action.revision, "actionName": action.action}]
    EXECUTIONS.put(tx, replace(execution, updated=now(), revisions=revisions))
