"""The CodeBuild action: starts a build on the input artifacts, waits for its end, passes on what it exported."""

from __future__ import annotations

import logging
from typing import Any

from boatyard.api import json_text
from boatyard.api.errors import ApiError
from boatyard.services.codepipeline import wakeups
from boatyard.services.codepipeline.actions.run import ActionAbandoned, ActionFailed, ActionRun, Outcome

log = logging.getLogger(__name__)
TIMEOUT = 36 * 3600.0


def run(action: ActionRun) -> Outcome:
    """Builds.

    Follows CodePipeline's user guide, "AWS CodeBuild build and test action reference".
    """
    try:
        build_id = action.action.external_id or _start(action)
        build = action.wait(lambda: _ended(action, build_id), action.timeout(TIMEOUT), wakeups.build_key(build_id))
    except ActionAbandoned:
        _stop(action)
        raise
    if build is None:
        _stop(action)
        raise ActionFailed("JobFailed", f"The build {build_id} did not end in time, and was stopped.")
    if build["buildStatus"] != "SUCCEEDED":
        raise ActionFailed("JobFailed", _reason(build))
    exported = {item["name"]: item.get("value", "") for item in build.get("exportedEnvironmentVariables", [])}
    return Outcome(variables=exported)


def _start(action: ActionRun) -> str:
    answer = action.call.invoke("codebuild", "StartBuild", **start_parameters(action))
    build = answer["build"]
    logs = build.get("logs", {})
    action.update(
        external_id=build["id"],
        log_stream_arn=logs.get("cloudWatchLogsArn"),
    )
    return str(build["id"])


def start_parameters(action: ActionRun) -> dict[str, Any]:
    """What StartBuild is asked: the primary input as source, the others beside it, the outputs as artifacts."""
    configuration, inputs = action.configuration, action.action.inputs
    primary = next(
        (item for item in inputs if item["name"] == configuration.get("PrimarySource")),
        inputs[0],
    )
    parameters: dict[str, Any] = {
        "projectName": configuration["ProjectName"],
        "sourceVersion": _arn(primary),
        "idempotencyToken": action.action.id,
    }
    others = [item for item in inputs if item is not primary]
    if others:
        parameters["secondarySourcesOverride"] = [
            {"type": "CODEPIPELINE", "location": _arn(item), "sourceIdentifier": item["name"]} for item in others
        ]
        parameters["secondarySourcesVersionOverride"] = [
            {"sourceIdentifier": item["name"], "sourceVersion": _arn(item)} for item in others
        ]
    outputs = action.action.outputs
    if len(outputs) == 1:
        parameters["artifactsOverride"] = {"type": "CODEPIPELINE", "location": _arn(outputs[0]), "packaging": "ZIP"}
    elif outputs:
        parameters["secondaryArtifactsOverride"] = [
            {
                "type": "CODEPIPELINE",
                "location": _arn(item),
                "packaging": "ZIP",
                "artifactIdentifier": item["name"],
            }
            for item in outputs
        ]
    key = action.store.get("encryptionKey")
    if key:
        parameters["encryptionKeyOverride"] = key["id"]
    if configuration.get("BuildspecOverride"):
        parameters["buildspecOverride"] = configuration["BuildspecOverride"]
    variables = _variables(configuration)
    if variables:
        parameters["environmentVariablesOverride"] = variables
    return parameters


def _arn(artifact: dict[str, Any]) -> str:
    return f"arn:aws:s3:::{artifact['bucket']}/{artifact['key']}"


def _variables(configuration: dict[str, str]) -> list[dict[str, str]]:
    text = configuration.get("EnvironmentVariables")
    if not text:
        return []
    try:
        given = json_text.read(text)
        return [
            {"name": str(item["name"]), "value": str(item["value"]), "type": str(item.get("type", "PLAINTEXT"))}
            for item in given
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ActionFailed(
            "ConfigurationError",
            "EnvironmentVariables must be a JSON array of objects with name, value and type; it is not: "
            f"{error!r}. The value begins {text[:100]!r}.",
        ) from error


def _ended(action: ActionRun, build_id: str) -> dict[str, Any] | None:
    builds = action.role_call().invoke("codebuild", "BatchGetBuilds", ids=[build_id])["builds"]
    if not builds:
        raise ActionFailed("JobFailed", f"The build {build_id} is not there any more")
    build: dict[str, Any] = builds[0]
    stream = build.get("logs", {}).get("cloudWatchLogsArn")
    if stream and stream != action.action.log_stream_arn:
        action.update(log_stream_arn=stream)
    return None if build["buildStatus"] == "IN_PROGRESS" else build


def _reason(build: dict[str, Any]) -> str:
    """How the build ended, in CodePipeline's words: the state, and the first phase that failed with its context."""
    said = f"Build terminated with state: {build['buildStatus']}"
    for phase in build.get("phases", []):
        if phase.get("phaseStatus") in (None, "SUCCEEDED"):
            continue
        said += f". Phase: {phase['phaseType']}"
        for context in phase.get("contexts", []):
            code, message = context.get("statusCode"), context.get("message")
            said += f", Code: {code}, Message: {message}"
        break
    logs = build.get("logs", {})
    if logs.get("groupName"):
        said += f". Log: group {logs['groupName']}, stream {logs.get('streamName')}"
    return said


def _stop(action: ActionRun) -> None:
    """Stops the build of an action that was abandoned or has taken too long."""
    if action.action.external_id is None:
        return
    try:
        action.role_call().invoke("codebuild", "StopBuild", id=action.action.external_id)
    except ApiError as error:
        log.warning("The build %s could not be stopped: %s", action.action.external_id, error)
