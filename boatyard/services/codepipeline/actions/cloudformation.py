"""The CloudFormation deploy action: creates, updates or deletes a stack, or makes and executes a change set."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.services.codepipeline.actions import artifact_files
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun, Outcome
from boatyard.services.codepipeline.actions.stack_parameters import (
    artifact_file,
    parameters,
    template_configuration,
)

TIMEOUT = 3 * 24 * 3600.0
_UNCHANGED = ("No updates are to be performed", "didn't contain changes", "NO_CHANGES")
_BROKEN = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")
_LARGEST_BODY = 51_200


def run(action: ActionRun) -> Outcome:
    """Deploys by CloudFormation; a change that changes nothing succeeds.

    Follows CodePipeline's user guide, "AWS CloudFormation deploy action reference".
    """
    modes = {
        "CREATE_UPDATE": _create_or_update,
        "REPLACE_ON_FAILURE": _create_or_update,
        "CHANGE_SET_REPLACE": _replace_change_set,
        "CHANGE_SET_EXECUTE": _execute_change_set,
        "DELETE_ONLY": _delete,
    }
    mode = action.configuration["ActionMode"]
    if mode not in modes:
        raise ActionFailed("ConfigurationError", f"The ActionMode {mode} is none of {', '.join(modes)}.")
    try:
        return modes[mode](action)
    except ApiError as error:
        code = "PermissionError" if "AccessDenied" in error.code else "JobFailed"
        stack = action.configuration["StackName"]
        raise ActionFailed(code, f"The stack {stack} could not be changed: {error.message} ({error.code})") from error


def _stack(action: ActionRun, name: str | None = None) -> dict[str, Any] | None:
    """The stack as it is, None if there is none or it is deleted."""
    try:
        found = action.role_call().invoke(
            "cloudformation", "DescribeStacks", StackName=name or action.configuration["StackName"]
        )
    except ApiError as error:
        if error.code == "ValidationError" and "does not exist" in error.message:
            return None
        raise
    stack: dict[str, Any] = found["Stacks"][0]
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _create_or_update(action: ActionRun) -> Outcome:
    if action.action.external_id is None:
        stack = _stack(action)
        if stack is not None and stack["StackStatus"] in _BROKEN:
            if action.configuration["ActionMode"] != "REPLACE_ON_FAILURE":
                raise ActionFailed(
                    "JobFailed",
                    f"The stack {stack['StackName']} is in the state {stack['StackStatus']} and cannot be updated. "
                    "Delete it, or use the ActionMode REPLACE_ON_FAILURE.",
                )
            _delete(action)
            action.update(external_id=None)
            stack = None
        operation = "CreateStack" if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS" else "UpdateStack"
        token = {"ClientRequestToken": action.action.id}
        started = _started(action, operation, {**_settings(action), **token})
        if started is None:
            return _put_out(action, _stack(action), "No updates are to be performed.")
    return _put_out(action, _await_end(action))


def _started(action: ActionRun, operation: str, settings: dict[str, Any]) -> str | None:
    """The id of the stack that the operation works on, None if there is nothing to change."""
    try:
        answer = action.call.invoke("cloudformation", operation, **settings)
    except ApiError as error:
        if any(words in error.message for words in _UNCHANGED):
            return None
        raise
    stack_id = str(answer["StackId"])
    action.update(external_id=stack_id)
    return stack_id


def _settings(action: ActionRun) -> dict[str, Any]:
    """What CreateStack, UpdateStack and CreateChangeSet are asked alike."""
    configuration = action.configuration
    if "TemplatePath" not in configuration:
        raise ActionFailed("ConfigurationError", "TemplatePath is required in this ActionMode.")
    given = template_configuration(action)
    settings: dict[str, Any] = {
        "StackName": configuration["StackName"],
        "Parameters": parameters(action, given.get("Parameters", {})),
        "Tags": [{"Key": key, "Value": value} for key, value in given.get("Tags", {}).items()],
        "Capabilities": [item.strip() for item in configuration.get("Capabilities", "").split(",") if item.strip()],
        **_template(action),
    }
    if configuration.get("RoleArn"):
        settings["RoleARN"] = configuration["RoleArn"]
    return settings


def _template(action: ActionRun) -> dict[str, str]:
    """The template, in the request if it is small enough, else beside the artifacts."""
    body = artifact_file(action, action.configuration["TemplatePath"])
    if len(body) <= _LARGEST_BODY:
        return {"TemplateBody": body.decode()}
    bucket, key = action.store["location"], f"{action.action.pipeline[:20]}/templates/{action.action.id}"
    action.call.invoke("s3", "PutObject", Bucket=bucket, Key=key, Body=body, **action.encryption())
    return {"TemplateURL": f"https://s3.{action.action.region}.amazonaws.com/{bucket}/{key}"}


def _await_end(action: ActionRun) -> dict[str, Any]:
    """The stack once nothing works on it any more; ActionFailed unless that ended well."""
    stack_id = str(action.action.external_id)

    def ended() -> dict[str, Any] | None:
        stack = _stack(action, stack_id)
        if stack is None:
            return {"StackStatus": "DELETE_COMPLETE", "StackName": action.configuration["StackName"]}
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    stack = action.wait(ended, action.timeout(TIMEOUT), ("cloudformation", "stack", stack_id))
    if stack is None:
        raise ActionFailed("JobFailed", "The stack did not reach an end state in time.")
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
        reason = stack.get("StackStatusReason", "")
        raise ActionFailed(
            "JobFailed",
            f"The stack {stack['StackName']} ended in the state {stack['StackStatus']}. {reason} Its events say what "
            f"failed first: aws cloudformation describe-stack-events --stack-name {stack['StackName']}",
        )
    return stack


def _put_out(action: ActionRun, stack: dict[str, Any] | None, summary: str | None = None) -> Outcome:
    """The stack's outputs as variables and, where it is asked for, as a file in the output artifact."""
    outputs = {item["OutputKey"]: item["OutputValue"] for item in (stack or {}).get("Outputs", [])}
    name = action.configuration.get("OutputFileName")
    if name and action.action.outputs:
        target = action.action.outputs[0]
        with tempfile.TemporaryDirectory(prefix="boatyard-outputs-") as directory:
            content = json.dumps(outputs, indent=2).encode()
            body = artifact_files.zip_of(Path(directory) / "outputs.zip", {name: content})
            action.call.invoke(
                "s3", "PutObject", Bucket=target["bucket"], Key=target["key"], Body=body, **action.encryption()
            )
    return Outcome(summary=summary or (stack or {}).get("StackStatus"), variables=outputs)


def _change_set(action: ActionRun) -> dict[str, Any] | None:
    names = {"StackName": action.configuration["StackName"], "ChangeSetName": _change_set_name(action)}
    try:
        return action.role_call().invoke("cloudformation", "DescribeChangeSet", **names)
    except ApiError as error:
        if error.code.startswith("ChangeSetNotFound") or "does not exist" in error.message:
            return None
        raise


def _change_set_name(action: ActionRun) -> str:
    name = action.configuration.get("ChangeSetName")
    if not name:
        raise ActionFailed("ConfigurationError", "ChangeSetName is required in this ActionMode.")
    return name


def _is_unchanged(change_set: dict[str, Any]) -> bool:
    reason = change_set.get("StatusReason", "")
    return change_set["Status"] == "FAILED" and any(words in reason for words in _UNCHANGED)


def _replace_change_set(action: ActionRun) -> Outcome:
    name = _change_set_name(action)
    if action.action.external_id is None:
        settings = _settings(action)
        if _change_set(action) is not None:
            names = {"StackName": settings["StackName"], "ChangeSetName": name}
            action.call.invoke("cloudformation", "DeleteChangeSet", **names)
        stack = _stack(action)
        fresh = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        kind = {"ChangeSetName": name, "ChangeSetType": "CREATE" if fresh else "UPDATE"}
        if _started(action, "CreateChangeSet", {**settings, **kind}) is None:
            return Outcome(summary="The change set holds no changes.")

    def made() -> dict[str, Any] | None:
        found = _change_set(action)
        return found if found is not None and found["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    change_set = action.wait(made, action.timeout(TIMEOUT), ("cloudformation", "stack", str(action.action.external_id)))
    if change_set is None:
        raise ActionFailed("JobFailed", f"The change set {name} was not made in time.")
    if change_set["Status"] == "FAILED" and not _is_unchanged(change_set):
        raise ActionFailed("JobFailed", f"The change set {name} failed: {change_set.get('StatusReason', '')}")
    return Outcome(summary=f"The change set {name} was made.")


def _execute_change_set(action: ActionRun) -> Outcome:
    if action.action.external_id is None:
        change_set = _change_set(action)
        if change_set is None:
            raise ActionFailed(
                "JobFailed",
                f"The change set {_change_set_name(action)} does not exist: an action of the mode CHANGE_SET_REPLACE "
                "has to make it first.",
            )
        if _is_unchanged(change_set):
            return _put_out(action, _stack(action), "The change set holds no changes.")
        names = {"StackName": action.configuration["StackName"], "ChangeSetName": change_set["ChangeSetName"]}
        action.call.invoke("cloudformation", "ExecuteChangeSet", **names)
        action.update(external_id=change_set["StackId"])
    return _put_out(action, _await_end(action))


def _delete(action: ActionRun) -> Outcome:
    stack = _stack(action)
    if stack is None:
        return Outcome(summary="The stack does not exist.")
    role = {"RoleARN": action.configuration["RoleArn"]} if action.configuration.get("RoleArn") else {}
    action.call.invoke("cloudformation", "DeleteStack", StackName=stack["StackName"], **role)
    action.update(external_id=stack["StackId"])
    _await_end(action)
    return Outcome(summary="DELETE_COMPLETE")
