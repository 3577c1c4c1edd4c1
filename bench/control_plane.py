"""Control plane: one describe of each protocol, signature and authorization on, beside moto and ministack."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench import loads, prepared, programs, sides
from bench.loads import Load, LoadFailed, Wrk
from bench.prepared import Prepared
from bench.samples import BOATYARD, Comparison, Goal, Measured
from bench.session import Session
from bench.sides import MOTO, UVICORN, Side

CONNECTIONS = 16
SIGNATURES = 64
NAME = "bench-described"
NOTE = (
    "wrk with one thread, in turn sending requests that boto3 built and signed beforehand; boatyard verifies the "
    "signatures and enforces the policies of an IAM user who may do these calls alone. moto and ministack, as they "
    "come, verify no signatures in headers and enforce no policies. moto does not speak cbor: in that row it has the "
    "same call in json 1.0. boto3 calls over one connection; its own work is in its latencies. uvicorn alone is "
    "boatyard's own HTTP server in one process of Python, with nothing behind it: it reads the request and answers "
    "1 KiB, whatever was asked."
)


@dataclass(frozen=True)
class Call:
    """A call of one protocol, the permission that it takes, and how it is made with boto3."""

    protocol: str
    service: str
    method: str
    arguments: dict[str, Any]
    action: str
    spoken: str | None = None
    spoken_by: dict[str, str] = field(default_factory=dict, hash=False)
    """What a side speaks that does not know this protocol."""

    @property
    def title(self) -> str:
        """The operation's name as AWS writes it."""
        return "".join(part.capitalize() for part in self.method.split("_"))


CALLS = (
    Call("json 1.0", "cloudwatch", "describe_alarms", {"AlarmNames": [NAME]}, "cloudwatch:DescribeAlarms", "json"),
    Call("json 1.1", "ecr", "describe_repositories", {"repositoryNames": [NAME]}, "ecr:DescribeRepositories"),
    Call("query", "cloudformation", "describe_stacks", {"StackName": NAME}, "cloudformation:DescribeStacks"),
    Call(
        "rest-json", "lambda", "get_function_configuration", {"FunctionName": NAME}, "lambda:GetFunctionConfiguration"
    ),
    Call("rest-xml", "s3", "get_bucket_tagging", {"Bucket": NAME}, "s3:GetBucketTagging"),
    Call(
        "cbor",
        "cloudwatch",
        "describe_alarms",
        {"AlarmNames": [NAME]},
        "cloudwatch:DescribeAlarms",
        "smithy-rpc-v2-cbor",
        {MOTO: "json"},
    ),
)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": sorted({call.action for call in CALLS}), "Resource": "*"}],
}


@dataclass(frozen=True)
class Setting:
    """The servers with what is described, and wrk."""

    session: Session
    room: Path
    wrk: Wrk
    servers: dict[str, Side]
    limit: Side

    @property
    def seconds(self) -> float:
        """How long one run of wrk takes."""
        return 1.5 if self.session.full else 0.25


def measure(session: Session) -> list[Measured]:
    """Calls in a second of each protocol, over 16 connections, over one in the full form, and with boto3."""
    with _setting(session) as setting:
        found: list[Measured] = []
        for call in CALLS:
            session.say(f"{call.title} ({call.protocol})")
            found += _measure(setting, call)
        return sorted(found, key=lambda each: ("_16", "_1", "_boto3").index(each.key[each.key.rindex("_") :]))


@contextmanager
def _setting(session: Session) -> Iterator[Setting]:
    room = session.room("control-plane")
    wrk = Wrk(*programs.program(session, "wrk"))
    with sides.all_sides(session, room, POLICY) as servers, sides.limit(UVICORN, room) as limit:
        for side in servers.values():
            create_what_is_described(side)
        yield Setting(session, room, wrk, servers, limit)


def create_what_is_described(side: Side) -> None:
    """One of each thing that the calls describe."""
    owner: Callable[[str], Any] = partial(side.client, owner=True)
    owner("cloudwatch").put_metric_alarm(
        AlarmName=NAME,
        Namespace="Bench",
        MetricName="Requests",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    owner("ecr").create_repository(repositoryName=NAME)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = owner("iam").create_role(
        RoleName=NAME, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("function.py", "def handler(event, context):\n    return event\n")
    owner("lambda").create_function(
        FunctionName=NAME,
        Runtime="python3.11",
        Role=role,
        Handler="function.handler",
        Code={"ZipFile": code.getvalue()},
    )
    s3 = owner("s3")
    s3.create_bucket(Bucket=NAME)
    s3.put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": [{"Key": "stage", "Value": NAME}]})
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": NAME}}
    stacks = owner("cloudformation")
    stacks.create_stack(StackName=NAME, TemplateBody=json.dumps({"Resources": {"Group": group}}))
    stacks.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def _measure(setting: Setting, call: Call) -> list[Measured]:
    found: list[Measured] = []
    clients = {name: client_for(side, call) for name, side in setting.servers.items()}
    files = {}
    for name, side in setting.servers.items():
        # A signature in the headers holds for 15 minutes.
        requests = signed(side, call, clients[name])
        files[name] = prepared.write(setting.room / f"{name}-{call.protocol}", requests)
    title = f"{call.title} ({call.protocol})"
    for connections in (CONNECTIONS, 1) if setting.session.full else (CONNECTIONS,):
        runs = {
            name: partial(_wrk, setting, side, call, files[name], connections) for name, side in setting.servers.items()
        }
        if call is CALLS[0]:
            runs[UVICORN] = partial(_wrk, setting, setting.limit, call, files[BOATYARD], connections)
        goals = [Goal(value=5, at_least=True, against=MOTO)] if connections > 1 else []
        many = f"{connections} connections" if connections > 1 else "one connection"
        loaded = loads.in_turn(runs, setting.session.runs)
        found.append(_comparison(call, str(connections), f"{title}, {many}", loaded, goals))
    calls = {name: partial(_boto3, setting, client, call) for name, client in clients.items()}
    loaded = loads.in_turn(calls, setting.session.runs)
    found.append(_comparison(call, "boto3", f"{title}, boto3, one connection", loaded, []))
    return found


def _comparison(call: Call, way: str, title: str, found: dict[str, list[Load]], goals: list[Goal]) -> Comparison:
    return Comparison(
        key=f"{call.protocol.replace(' ', '_')}_{way}",
        title=title,
        unit="calls/s",
        runs={side: [load.rate for load in runs] for side, runs in found.items()},
        goals=goals,
        more_is_better=True,
        latency=loads.latency(found),
        note=NOTE,
    )


def client_for(side: Side, call: Call) -> Any:
    """A client that speaks the call's protocol, or what the side speaks instead."""
    return side.client(call.service, protocol=call.spoken_by.get(side.name, call.spoken))


def signed(side: Side, call: Call, client: Any) -> list[Prepared]:
    """The call as boto3 sends it, several times, each signed anew; the side answers it rightly."""
    made = prepared.several(SIGNATURES, lambda: prepared.of_call(client, call.method, **call.arguments))
    body = loads.answer(side.name, side.url, made[0])
    if NAME.encode() not in body:
        raise LoadFailed(f"{side.name} does not describe {NAME} with {call.title} ({call.protocol}): {body[:1000]!r}")
    return made


def _wrk(setting: Setting, side: Side, call: Call, file: Path, connections: int) -> Load:
    return setting.wrk.run(
        f"{side.name} ({call.title}, {call.protocol})",
        side.url,
        file,
        connections=connections,
        seconds=setting.seconds,
        least_bytes=len(NAME),
    )


def _boto3(setting: Setting, client: Any, call: Call) -> Load:
    def once(thread: int, count: int) -> int:
        getattr(client, call.method)(**call.arguments)
        return 0

    return loads.calls(once, threads=1, seconds=setting.seconds * 0.6)
