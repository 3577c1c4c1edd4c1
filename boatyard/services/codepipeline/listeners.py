"""Which events start pipelines, and which wake actions that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from boatyard.api.events import on_event, position_of
from boatyard.api.installation import Installation
from boatyard.services.codepipeline import lifecycle, wakeups
from boatyard.services.codepipeline.records import EXECUTIONS, PIPELINES, Pipeline
from boatyard.state.database import Reader

Match = Callable[[dict[str, str]], bool]


@on_event("aws.codecommit", "CodeCommit Repository State Change")
def repository_changed(installation: Installation, event: dict[str, Any]) -> None:
    """A push to a branch starts the pipelines that have it as a source."""
    detail = event["detail"]
    if detail.get("event") not in ("referenceCreated", "referenceUpdated") or detail.get("referenceType") != "branch":
        return

    def matches(configuration: dict[str, str]) -> bool:
        wanted = (configuration["RepositoryName"], configuration["BranchName"])
        return wanted == (str(detail["repositoryName"]), str(detail["referenceName"]))

    _start_matching(installation, event, "CodeCommit", matches)


@on_event("aws.s3", "Object Created")
def object_created(installation: Installation, event: dict[str, Any]) -> None:
    """A new object version starts the pipelines that have the object as a source."""
    bucket, key = str(event["detail"]["bucket"]["name"]), str(event["detail"]["object"]["key"])

    def matches(configuration: dict[str, str]) -> bool:
        return configuration["S3Bucket"] == bucket and configuration["S3ObjectKey"] == key

    _start_matching(installation, event, "S3", matches)


@on_event("aws.codebuild", "CodeBuild Build State Change")
def build_changed(installation: Installation, event: dict[str, Any]) -> None:
    """Wakes the action that waits for this build."""
    build = str(event["detail"].get("build-id", "")).partition(":build/")[2]
    installation.workflows.notify(wakeups.build_key(build))


@on_event("aws.sagemaker", "SageMaker Training Job State Change")
def training_job_changed(installation: Installation, event: dict[str, Any]) -> None:
    """Has functions called again that watch training jobs."""
    wakeups.something_changed(installation)


@on_event("aws.sagemaker", "SageMaker Endpoint State Change")
def endpoint_changed(installation: Installation, event: dict[str, Any]) -> None:
    """Has functions called again that watch endpoints."""
    wakeups.something_changed(installation)


@on_event("aws.sagemaker", "SageMaker Endpoint Deployment State Change")
def deployment_changed(installation: Installation, event: dict[str, Any]) -> None:
    """Has functions called again that watch deployments."""
    wakeups.something_changed(installation)


def _start_matching(installation: Installation, event: dict[str, Any], provider: str, matches: Match) -> None:
    """Starts each pipeline with such a source once for this event, however often the event comes.

    What came before the pipeline is in its first execution already.
    """
    token = f"event-{event['id']}"
    asked = (event["account"], event["region"], provider, matches)
    with installation.database.reading() as rx:
        if next(_sources(rx, *asked), None) is None:
            return
    with installation.database.transaction() as tx:
        position = position_of(tx, event)
        for pipeline, action in _sources(tx, *asked):
            if position is not None and position <= pipeline.after:
                continue
            where = {"account": pipeline.account, "region": pipeline.region, "pipeline": pipeline.name}
            recent = EXECUTIONS.select(tx, where, order="order", descending=True, limit=100)
            if not any(execution.request_token == token for execution in recent):
                trigger = ("PollForSourceChanges", action)
                lifecycle.start(installation, tx, pipeline, trigger, request_token=token)


def _sources(rx: Reader, account: str, region: str, provider: str, matches: Match) -> Iterator[tuple[Pipeline, str]]:
    """Each pipeline with a matching source action that has not said PollForSourceChanges false, and its name."""
    for pipeline in PIPELINES.select(rx, {"account": account, "region": region}):
        for action in pipeline.declaration["stages"][0]["actions"]:
            configuration = action.get("configuration", {})
            watched = configuration.get("PollForSourceChanges", "true").lower() != "false"
            if action["actionTypeId"]["provider"] == provider and watched and matches(configuration):
                yield pipeline, action["name"]
                break
