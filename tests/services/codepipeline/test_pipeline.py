"""Pipelines with a real client: an object version runs through them, approvals, a kill in the middle, a rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.server import RunningServer, unique

from .lines import Client, action, role, until


class Line:
    """A pipeline of its own: an S3 source, then a manual approval."""

    def __init__(self, client: Client) -> None:
        self.name = unique("line")
        self.client = client
        self.bucket = f"{self.name}-bucket"
        self.role = role(client, self.name)
        client("s3").create_bucket(Bucket=self.bucket)
        client("s3").put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def upload(self, content: bytes) -> str:
        """A new version of the source."""
        answer = self.client("s3").put_object(Bucket=self.bucket, Key="code.zip", Body=content)
        return str(answer["VersionId"])

    def create(self, poll: str = "true") -> None:
        """Create the pipeline."""
        settings = {"S3Bucket": self.bucket, "S3ObjectKey": "code.zip", "PollForSourceChanges": poll}
        source = action("Fetch", "Source", "S3", settings, outputArtifacts=[{"name": "Code"}])
        ask = action("Ask", "Approval", "Manual", {})
        self.client("codepipeline").create_pipeline(
            pipeline={
                "name": self.name,
                "roleArn": self.role,
                "artifactStore": {"type": "S3", "location": self.bucket},
                "stages": [{"name": "Source", "actions": [source]}, {"name": "Gate", "actions": [ask]}],
            }
        )

    def approve(self, client: Client | None = None) -> None:
        """Approve what waits."""
        pipelines = (client or self.client)("codepipeline")

        def token() -> str | None:
            newest = self.executions(client)[0]
            assert newest["status"] == "InProgress", pipelines.list_action_executions(pipelineName=self.name)
            state = pipelines.get_pipeline_state(name=self.name)["stageStates"][1]["actionStates"][0]
            found = state.get("latestExecution", {}).get("token")
            return None if found is None else str(found)

        pipelines.put_approval_result(
            pipelineName=self.name,
            stageName="Gate",
            actionName="Ask",
            result={"summary": "fine", "status": "Approved"},
            token=until(token),
        )

    def executions(self, client: Client | None = None) -> list[dict[str, Any]]:
        """All executions, newest first."""
        pipelines = (client or self.client)("codepipeline")
        return list(pipelines.list_pipeline_executions(pipelineName=self.name)["pipelineExecutionSummaries"])


def test_an_object_version_runs_through_and_the_next_starts_anew(client: Client) -> None:
    line = Line(client)
    version = line.upload(b"first")
    line.create()
    line.approve()
    until(lambda: line.executions()[0]["status"] == "Succeeded")
    details = client("codepipeline").list_action_executions(pipelineName=line.name)["actionExecutionDetails"]
    source = next(item for item in details if item["actionName"] == "Fetch")
    assert source["output"]["outputVariables"]["VersionId"] == version
    location = source["output"]["outputArtifacts"][0]["s3location"]
    stored = client("s3").get_object(Bucket=location["bucket"], Key=location["key"])
    assert stored["Body"].read() == b"first"
    second = line.upload(b"second")
    until(lambda: len(line.executions()) == 2)
    line.approve()
    until(lambda: line.executions()[0]["status"] == "Succeeded")
    assert line.executions()[0]["sourceRevisions"][0]["revisionId"] == second


def test_a_rule_starts_the_pipeline(client: Client) -> None:
    line = Line(client)
    line.upload(b"first")
    line.create(poll="false")
    client("s3").put_bucket_notification_configuration(
        Bucket=line.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    events = client("events")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [line.bucket]}, "object": {"key": ["code.zip"]}},
    }
    rule = events.put_rule(Name=line.name, EventPattern=json.dumps(pattern))["RuleArn"]
    arn = client("codepipeline").get_pipeline(name=line.name)["metadata"]["pipelineArn"]
    events.put_targets(Rule=line.name, Targets=[{"Id": "pipeline", "Arn": arn, "RoleArn": line.role}])
    line.upload(b"second")
    until(lambda: len(line.executions()) == 2)
    assert line.executions()[0]["trigger"] == {"triggerType": "CloudWatchEvent", "triggerDetail": rule}
    client("codepipeline").delete_pipeline(name=line.name)


def test_a_killed_server_goes_on_where_it_was(scratch: Callable[..., RunningServer]) -> None:
    running = scratch()
    line = Line(running.client)
    line.upload(b"first")
    line.create()
    until(lambda: len(list_actions(running, line)) == 2)
    running.kill()
    running.start()
    line.approve(running.client)
    until(lambda: line.executions(running.client)[0]["status"] == "Succeeded")
    assert len(list_actions(running, line)) == 2


def list_actions(running: RunningServer, line: Line) -> list[Any]:
    """The action executions of the pipeline."""
    answer = running.client("codepipeline").list_action_executions(pipelineName=line.name)
    return list(answer["actionExecutionDetails"])
