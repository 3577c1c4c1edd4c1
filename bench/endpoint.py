"""Endpoint: InvokeEndpoint through boatyard, beside the container's own port."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import loads, prepared, programs, proxies
from bench.loads import Load, Wrk
from bench.prepared import Prepared
from bench.samples import BOATYARD, Comparison, Goal, Measured, median
from bench.session import Session

if TYPE_CHECKING:
    from boatyard.cli.servers import Running

CONTAINER = "container"
NOTHING = "bench-nothing"
CONNECTIONS = 16
SIGNATURES = 64
ROW = b"5.1,3.5,1.4,0.2\n"
PATHS = "/opt/ml/model:/usr/local/bin:/usr/bin:/bin"
NOTE = (
    "wrk with one thread sends one row; to boatyard as InvokeEndpoint, signed beforehand by boto3 as an IAM user who "
    "may invoke these endpoints alone, with signature and policies judged at every request; to the container as POST "
    "/invocations to its own address. The blueprint's algorithm is Flask and a decision tree under gunicorn, deployed "
    "by its own pipeline."
)
LIMIT = (
    "The algorithm keeps both processors busy with 16 connections, so that every processor second that boatyard takes "
    "is one that the container does not get: the most that its throughput can be is the container's processor time for "
    "a request, divided by that of both. Beside it are shown what a proxy in Python reaches that checks nothing "
    "(bench/bare_proxy.py, the same server and client code), and nginx."
)
EMPTY = "A container that answers at once shows what boatyard itself costs: no proxy can keep its throughput."


@dataclass(frozen=True)
class Served:
    """An endpoint in service: through boatyard, and at its container's address."""

    title: str
    key: str
    server: Running
    gateway: list[Prepared]
    address: str
    direct: Prepared
    processes: Callable[[], list[int]]

    @property
    def urls(self) -> dict[str, str]:
        """Where each side is asked."""
        return {BOATYARD: self.server.url, CONTAINER: f"http://{self.address}:8080"}


def measure(session: Session) -> list[Measured]:
    """Latency over one connection, throughput over sixteen, and processor time, of the algorithm and of nothing."""
    wrk = Wrk(*programs.program(session, "wrk"))
    room = session.room("endpoint")
    with _delivered(session, room) as (server, lab):
        client = _invoker(server)
        endpoints = {"The blueprint's algorithm": lab.endpoint("prod"), "A container that answers at once": NOTHING}
        _serve_nothing(session, lab)
        found: list[Measured] = []
        for title, name in endpoints.items():
            session.say(title)
            served = _served(title, name, server, client)
            found += _measure(session, room, wrk, served)
        found.append(_boto3(session, client, lab.endpoint("prod")))
        return found


@contextmanager
def _delivered(session: Session, room: Path) -> Iterator[tuple[Running, Any]]:
    from bench.deliveries import Deliveries
    from boatyard.demo.lab import blueprint_directory

    shutil.copytree(blueprint_directory(), room / "blueprint")
    session.say("delivering the blueprint's algorithm, whose image is built from nothing")
    with Deliveries(room / "blueprint") as deliveries:
        deliveries.push()
        yield deliveries.lab.server, deliveries.lab


def _invoker(server: Running) -> Any:
    """A client of a user who may invoke endpoints and nothing else."""
    import boto3

    settings = server.settings
    resource = f"arn:aws:sagemaker:{settings.region}:{settings.account_id}:endpoint/*"
    statement = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": resource}
    iam = server.client("iam")
    iam.create_user(UserName="bench")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="bench", PolicyName="invoke", PolicyDocument=policy)
    made = iam.create_access_key(UserName="bench")["AccessKey"]
    make: Any = boto3.client
    return make(
        "sagemaker-runtime",
        region_name=settings.region,
        endpoint_url=server.url,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    )


def _serve_nothing(session: Session, lab: Any) -> None:
    """An endpoint of the same image, whose model brings a program `serve` of its own."""
    sagemaker = lab.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=lab.endpoint("prod"))["EndpointConfigName"]
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    container = model["PrimaryContainer"]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    key = f"{key.rpartition('/')[0]}/nothing.tar.gz"
    lab.client("s3").put_object(Bucket=bucket, Key=key, Body=_packed(Path(__file__).parent / "serve_nothing"))
    own = {"Image": container["Image"], "ModelDataUrl": f"s3://{bucket}/{key}", "Environment": {"PATH": PATHS}}
    sagemaker.create_model(ModelName=NOTHING, PrimaryContainer=own, ExecutionRoleArn=model["ExecutionRoleArn"])
    sagemaker.create_endpoint_config(
        EndpointConfigName=NOTHING, ProductionVariants=[{**variant, "ModelName": NOTHING, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=NOTHING, EndpointConfigName=NOTHING)
    session.say("waiting for the container that answers at once")
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=NOTHING, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def _packed(program: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        entry = tarfile.TarInfo("serve")
        entry.mode, entry.size = 0o755, program.stat().st_size
        with program.open("rb") as file:
            archive.addfile(entry, file)
    return content.getvalue()


def _served(title: str, name: str, server: Running, client: Any) -> Served:
    from boatyard.containers.engine import Engine

    settings = server.settings
    arn = f"arn:aws:sagemaker:{settings.region}:{settings.account_id}:endpoint/{name}"
    engine = Engine.from_settings(settings)
    containers = [each for each in engine.containers({"boatyard.arn": arn}) if each.running]
    if len(containers) != 1:
        raise SystemExit(f"The endpoint {name} has {len(containers)} containers that run, not one.")
    container = containers[0]
    address = container.address
    arguments = {"EndpointName": name, "ContentType": "text/csv", "Body": ROW}
    sign = partial(prepared.of_call, client, "invoke_endpoint", **arguments)
    lines = [
        "POST /invocations HTTP/1.1",
        f"Host: {address}:8080",
        "Content-Type: text/csv",
        f"Content-Length: {len(ROW)}",
    ]
    head = "\r\n".join([*lines, "", ""])
    pid = int(container.inspect()["State"]["Pid"])
    return Served(
        title=title,
        key=name.rpartition("-")[2],
        server=server,
        gateway=prepared.several(SIGNATURES, sign),
        address=address,
        direct=Prepared(head.encode(), ROW),
        processes=partial(_family, pid),
    )


def _measure(session: Session, room: Path, wrk: Wrk, served: Served) -> list[Measured]:
    files = {
        BOATYARD: prepared.write(room / f"{served.key}-gateway", served.gateway),
        CONTAINER: prepared.write(room / f"{served.key}-direct", [served.direct]),
    }
    seconds = 3.0 if session.full else 0.4
    pids = {BOATYARD: [served.server.pid], CONTAINER: served.processes()}
    costs: dict[str, list[float]] = {side: [] for side in files}

    def load(side: str, connections: int) -> Load:
        before = {each: processor_seconds(pids[each]) for each in pids}
        done = wrk.run(side, served.urls[side], files[side], connections=connections, seconds=seconds)
        if side == BOATYARD and connections > 1:
            for each, spent in before.items():
                costs[each].append(1000 * (processor_seconds(pids[each]) - spent) / done.requests)
        return done

    one = loads.in_turn({side: partial(load, side, 1) for side in files}, session.runs)
    with proxies.before(session, room / f"{served.key}-proxies", served.address) as others:
        run = partial(wrk.run, requests=files[CONTAINER], connections=CONNECTIONS, seconds=seconds)
        beside = {side: partial(run, side, url) for side, url in others.items()}
        many = loads.in_turn({side: partial(load, side, CONNECTIONS) for side in files} | beside, session.runs)
    costs = {side: runs[-session.runs :] for side, runs in costs.items()}
    algorithm = served.key != "nothing"
    note = f"{NOTE} {LIMIT} Here the most is {share(costs[CONTAINER], costs[BOATYARD]):.0%}." if algorithm else EMPTY
    return [
        Comparison(
            key=f"added_{served.key}",
            title=f"{served.title}: p50 that boatyard adds, one connection",
            unit="ms",
            runs={BOATYARD: added(one[BOATYARD], one[CONTAINER])},
            goals=[Goal(value=1.0)],
            note=note,
        ),
        _rates(f"one_{served.key}", f"{served.title}: one connection", one, []),
        _rates(
            f"many_{served.key}",
            f"{served.title}: {CONNECTIONS} connections",
            many,
            [Goal(value=0.9, at_least=True, against=CONTAINER)] if algorithm else [],
        ),
        Comparison(
            key=f"cost_{served.key}",
            title=f"{served.title}: processor time of a request, of boatyard's server and of the container",
            unit="ms",
            runs=costs,
        ),
    ]


def _rates(key: str, title: str, found: dict[str, list[Load]], goals: list[Goal]) -> Comparison:
    return Comparison(
        key=key,
        title=title,
        unit="requests/s",
        runs={side: [load.rate for load in runs] for side, runs in found.items()},
        goals=goals,
        more_is_better=True,
        latency=loads.latency(found),
    )


def added(through: list[Load], direct: list[Load]) -> list[float]:
    """What the way through boatyard takes more, in milliseconds of p50: run by run, measured in turn."""
    return [mine.p50 - other.p50 for mine, other in zip(through, direct, strict=True)]


def share(kept: list[float], taken: list[float]) -> float:
    """The part of the processors that is left for what costs `kept`, where each time `taken` is spent too."""
    return median(kept) / (median(kept) + median(taken))


def _boto3(session: Session, client: Any, name: str) -> Comparison:
    def call(*_: int) -> int:
        return len(client.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=ROW)["Body"].read())

    run = partial(loads.calls, call, threads=1, seconds=2.0 if session.full else 0.5)
    return _rates("boto3", "The blueprint's algorithm, boto3", loads.in_turn({BOATYARD: run}, session.runs), [])


def _family(pid: int) -> list[int]:
    """A process and all that come from it."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid] + [each for path in children for child in path.read_text().split() for each in _family(int(child))]


def processor_seconds(pids: list[int]) -> float:
    """User and system time of processes so far (proc(5))."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
