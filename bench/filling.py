"""Fills a data directory with records by the thousand, through the services' own records: the API would take minutes.

Every kind of thing that is kept for ever, or for long, is there as often as asked: objects, log streams and events,
executions with their actions, jobs, models, builds, stacks with their events, functions, users, roles, parameters.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar, get_origin

import msgspec

from boatyard.api.installation import Installation
from boatyard.identity import records as identity
from boatyard.services.cloudformation import records as cloudformation
from boatyard.services.cloudwatch import records as cloudwatch
from boatyard.services.codebuild import records as codebuild
from boatyard.services.codepipeline import records as codepipeline
from boatyard.services.ecr import records as ecr
from boatyard.services.lambda_ import records as functions
from boatyard.services.logs import records as logs
from boatyard.services.s3 import records as s3
from boatyard.services.sagemaker.endpoint_configs.records import CONFIGS
from boatyard.services.sagemaker.models.records import MODELS
from boatyard.services.sagemaker.training_jobs.records import JOBS
from boatyard.services.sns import records as sns
from boatyard.services.ssm import records as ssm
from boatyard.state.database import Transaction
from boatyard.state.table import Record, Table

R = TypeVar("R", bound=Record)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 10_000
EVENTS_BEGAN = int(BEGAN.timestamp() * 1000)
DECLARATION: dict[str, Any] = {
    "name": "growth",
    "roleArn": "arn:aws:iam::000000000000:role/none",
    "pipelineType": "V2",
    "executionMode": "SUPERSEDED",
    "artifactStore": {"type": "S3", "location": "growth"},
    "stages": [
        {
            "name": "Source",
            "actions": [
                {
                    "name": "Source",
                    "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
                    "configuration": {"S3Bucket": "growth", "S3ObjectKey": "none"},
                    "outputArtifacts": [{"name": "source"}],
                }
            ],
        },
        {
            "name": "Build",
            "actions": [
                {
                    "name": "Build",
                    "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                    "configuration": {"ProjectName": "growth"},
                    "inputArtifacts": [{"name": "source"}],
                }
            ],
        },
    ],
}

BUILD: dict[str, Any] = {
    "source": {"type": "NO_SOURCE"},
    "environment": {"type": "LINUX_CONTAINER", "image": "none", "computeType": "BUILD_GENERAL1_SMALL"},
    "timeoutInMinutes": 60,
    "queuedTimeoutInMinutes": 480,
}

JOB: dict[str, Any] = {
    "AlgorithmSpecification": {"TrainingImage": "none", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::000000000000:role/none",
    "OutputDataConfig": {"S3OutputPath": "s3://growth/output"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}


def sample(record: type[R], number: int, **given: Any) -> R:
    """A record whose required fields tell its number: the texts end with it, the times are as many seconds later."""
    fields = {name: _value(kind, name, number) for name, kind in _required(record) if name not in given}
    return record(**fields, **given)


@cache
def _required(record: type[Record]) -> list[tuple[str, Any]]:
    return [(field.name, field.type) for field in msgspec.structs.fields(record) if field.required]


def _value(kind: Any, name: str, number: int) -> Any:
    kind = get_origin(kind) or kind
    if kind is str:
        return f"{name}-{number:06d}"
    if kind is datetime:
        return BEGAN + timedelta(seconds=number)
    if kind in (int, float, bool):
        return kind(number)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return sample(kind, number)  # type: ignore[type-var]
    return kind()


def put(tx: Transaction, table: Table[R], numbers: Iterable[int], **given: Any) -> None:
    """Put a record of each number into a table; texts in `given` may hold {0}, the number in six digits."""
    for number in numbers:
        fields = {
            name: value.format(f"{number:06d}") if isinstance(value, str) else value for name, value in given.items()
        }
        table.put(tx, sample(table.record, number, **fields))


def prepare(installation: Installation) -> None:
    """The few things that the many belong to, all called growth."""
    place: dict[str, Any] = {"account": installation.settings.account_id, "region": installation.settings.region}
    with installation.database.transaction() as tx:
        s3.BUCKETS.put(tx, s3.Bucket(name="growth", created=datetime.now(UTC), **place))
        logs.GROUPS.put(tx, logs.LogGroup(name="growth", created=0, bytes=0, **place))
        logs.STREAMS.put(tx, logs.LogStream(group=group_id(installation), name="events", created=0))
        put(tx, codepipeline.PIPELINES, [1], name="growth", declaration=DECLARATION, executions=1_000_000, **place)
        put(tx, codepipeline.VERSIONS, [1], pipeline="growth", declaration=DECLARATION, **place)
        put(tx, codebuild.PROJECTS, [1], name="growth", **place)
        put(tx, ecr.REPOSITORIES, [1], name="growth", **place)
        put(tx, cloudformation.STACKS, [1], name="growth", id=stack_id("growth", place), status="OK", **place)


def group_id(installation: Installation) -> str:
    """What the events of the log group are stored under."""
    return f"{installation.settings.account_id}/{installation.settings.region}/growth"


def stack_id(name: str, place: dict[str, str]) -> str:
    """A stack's ARN."""
    return f"arn:aws:cloudformation:{place['region']}:{place['account']}:stack/{name}/1"


def fill(installation: Installation, numbers: range) -> None:
    """Add every kind of thing with those numbers."""
    for begin in range(numbers.start, numbers.stop, BATCH):
        batch = range(begin, min(begin + BATCH, numbers.stop))
        with installation.database.transaction() as tx:
            _delivery(tx, installation, batch)
            _others(tx, installation, batch)
            _own_tables(tx, installation, batch)


def _delivery(tx: Transaction, installation: Installation, numbers: Sequence[int]) -> None:
    place: dict[str, Any] = {"account": installation.settings.account_id, "region": installation.settings.region}
    done = {"status": "Succeeded", "pipeline": "growth", "version": 1}
    put(tx, codepipeline.EXECUTIONS, numbers, id="execution-{0}", mode="SUPERSEDED", **done, **place)
    for name in ("Source", "Build"):
        action = {"id": f"{name}-{{0}}", "execution": "execution-{0}", "stage": name, "action": name}
        put(
            tx,
            codepipeline.ACTIONS,
            numbers,
            declaration=DECLARATION["stages"][0]["actions"][0],
            **action,
            **done,
            **place,
        )
    put(tx, codebuild.BUILDS, numbers, id="growth:{0}", project="growth", settings=BUILD, ended=BEGAN, **place)
    arn = f"arn:aws:sagemaker:{place['region']}:{place['account']}"
    put(
        tx, JOBS, numbers, name="job-{0}", arn=f"{arn}:training-job/job-{{0}}", status="Completed", request=JOB, **place
    )
    put(tx, MODELS, numbers, name="model-{0}", arn=f"{arn}:model/model-{{0}}", **place)
    put(tx, CONFIGS, numbers, name="config-{0}", arn=f"{arn}:endpoint-config/config-{{0}}", **place)


def _others(tx: Transaction, installation: Installation, numbers: Sequence[int]) -> None:
    account, region = installation.settings.account_id, installation.settings.region
    place = {"account": account, "region": region}
    put(tx, functions.FUNCTIONS, numbers, name="function-{0}", version="$LATEST", **place)
    put(tx, functions.SETTINGS, numbers, name="function-{0}", **place)
    put(tx, identity.USERS, numbers, name="user-{0}", folded="user-{0}", path="/", account=account)
    put(tx, identity.ROLES, numbers, name="role-{0}", folded="role-{0}", path="/", account=account)
    put(tx, ssm.PARAMETERS, numbers, name="/growth/{0}", latest=1, **place)
    put(tx, ssm.VERSIONS, numbers, name="/growth/{0}", version=1, type="String", value="{0}", **place)
    put(tx, sns.TOPICS, numbers, name="topic-{0}", **place)
    put(tx, logs.GROUPS, numbers, name="group-{0}", bytes=0, **place)
    put(tx, logs.STREAMS, numbers, group=group_id(installation), name="stream-{0}")
    stack = stack_id("stack-{0}", place)
    put(tx, cloudformation.STACKS, numbers, name="stack-{0}", id=stack, status="DELETE_COMPLETE", **place)
    put(tx, cloudformation.EVENTS, numbers, stack_id=stack_id("growth", place))


def _own_tables(tx: Transaction, installation: Installation, numbers: Sequence[int]) -> None:
    """What is kept in tables of another form."""
    now = time.time()
    for number in numbers:
        version = s3.ObjectVersion(
            bucket="growth", key=f"key/{number:06d}", modified=BEGAN, size=5, etag="5d41402abc4b2a76b9719d911017c592"
        )
        s3.add_version(tx, version, [s3.Segment(size=5, salt=b"")], b"hello")
    events = [(EVENTS_BEGAN + number, f"event {number:06d}") for number in numbers]
    logs.add_events(tx, group_id(installation), "events", events, int(now * 1000))
    metrics = [
        (
            cloudwatch.Metric("growth", "count", (("number", f"{number:06d}"),)),
            cloudwatch.Point(now, "None", 1, 1, 1, 1, None),
        )
        for number in numbers
    ]
    cloudwatch.add_points(tx, installation.settings.account_id, installation.settings.region, metrics, now)
