"""Pipelines as records: versions, tags, deletion; and what starts them."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api import events
from boatyard.api.errors import ApiError
from boatyard.api.events import emit
from boatyard.api.installation import Installation
from boatyard.api.resource_types import ResourceRequest
from boatyard.services.codepipeline.resources import PipelineResource

from .conftest import Pipelines, Services, action, approval, declaration, until

ARN = "arn:aws:codepipeline:us-east-1:000000000000:line"


def send(installation: Installation, source: str, detail_type: str, detail: dict[str, Any]) -> None:
    with installation.database.transaction() as tx:
        emit(
            installation,
            tx,
            source=source,
            detail_type=detail_type,
            detail=detail,
            account="000000000000",
            region="us-east-1",
            internal=True,
        )


def test_versions_are_kept(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    pipelines.update(approval("Other"))
    assert pipelines("GetPipeline", name="line")["pipeline"]["version"] == 2
    first = pipelines("GetPipeline", name="line", version=1)["pipeline"]
    assert first["stages"][1]["actions"][0]["name"] == "Ask"
    with pytest.raises(ApiError, match="PipelineVersionNotFoundException"):
        pipelines("GetPipeline", name="line", version=3)
    assert [item["name"] for item in pipelines("ListPipelines")["pipelines"]] == ["line"]


def test_a_name_is_used_once_and_a_role_must_be_assumable(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    with pytest.raises(ApiError, match="PipelineNameInUseException"):
        pipelines.create(approval())
    wrong = {**declaration("arn:aws:iam::000000000000:role/nobody", approval()), "name": "other"}
    with pytest.raises(ApiError, match="not authorized to perform AssumeRole on role"):
        pipelines("CreatePipeline", pipeline=wrong)


def test_tags(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    pipelines("TagResource", resourceArn=ARN, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    pipelines("UntagResource", resourceArn=ARN, tagKeys=["a"])
    assert pipelines("ListTagsForResource", resourceArn=ARN)["tags"] == [{"key": "b", "value": "2"}]


def test_a_new_object_version_starts_the_pipeline(pipelines: Pipelines, installation: Installation) -> None:
    pipelines.create(approval())
    detail = {"bucket": {"name": "sources"}, "object": {"key": "other.zip"}}
    send(installation, "aws.s3", "Object Created", detail)
    send(installation, "aws.s3", "Object Created", {**detail, "object": {"key": "code.zip"}})
    started = until(lambda: pipelines.executions()[1:])
    assert started[0]["trigger"] == {"triggerType": "PollForSourceChanges", "triggerDetail": "Fetch"}


def test_what_came_before_the_pipeline_does_not_start_it_however_late_it_is_delivered(
    pipelines: Pipelines, installation: Installation
) -> None:
    installation.events.stop()
    detail = {"bucket": {"name": "sources"}, "object": {"key": "code.zip"}}
    send(installation, "aws.s3", "Object Created", detail)
    pipelines.create(approval())
    send(installation, "aws.s3", "Object Created", detail)
    installation.events = events.EventDispatcher(installation)
    installation.events.start()
    until(lambda: pipelines.executions()[1:])

    def delivered() -> bool:
        with installation.database.reading() as rx:
            return events.last_position(rx) == 0

    until(delivered)
    assert len(pipelines.executions()) == 2


def test_a_push_starts_the_pipelines_of_that_branch_unless_they_wait_for_a_rule(
    pipelines: Pipelines, installation: Installation
) -> None:
    for name, poll in (("watching", "true"), ("ruled", "false")):
        settings = {"RepositoryName": "model", "BranchName": "main", "PollForSourceChanges": poll}
        source = action("Pull", "Source", "CodeCommit", settings, outputArtifacts=[{"name": "Code"}])
        wanted = declaration(pipelines.role, approval())
        wanted["stages"][0]["actions"] = [source]
        pipelines("CreatePipeline", pipeline={**wanted, "name": name})
    push = {
        "event": "referenceUpdated",
        "repositoryName": "model",
        "referenceType": "branch",
        "referenceName": "main",
    }
    kind = "CodeCommit Repository State Change"
    send(installation, "aws.codecommit", kind, {**push, "referenceName": "topic"})
    send(installation, "aws.codecommit", kind, push)

    def count(name: str) -> int:
        return len(pipelines("ListPipelineExecutions", pipelineName=name)["pipelineExecutionSummaries"])

    until(lambda: count("watching") == 2)
    assert count("ruled") == 1


def test_executions_are_listed_page_by_page_newest_first(pipelines: Pipelines) -> None:
    pipelines.create(approval())
    ids = [pipelines.executions()[0]["pipelineExecutionId"]]
    ids += [pipelines("StartPipelineExecution", name="line")["pipelineExecutionId"] for _ in range(3)]
    found: list[str] = []
    token: dict[str, Any] = {}
    while len(found) < 4:
        page = pipelines("ListPipelineExecutions", pipelineName="line", maxResults=3, **token)
        found += [item["pipelineExecutionId"] for item in page["pipelineExecutionSummaries"]]
        token = {"nextToken": page["nextToken"]}
    assert found == ids[::-1]
    assert token == {"nextToken": None}
    with pytest.raises(ApiError, match="InvalidNextTokenException"):
        pipelines("ListPipelineExecutions", pipelineName="line", nextToken="!")


def request(properties: dict[str, Any], **more: Any) -> ResourceRequest:
    stack = "arn:aws:cloudformation:us-east-1:000000000000:stack/lab/1"
    return ResourceRequest("Pipeline", "lab", stack, properties, "token", **more)


def test_the_resource_type_creates_updates_and_deletes(pipelines: Pipelines, services: Services) -> None:
    source = {
        "Name": "Fetch",
        "ActionTypeId": {"Category": "Source", "Owner": "AWS", "Provider": "S3", "Version": 1},
        "Configuration": {"S3Bucket": "sources", "S3ObjectKey": "code.zip", "PollForSourceChanges": False},
        "OutputArtifacts": [{"Name": "Code"}],
        "RunOrder": "1",
    }
    ask = {
        "Name": "Ask",
        "ActionTypeId": {"Category": "Approval", "Owner": "AWS", "Provider": "Manual", "Version": "1"},
    }
    properties = {
        "RoleArn": pipelines.role,
        "ArtifactStore": {"Type": "S3", "Location": "artifacts"},
        "Stages": [{"Name": "Source", "Actions": [source]}, {"Name": "Gate", "Actions": [ask]}],
        "DisableInboundStageTransitions": [{"StageName": "Gate", "Reason": "Not yet"}],
    }
    resource = PipelineResource()
    made = resource.create(pipelines.call, request(properties))
    with pytest.raises(ApiError, match="PipelineNameInUseException"):
        resource.create(pipelines.call, request(properties))
    again = resource.create(pipelines.call, request(properties, resumed=True))
    assert made == again
    assert made.attributes == {"Version": "1"}
    name = made.physical_id
    stored = pipelines("GetPipeline", name=name)["pipeline"]["stages"][0]["actions"][0]
    assert stored["configuration"]["PollForSourceChanges"] == "false"
    door = pipelines("GetPipelineState", name=name)["stageStates"][1]["inboundTransitionState"]
    assert (door["enabled"], door["disabledReason"]) == (False, "Not yet")
    after = {**properties, "DisableInboundStageTransitions": [], "RestartExecutionOnUpdate": True}
    changed = resource.update(pipelines.call, request(after, physical_id=name, previous=properties))
    assert changed.attributes == {"Version": "2"}
    assert len(pipelines("ListPipelineExecutions", pipelineName=name)["pipelineExecutionSummaries"]) == 2
    resource.delete(pipelines.call, request(after, physical_id=name))
    resource.delete(pipelines.call, request(after, physical_id=name))
    assert pipelines("ListPipelines")["pipelines"] == []


def test_state_changes_are_events(
    pipelines: Pipelines, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []

    def listen(opened: Installation, event: dict[str, Any]) -> None:
        if opened is installation and event["source"] == "aws.codepipeline":
            seen.append((event["detail-type"].split()[1], event["detail"]["state"]))

    monkeypatch.setattr(events, "_every_event", [listen])
    pipelines.create(approval())
    pipelines.decide("Gate", "Ask")
    until(lambda: ("Pipeline", "SUCCEEDED") in seen)
    assert seen[0] == ("Pipeline", "STARTED")
    assert seen.count(("Stage", "SUCCEEDED")) == 2
    assert seen.count(("Action", "STARTED")) == 2
