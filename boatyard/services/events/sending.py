"""One delivery, by the kind of its target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from boatyard.api import json_text
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import milliseconds
from boatyard.services.events import inputs
from boatyard.services.events.records import Delivery

SERVICE = "events.amazonaws.com"
_PASSING = ("Throttl", "TooManyRequests", "ServiceUnavailable", "Internal", "LimitExceeded", "Conflict")
Send = Callable[[Call, Delivery, str], None]


def send(installation: Installation, delivery: Delivery) -> None:
    """Delivers as the target's role, else as EventBridge itself; ApiError where the target refuses."""
    target = delivery.target
    text = inputs.of_target(target, delivery.event, delivery.rule_name, delivery.rule_arn)
    call = installation.service_call(SERVICE, delivery.account, delivery.region)
    if "RoleArn" in target:
        call = call.assume(target["RoleArn"], SERVICE, session_name=delivery.id, source_arn=delivery.rule_arn)
    else:
        call = replace(call, source_arn=delivery.rule_arn)
    _KINDS[_kind(target["Arn"])](call, delivery, text)


def is_passing(error: ApiError) -> bool:
    """Whether a delivery may succeed later: the target was busy or broken, not unwilling."""
    if error.code == "NotImplemented":
        return False
    return (error.status or 400) >= 500 or any(word in error.code for word in _PASSING)


def check(target: dict[str, Any]) -> None:
    """ValidationException for a target that is not of a supported kind, or that needs a role and has none."""
    kind = _kind(target["Arn"])
    if kind not in _KINDS:
        raise ApiError(
            "ValidationException",
            f"Provided Arn {target['Arn']} of the target {target['Id']} is not of a kind that boatyard delivers to: "
            f"{', '.join(sorted(_KINDS))}.",
        )
    if kind in ("codepipeline", "codebuild") and "RoleArn" not in target:
        raise ApiError("ValidationException", f"RoleArn is required for target {target['Arn']}.")


def _kind(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[2] if len(parts) == 6 and parts[0] == "arn" else ""


def _resource(arn: str) -> str:
    return arn.split(":", 5)[5]


def _start_pipeline(call: Call, delivery: Delivery, text: str) -> None:
    """Starts an execution; an input of one's own may give variables and source revisions."""
    given = _own_input(delivery, text)
    members = {name: given[name] for name in ("variables", "sourceRevisions") if name in given}
    name = _resource(delivery.target["Arn"])
    call.invoke("codepipeline", "StartPipelineExecution", name=name, clientRequestToken=delivery.id, **members)


def _start_build(call: Call, delivery: Delivery, text: str) -> None:
    """Starts a build; an input of one's own gives StartBuild's other parameters."""
    given = _own_input(delivery, text)
    given.pop("projectName", None)
    project = _resource(delivery.target["Arn"]).removeprefix("project/")
    call.invoke("codebuild", "StartBuild", **{"idempotencyToken": delivery.id, **given, "projectName": project})


def _own_input(delivery: Delivery, text: str) -> dict[str, Any]:
    """The input as parameters, nothing where the target gets the plain event."""
    if not any(name in delivery.target for name in ("Input", "InputPath", "InputTransformer")):
        return {}
    try:
        given = json_text.read(text)
    except ValueError as error:
        raise ApiError("ValidationException", f"The input of the target is not JSON: {error}") from error
    return given if isinstance(given, dict) else {}


def _invoke_function(call: Call, delivery: Delivery, text: str) -> None:
    call.invoke("lambda", "Invoke", FunctionName=delivery.target["Arn"], InvocationType="Event", Payload=text.encode())


def _publish(call: Call, delivery: Delivery, text: str) -> None:
    """Publishes; a template that is one text is sent as that text, without its quotes."""
    message = text
    if "InputTransformer" in delivery.target and text.startswith('"'):
        try:
            message = str(json_text.read(text))
        except ValueError:
            message = text
    call.invoke("sns", "Publish", TopicArn=delivery.target["Arn"], Message=message)


def _write_log(call: Call, delivery: Delivery, text: str) -> None:
    """Writes one log event into a stream of its own, as EventBridge does."""
    group = _resource(delivery.target["Arn"]).removeprefix("log-group:").removesuffix(":*")
    moment = milliseconds()
    if "InputTransformer" in delivery.target:
        given = _as_object(text)
        moment, text = _moment(given.get("timestamp", moment)), str(given.get("message", text))
    try:
        call.invoke("logs", "CreateLogStream", logGroupName=group, logStreamName=delivery.id)
    except ApiError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
    events = [{"timestamp": moment, "message": text}]
    answer = call.invoke("logs", "PutLogEvents", logGroupName=group, logStreamName=delivery.id, logEvents=events)
    if answer.get("rejectedLogEventsInfo"):
        raise ApiError("ValidationException", f"The log group {group} rejects the timestamp {moment} of the event")


def _as_object(text: str) -> dict[str, Any]:
    try:
        given = json_text.read(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ApiError("ValidationException", "A log group's input template must make an object: timestamp, message.")
    return given


def _moment(given: Any) -> int:
    """A template's timestamp in milliseconds: it may be a number, or a time as events write it."""
    try:
        return int(given)
    except (TypeError, ValueError):
        pass
    try:
        return int(datetime.fromisoformat(str(given)).timestamp() * 1000)
    except ValueError as error:
        raise ApiError("ValidationException", f"The timestamp {given!r} of the input template is none.") from error


_KINDS: dict[str, Send] = {
    "codepipeline": _start_pipeline,
    "codebuild": _start_build,
    "lambda": _invoke_function,
    "sns": _publish,
    "logs": _write_log,
}
