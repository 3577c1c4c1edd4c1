"""CodeCommit's triggers: topics and functions that are told of changes in a repository."""

import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from boatyard.api.arns import Arn
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import iso, now
from boatyard.services.codecommit.checks import check_branch_name, find_repository
from boatyard.services.codecommit.records import REPOSITORIES, Repository
from boatyard.services.codecommit.references import repository_arn

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

log = logging.getLogger(__name__)
MAXIMUM = 10
EVENTS = {
    "referenceCreated": "createReference",
    "referenceUpdated": "updateReference",
    "referenceDeleted": "deleteReference",
}


def get_repository_triggers(call: Call, params: Params) -> dict[str, Any]:
    """The triggers of a repository (CodeCommit API Reference: GetRepositoryTriggers)."""
    repository = find_repository(call, params["repositoryName"])
    result: dict[str, Any] = {"triggers": repository.triggers}
    return result | ({"configurationId": repository.triggers_id} if repository.triggers_id else {})


def put_repository_triggers(call: Call, params: Params) -> dict[str, Any]:
    """Replace all triggers of a repository (CodeCommit API Reference: PutRepositoryTriggers)."""
    repository = find_repository(call, params["repositoryName"])
    triggers = params["triggers"]
    _check(call, triggers)
    identity = str(uuid.uuid4())
    with call.installation.database.transaction() as tx:
        REPOSITORIES.update(
            tx,
            (repository.account, repository.region, repository.name),
            lambda stored: msgspec.structs.replace(stored, triggers=triggers, triggers_id=identity),
        )
    return {"configurationId": identity}


def test_repository_triggers(call: Call, params: Params) -> dict[str, Any]:
    """Send each given trigger a made-up change (CodeCommit API Reference: TestRepositoryTriggers)."""
    repository = find_repository(call, params["repositoryName"])
    _check(call, params["triggers"])
    succeeded, failed = [], []
    for trigger in params["triggers"]:
        branch = (trigger.get("branches") or ["main"])[0]
        detail = {"event": "referenceUpdated", "referenceFullName": f"refs/heads/{branch}", "commitId": "0" * 40}
        try:
            deliver(call.installation, repository, trigger, detail, call.principal.arn)
            succeeded.append(trigger["name"])
        except ApiError as error:
            failed.append({"trigger": trigger["name"], "failureMessage": f"{error.code}: {error.message}"})
    return {"successfulExecutions": succeeded, "failedExecutions": failed}


def fire(installation: "Installation", detail: dict[str, Any], account: str, region: str) -> None:
    """Tell the triggers that a repository's change concerns; one that cannot be told is logged, as AWS drops it."""
    with installation.database.reading() as rx:
        repository = REPOSITORIES.get(rx, account, region, detail["repositoryName"])
    for trigger in repository.triggers if repository else []:
        if repository is None or not concerns(trigger, detail):
            continue
        try:
            deliver(installation, repository, trigger, detail, detail["callerUserArn"])
        except ApiError as error:
            log.warning("The trigger %s of %s failed: %s", trigger["name"], repository.name, error)


def concerns(trigger: dict[str, Any], detail: dict[str, Any]) -> bool:
    """Whether a trigger's branches and events cover a change."""
    branches = trigger.get("branches") or []
    if branches and not (detail.get("referenceType") == "branch" and detail["referenceName"] in branches):
        return False
    return "all" in trigger["events"] or EVENTS.get(detail["event"]) in trigger["events"]


def deliver(
    installation: "Installation", repository: Repository, trigger: dict[str, Any], detail: dict[str, Any], caller: str
) -> None:
    """Publish to the trigger's topic or invoke its function; ApiError when that is refused."""
    target = trigger["destinationArn"]
    parsed = Arn.parse(target)
    source = repository_arn(repository)
    call = installation.service_call("codecommit.amazonaws.com", repository.account, parsed.region, source)
    message = json.dumps(event(repository, trigger, detail, caller))
    if parsed.service == "sns":
        call.invoke("sns", "Publish", TopicArn=target, Message=message, Subject=f"CodeCommit: {repository.name}"[:100])
    else:
        call.invoke("lambda", "Invoke", FunctionName=target, InvocationType="Event", Payload=message.encode())


def event(repository: Repository, trigger: dict[str, Any], detail: dict[str, Any], caller: str) -> dict[str, Any]:
    """What a trigger's target gets (AWS CodeCommit User Guide: "Create the Lambda function")."""
    reference: dict[str, Any] = {"ref": detail["referenceFullName"]}
    reference["commit"] = detail.get("commitId") or detail.get("oldCommitId") or ""
    if detail["event"] == "referenceCreated":
        reference["created"] = True
    if detail["event"] == "referenceDeleted":
        reference["deleted"] = True
    record = {
        "awsRegion": repository.region,
        "codecommit": {"references": [reference]},
        "eventId": str(uuid.uuid4()),
        "eventName": "ReferenceChanges",
        "eventPartNumber": 1,
        "eventSource": "aws:codecommit",
        "eventSourceARN": repository_arn(repository),
        "eventTime": iso(now()),
        "eventTotalParts": 1,
        "eventTriggerConfigId": repository.triggers_id or "",
        "eventTriggerName": trigger["name"],
        "eventVersion": "1.0",
        "userIdentityARN": caller,
    }
    if trigger.get("customData"):
        record["customData"] = trigger["customData"]
    return {"Records": [record]}


def _check(call: Call, triggers: list[dict[str, Any]]) -> None:
    if len(triggers) > MAXIMUM:
        raise ApiError(
            "MaximumRepositoryTriggersExceededException", f"A repository can have at most {MAXIMUM} triggers"
        )
    names = [trigger["name"] for trigger in triggers]
    if len(set(names)) != len(names):
        raise ApiError("InvalidRepositoryTriggerNameException", "Two triggers have the same name")
    for trigger in triggers:
        try:
            target = Arn.parse(trigger["destinationArn"])
        except ValueError:
            target = None
        if target is None or target.service not in ("sns", "lambda"):
            raise ApiError(
                "InvalidRepositoryTriggerDestinationArnException",
                f"{trigger['destinationArn']} is not the ARN of an SNS topic or a Lambda function",
            )
        if target.region != call.region:
            raise ApiError(
                "InvalidRepositoryTriggerRegionException",
                f"The target must be in the repository's region {call.region}",
            )
        for branch in trigger.get("branches") or []:
            check_branch_name(branch)
