"""Functions: a cold start, a warm invocation, and what a bare container of the same image takes to begin."""

from __future__ import annotations

import io
import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from bench import loads, prepared, programs
from bench.loads import Load, Wrk
from bench.samples import BOATYARD, Comparison, Goal, Measured, alternate
from bench.session import Session

if TYPE_CHECKING:
    from boatyard.cli.servers import Running

BARE = "podman run"
NAME = "bench-echo"
EVENT = b'{"key": "value"}'
CODE = "def handler(event, context):\n    return event\n"
ENDS_WITHIN = 60.0
SIGNATURES = 64
# The least that a function's container does before it can take an event.
LOADED = "import awslambdaric.bootstrap; print('loaded', flush=True)"
COLD = (
    "Cold: the function's configuration is changed, and the old instance has ended, before each call of boto3 that is "
    "timed: a new container, its network, the runtime and the handler loaded, the event handled and its log written. "
    "Bare: `podman run` of the same image with the same limits until the runtime interface client is imported."
)
WARM = (
    "Warm: wrk with one thread, requests signed beforehand by boto3 as an IAM user who may invoke this function alone; "
    "every invocation waits until its lines are handed to the log."
)


@dataclass(frozen=True)
class Setting:
    """A server with the function, its owner's client, and that of a user who may invoke it."""

    session: Session
    server: Running
    owner: Any
    invoker: Any


def measure(session: Session) -> list[Measured]:
    """Seconds of a cold start beside a bare container's, and milliseconds of warm invocations."""
    wrk = Wrk(*programs.program(session, "wrk"))
    with _setting(session) as setting:
        session.say("cold starts")
        numbers = count()
        cold = alternate({BOATYARD: partial(_cold, setting, numbers), BARE: partial(_bare, setting)}, session.runs)
        session.say("warm invocations")
        return [
            Comparison(
                key="cold", title="Cold start and invocation", unit="s", runs=cold, goals=[Goal(value=1.0)], note=COLD
            ),
            *_warm(setting, wrk),
        ]


@contextmanager
def _setting(session: Session) -> Iterator[Setting]:
    from boatyard.cli import reset, servers, up

    settings = servers.settings_for()
    if (settings.data_directory / "state.db").exists():
        # A run that was killed has left it; the directory is the benchmark's own.
        reset.reset(yes=True)
    up.start_in_background(settings)
    try:
        server = servers.require_running()
        owner = server.client("lambda")
        arn = _create(server, owner)
        yield Setting(session, server, owner, _invoker(server, arn))
    finally:
        reset.reset(yes=True)


def _create(server: Running, owner: Any) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = server.client("iam")
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=NAME, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("function.py", CODE)
    made = owner.create_function(
        FunctionName=NAME,
        Runtime="python3.11",
        Role=role,
        Handler="function.handler",
        MemorySize=256,
        Code={"ZipFile": content.getvalue()},
    )
    return str(made["FunctionArn"])


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _invoker(server: Running, arn: str) -> Any:
    import boto3

    iam = server.client("iam")
    iam.create_user(UserName="bench")
    allowed = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    iam.put_user_policy(UserName="bench", PolicyName="invoke", PolicyDocument=_policy(allowed))
    made = iam.create_access_key(UserName="bench")["AccessKey"]
    make: Any = boto3.client
    return make(
        "lambda",
        region_name=server.settings.region,
        endpoint_url=server.url,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    )


def _cold(setting: Setting, numbers: count[int]) -> float:
    """Seconds of an invocation that needs a new instance."""
    variables = {"NUMBER": str(next(numbers))}
    setting.owner.update_function_configuration(FunctionName=NAME, Environment={"Variables": variables})
    _wait_until_none_runs(setting.server)
    began = time.perf_counter()
    _invoke(setting)
    return time.perf_counter() - began


def _invoke(setting: Setting) -> int:
    answer = setting.invoker.invoke(FunctionName=NAME, Payload=EVENT)
    payload: bytes = answer["Payload"].read()
    if answer.get("FunctionError") or json.loads(payload) != json.loads(EVENT):
        raise SystemExit(f"The function answered {payload.decode(errors='replace')}: it was not measured.")
    return len(payload)


def _wait_until_none_runs(server: Running) -> None:
    from boatyard.containers.engine import Engine

    engine = Engine.from_settings(server.settings)
    end = time.monotonic() + ENDS_WITHIN
    while engine.containers({"boatyard.service": "lambda"}):
        if time.monotonic() > end:
            raise SystemExit(f"The function's old instance has not ended within {ENDS_WITHIN:.0f} s.")
        time.sleep(0.05)


def _bare(setting: Setting) -> float:
    """Seconds until a container of podman has loaded what every function needs."""
    from boatyard.containers.engine import Engine

    engine = Engine.from_settings(setting.server.settings)
    if engine.service is None:
        raise SystemExit("Boatyard uses another engine than its own podman here: there is nothing to compare with.")
    image = engine.environment("functions")
    limits = ["--read-only", "--tmpfs", "/tmp", "--memory", "256m", "--pids-limit", "1024"]
    command = ["podman", "run", "--rm", *limits, "--entrypoint", "python3", image, "-c", LOADED]
    began = time.perf_counter()
    with subprocess.Popen(command, env=engine.service.environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        spent = time.perf_counter() - began
    if line.strip() != "loaded" or process.returncode:
        raise SystemExit(f"podman run ended with exit status {process.returncode}: it was not measured.")
    return spent


def _warm(setting: Setting, wrk: Wrk) -> list[Measured]:
    session = setting.session
    sign = partial(prepared.of_call, setting.invoker, "invoke", FunctionName=NAME, Payload=EVENT)
    file = prepared.write(session.room("functions") / "invocations", prepared.several(SIGNATURES, sign))
    seconds = 3.0 if session.full else 0.5
    _invoke(setting)

    def with_boto3(*_: int) -> int:
        return _invoke(setting)

    ways: dict[str, Callable[[], Load]] = {
        "one connection": partial(wrk.run, BOATYARD, setting.server.url, file, connections=1, seconds=seconds),
        "boto3": partial(loads.calls, with_boto3, threads=1, seconds=seconds),
    }
    found: list[Measured] = []
    for way, load in ways.items():
        loaded = loads.in_turn({BOATYARD: load}, session.runs)
        for part, goals in (("p50", [Goal(value=5.0)] if way != "boto3" else []), ("p99", [])):
            runs = {BOATYARD: [getattr(each, part) for each in loaded[BOATYARD]]}
            title = f"Warm invocation, {way}: {part}"
            found.append(
                Comparison(
                    key=f"warm_{way.split()[0]}_{part}", title=title, unit="ms", runs=runs, goals=goals, note=WARM
                )
            )
    return found
