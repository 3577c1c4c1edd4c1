"""The manual approval action: asks by SNS, waits for PutApprovalResult, for seven days at most."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.codepipeline import naming
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun, Outcome

TIMEOUT = 7 * 24 * 3600.0


def run(action: ActionRun) -> Outcome:
    """Waits for a person's decision.

    Follows CodePipeline's user guide, "Add a manual approval action to a stage".
    """
    if action.action.token is None:
        token = naming.new_id()
        _notify(action, token)
        action.update(token=token)
    timeout = action.timeout(TIMEOUT)
    decision = action.wait(lambda: action.action.decision, timeout)
    if decision is None:
        raise ActionFailed(
            "JobFailed", f"The approval was not given within {timeout / 3600:g} hours, and so it is rejected."
        )
    if decision["status"] == "Rejected":
        raise ActionFailed("JobFailed", decision["summary"] or "Rejected")
    return Outcome(summary=decision["summary"] or None)


def _notify(action: ActionRun, token: str) -> None:
    topic = action.configuration.get("NotificationArn")
    if not topic:
        return
    record = action.action
    subject = f"APPROVAL NEEDED: AWS CodePipeline {record.pipeline} for action {record.action}"
    try:
        action.call.invoke(
            "sns", "Publish", TopicArn=topic, Subject=subject[:100], Message=json.dumps(_message(action, token))
        )
    except ApiError as error:
        raise ActionFailed(
            "ConfigurationError",
            f"The approval could not be announced to the topic {topic}: {error.message} ({error.code}). "
            "Check NotificationArn and that the pipeline's role may sns:Publish to it.",
        ) from error


def _message(action: ActionRun, token: str) -> dict[str, Any]:
    """The notification's JSON, as the user guide's "JSON data format for manual approval notifications" has it.

    Without its links into AWS's console, of which there is none here.
    """
    record, configuration = action.action, action.configuration
    expires = now() + timedelta(seconds=action.timeout(TIMEOUT))
    approval = {
        "pipelineName": record.pipeline,
        "stageName": record.stage,
        "actionName": record.action,
        "token": token,
        "expires": expires.strftime("%Y-%m-%dT%H:%MZ"),
        "externalEntityLink": configuration.get("ExternalEntityLink"),
        "customData": configuration.get("CustomData"),
    }
    return {"region": record.region, "approval": approval}
