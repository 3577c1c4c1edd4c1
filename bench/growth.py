"""Growth: what requests, the start and memory cost with 10, 1,000 and many of everything that is kept."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from bench import loads, prepared
from bench.prepared import Prepared
from bench.samples import BOATYARD, Comparison, Curve, Goal, Measured, median
from bench.session import Session, resident_mebibytes, timed

if TYPE_CHECKING:
    from boatyard.cli.servers import Running

SHORT, FULL = [10, 1_000, 10_000], [10, 1_000, 100_000]
CALLS = 20
SETTLE_SECONDS = 0.5
STEADY_SECONDS = 2.0
USER = "bench-growth"
QUOTAS = {"ssm.Parameters": 1_000_000, "iam.UsersPerAccount": 1_000_000}
NOTE = (
    "Requests are signed beforehand by boto3 as an IAM user and sent over one kept connection; a run is the median of "
    f"{CALLS} calls. With each size there are that many objects, log streams and events, executions, actions, builds, "
    "jobs, models, configurations, functions, users, roles, parameters, topics, metrics, stacks and stack events at "
    "the same time, written by the services' own records while the server is stopped. Lists ask for 10."
)
WORST = "growth_worst"


@dataclass(frozen=True)
class Operation:
    """One kind of call; `arguments` are given the number of the call and how much there is."""

    key: str
    title: str
    of: str
    service: str
    method: str
    arguments: Callable[[int, int], dict[str, Any]]


def operations() -> list[Operation]:
    """What is called at every size: put, the first page, a page in the middle and describe of each kind."""
    from bench.filling import EVENTS_BEGAN
    from boatyard.api.paging import encode_token

    s3 = {"Bucket": "growth"}
    logs = {"logGroupName": "growth", "logStreamName": "events"}
    pipeline = {"pipelineName": "growth"}

    def line(number: int, _: int) -> dict[str, Any]:
        return logs | {"logEvents": [{"timestamp": int(time.time() * 1000), "message": f"call {number}"}]}

    return [
        Operation("put_object", "S3 PutObject, 1 KiB", "objects", "s3", "put_object",
                  lambda number, _: s3 | {"Key": f"new/{number}", "Body": bytes(1024)}),
        Operation("list_objects", "S3 ListObjectsV2, first page", "objects", "s3", "list_objects_v2",
                  lambda *_: s3 | {"MaxKeys": 10}),
        Operation("list_objects_middle", "S3 ListObjectsV2, page in the middle", "objects", "s3", "list_objects_v2",
                  lambda _, size: s3 | {"MaxKeys": 10, "StartAfter": f"key/{size // 2:06d}"}),
        Operation("get_object_attributes", "S3 GetObjectAttributes", "objects", "s3", "get_object_attributes",
                  lambda number, size: s3 | {"Key": f"key/{number % size:06d}", "ObjectAttributes": ["ETag"]}),
        Operation("put_log_events", "PutLogEvents", "log events", "logs", "put_log_events", line),
        Operation("get_log_events", "GetLogEvents, first page", "log events", "logs", "get_log_events",
                  lambda *_: logs | {"limit": 10, "startFromHead": True}),
        Operation("get_log_events_middle", "GetLogEvents, page in the middle", "log events", "logs", "get_log_events",
                  lambda _, size: logs | {"limit": 10, "startFromHead": True, "startTime": EVENTS_BEGAN + size // 2}),
        Operation("start_execution", "StartPipelineExecution", "executions", "codepipeline",
                  "start_pipeline_execution", lambda *_: {"name": "growth"}),
        Operation("list_executions", "ListPipelineExecutions, first page", "executions", "codepipeline",
                  "list_pipeline_executions", lambda *_: pipeline | {"maxResults": 10}),
        Operation("list_executions_middle", "ListPipelineExecutions, page in the middle", "executions",
                  "codepipeline", "list_pipeline_executions",
                  lambda _, size: pipeline
                  | {"maxResults": 10, "nextToken": encode_token([size // 2, f"execution-{size // 2:06d}"])}),
        Operation("get_execution", "GetPipelineExecution", "executions", "codepipeline", "get_pipeline_execution",
                  lambda number, size: pipeline | {"pipelineExecutionId": f"execution-{number % size:06d}"}),
        Operation("put_parameter", "SSM PutParameter", "records", "ssm", "put_parameter",
                  lambda number, _: {"Name": f"/new/{number}", "Value": "new", "Type": "String"}),
        Operation("get_parameters", "SSM GetParametersByPath, first page", "records", "ssm", "get_parameters_by_path",
                  lambda *_: {"Path": "/growth", "MaxResults": 10}),
        Operation("list_jobs", "SageMaker ListTrainingJobs, first page", "records", "sagemaker", "list_training_jobs",
                  lambda *_: {"MaxResults": 10}),
        Operation("describe_job", "SageMaker DescribeTrainingJob", "records", "sagemaker", "describe_training_job",
                  lambda number, size: {"TrainingJobName": f"job-{number % size:06d}"}),
    ]  # fmt: skip


def measure(session: Session) -> list[Measured]:
    """A curve of each operation, of the start and of memory; and which of them grew most."""
    sizes = FULL if session.full else SHORT
    curves = _curves(sizes)
    numbers = count(1)
    keys: dict[str, str] = {}
    before = 0
    from boatyard.cli import down

    _remove()
    os.environ["BOATYARD_QUOTAS"] = json.dumps(QUOTAS)
    try:
        for size in sizes:
            session.say(f"writing {size - before:,} more of everything")
            keys = _fill(range(before, size), keys)
            before = size
            found = _starts(session, curves)
            _calls(session, curves, size, found, keys, numbers)
            curves["busy_memory"].runs.append([resident_mebibytes(found.pid)])
            down.stop_server(found)
            session.say(f"{size:,}: measured")
    finally:
        del os.environ["BOATYARD_QUOTAS"]
        _remove()
    return [_worst(sizes, curves), *curves.values()]


def _remove() -> None:
    """What this run has made, or one before it that was killed; the directory is the benchmark's own."""
    from boatyard.cli import reset, servers

    if (servers.settings_for().data_directory / "state.db").exists():
        reset.reset(yes=True)


def _curves(sizes: list[int]) -> dict[str, Curve]:
    made = {"start": Curve(key="start", title="Start until ready", unit="s", of="everything", sizes=sizes, runs=[])}
    for each in operations():
        made[each.key] = Curve(key=each.key, title=each.title, unit="ms", of=each.of, sizes=sizes, runs=[], note=NOTE)
    for key, title in (("idle_memory", "Memory, idle"), ("busy_memory", "Memory after these requests")):
        made[key] = Curve(key=key, title=title, unit="MiB", of="everything", sizes=sizes, runs=[])
    return made


def _fill(numbers: range, keys: dict[str, str]) -> dict[str, str]:
    """Write the records of these numbers; with the first ones, the user that asks for them later."""
    from bench import filling
    from boatyard.api.installation import Installation
    from boatyard.cli import servers

    installation = Installation(servers.settings_for())
    try:
        if not keys:
            filling.prepare(installation)
            call = installation.root_call()
            call.invoke("iam", "CreateUser", UserName=USER)
            policy = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}], "Version": "2012-10-17"}
            call.invoke("iam", "PutUserPolicy", UserName=USER, PolicyName="all", PolicyDocument=json.dumps(policy))
            keys = call.invoke("iam", "CreateAccessKey", UserName=USER)["AccessKey"]
        filling.fill(installation, numbers)
    finally:
        installation.close()
    return keys


def _starts(session: Session, curves: dict[str, Curve]) -> Running:
    """Start several times; the server that runs at the end."""
    from boatyard.cli import down, servers, up

    spent: list[float] = []
    idle: list[float] = []
    for run in range(session.runs + 1):
        seconds = timed(lambda: up.start_in_background(servers.settings_for()))
        found = servers.require_running()
        if run:
            spent.append(seconds)
            time.sleep(SETTLE_SECONDS)
            idle.append(resident_mebibytes(found.pid))
        if run < session.runs:
            down.stop_server(found)
    curves["start"].runs.append(spent)
    curves["idle_memory"].runs.append(idle)
    time.sleep(STEADY_SECONDS)
    return found


def _calls(
    session: Session, curves: dict[str, Curve], size: int, found: Running, keys: dict[str, str], numbers: count[int]
) -> None:
    """The runs of all operations in turn, after one of each that does not count."""
    clients = {each.service: _client(found, keys, each.service) for each in operations()}
    runs: dict[str, list[float]] = {each.key: [] for each in operations()}
    for run in range(session.runs + 1):
        for each in operations():
            make = partial(_prepare, clients[each.service], each, size, numbers)
            load = loads.fixed(BOATYARD, found.url, prepared.several(CALLS, make), connections=1)
            if run:
                runs[each.key].append(load.p50)
    for key, values in runs.items():
        curves[key].runs.append(values)


def _prepare(client: Any, operation: Operation, size: int, numbers: count[int]) -> Prepared:
    arguments = operation.arguments(next(numbers), size)
    if "Body" in arguments:
        body = arguments.pop("Body")
        url = client.generate_presigned_url(operation.method, arguments)
        return prepared.to_url(url, "PUT", body)
    return prepared.of_call(client, operation.method, **arguments)


def _client(found: Running, keys: dict[str, str], service: str) -> Any:
    import boto3

    make: Any = boto3.client
    return make(
        service,
        region_name=found.settings.region,
        endpoint_url=found.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )


def _worst(sizes: list[int], curves: dict[str, Curve]) -> Comparison:
    """How many times more the largest size costs than the smallest, in the curve that grew most."""
    key = max(curves, key=lambda each: growth(curves[each]))
    return Comparison(
        key=WORST,
        title=f"Growth from {sizes[0]:,} to {sizes[-1]:,} of the curve that grew most: {curves[key].title}",
        unit="times",
        runs={BOATYARD: [growth(curves[key])]},
        goals=[Goal(value=logarithmic(sizes))],
        note="The goal of growth is the ratio of the sizes' logarithms.",
    )


def growth(curve: Curve) -> float:
    """The last median divided by the first."""
    return median(curve.runs[-1]) / median(curve.runs[0])


def logarithmic(sizes: list[int]) -> float:
    """How many times more the last size costs than the first where the cost is the size's logarithm."""
    return round(math.log(sizes[-1]) / math.log(sizes[0]), 2)
