"""One attacker in each kind of workload, all at once; each test then judges what they report."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import io
import ipaddress
import json
import secrets
import socket
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from boatyard.containers.engine import Engine
from boatyard.containers.networks import POOL, PREFIX_LENGTH
from boatyard.containers.service import run_directory
from boatyard.settings import Settings
from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import ended, eventually, job_request, make_bucket, settled
from tests.services.sagemaker.image import push_algorithm

ATTACKER = Path(__file__).with_name("attacker.py")
VICTIM_PORT = 8080
SERVICES = ("lambda", "codebuild", "sagemaker")
# An image that means harm: what it says of itself must not count.
HOSTILE = {
    "Env": [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LD_PRELOAD=/opt/not-there.so",
        "AWS_ENDPOINT_URL=http://192.0.2.1",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/mine",
        "AWS_REGION=eu-north-1",
        "FILLER=" + "x" * 20_000,
    ],
    "Labels": {
        "boatyard.data-directory": "/elsewhere",
        "boatyard.service": "lambda",
        "boatyard.kind": "notebook",
        "boatyard.lambda.instance": "mine",
        "boatyard.other": "mine",
        "filler": "x" * 20_000,
    },
    "Healthcheck": {"Test": ["CMD-SHELL", "touch /opt/ml/model/healthcheck"], "Interval": 1_000_000_000},
    "Volumes": {"/opt/volume": {}},
}


class Canaries:
    """Services of the machine that no workload may reach: on loopback, on every address, in the abstract."""

    def __init__(self) -> None:
        self.visitors: list[str] = []
        self.abstract = f"boatyard-canary-{secrets.token_hex(8)}"
        self._sockets = _everywhere()
        self.port: int = self._sockets[0].getsockname()[1]
        loopback = _listener(socket.AF_INET, "127.0.0.1", 0)
        self.loopback: int = loopback.getsockname()[1]
        named = socket.socket(socket.AF_UNIX)
        named.bind("\0" + self.abstract)
        named.listen()
        self._sockets += [loopback, named]
        for each in self._sockets:
            threading.Thread(target=self._answer, args=(each,), daemon=True).start()

    def _answer(self, listener: socket.socket) -> None:
        while True:
            try:
                made, place = listener.accept()
            except OSError:
                return
            self.visitors.append(place[0] if isinstance(place, tuple) else "")
            with contextlib.suppress(OSError), made:
                made.sendall(b"canary")

    def close(self) -> None:
        """No more."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def has_ipv6() -> bool:
    """Whether the machine has IPv6 addresses."""
    path = Path("/proc/net/if_inet6")
    return path.exists() and bool(path.read_text())


def _everywhere() -> list[socket.socket]:
    """Listeners on one port of every address."""
    for _ in range(100):
        first = _listener(socket.AF_INET, "0.0.0.0", 0)
        if not has_ipv6():
            return [first]
        try:
            return [first, _listener(socket.AF_INET6, "::", first.getsockname()[1])]
        except OSError:
            first.close()  # the port is another's over IPv6
    raise AssertionError("no port is free on all addresses")


def _listener(family: int, address: str, port: int) -> socket.socket:
    made = socket.socket(family)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, port))
    made.listen(50)
    return made


def _from_a_container(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True  # a Unix socket has no address, and nobody else knows its name
    return found.is_link_local or found in POOL


def addresses() -> dict[str, str]:
    """The machine's addresses by interface and family, those of boatyard's own bridges aside."""
    listed = subprocess.run(["ip", "-json", "addr"], capture_output=True, check=True, text=True).stdout
    found = {}
    for interface in json.loads(listed):
        for each in interface.get("addr_info", []):
            if each["scope"] != "link" and not interface["ifname"].startswith("boat"):
                found[f"{interface['ifname']} {each['local']}"] = each["local"]
    return found


@dataclass
class Field:
    """The server with the victim in it, and what the attackers have found."""

    server: RunningServer
    canaries: Canaries
    victim: dict[str, str]
    targets: dict[str, Any]
    role: str
    bucket: str
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    visitors: list[str] = field(default_factory=list)
    """Who came to the canaries while the attackers were at it."""
    inspected: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the engine says of some containers while they run."""


def targets_of(server: RunningServer, canaries: Canaries, victim: dict[str, str]) -> dict[str, Any]:
    """What every attacker tries to reach."""
    data = server.data_directory
    own = {f"the machine's {name}": [address, canaries.port] for name, address in addresses().items()}
    gateway = victim["gateway"]
    stolen = f"http://169.254.170.2{victim['path']}"
    runtime = f"http://169.254.170.2/2018-06-01/runtime/invocation/{secrets.token_hex(8)}/response"
    forged = ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip", "Host")
    engine = str(run_directory(data) / "engine.sock")
    return {
        "canary": canaries.port,
        "connect": own
        | {
            "loopback": ["127.0.0.1", canaries.loopback],
            "the server on loopback": ["127.0.0.1", server.port],
            "the victim": [victim["address"], VICTIM_PORT],
            "the victim's gateway": [gateway, canaries.port],
            "the server at the victim's gateway": [gateway, server.port],
            "instance metadata": ["169.254.169.254", 80],
        },
        "datagram": {"the victim's gateway": [gateway, 53]},
        "sockets": [f"@{canaries.abstract}", engine, "/run/podman/podman.sock", "/var/run/docker.sock"],
        "names": [victim["name"], f"lambda-{victim['name']}"],
        "http": {
            "stolen": {"url": stolen},
            **{name: {"url": stolen, "headers": {name: victim["address"]}} for name in forged},
            "guessed": {"url": "http://169.254.170.2/v2/credentials/root"},
            "another's event": {"url": runtime.replace(runtime.rpartition("/invocation/")[2], "next")},
        },
        "files": [
            *(str(data / name) for name in ("", "credentials", "sealing-key", "state.db", "blobs", "codebuild")),
            engine,
            str(Path.home() / ".aws"),
            str(Path(__file__)),
        ],
    }


@pytest.fixture(scope="session")
def arena(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Attackers of every kind, with their reports."""
    canaries = Canaries()
    role = _role(server)
    functions = Functions(server, role)
    made = functions.create()
    victim = functions.invoke(made, {"serve": VICTIM_PORT})
    victim["name"] = made
    subnet = ipaddress.ip_network(f"{victim['address']}/{PREFIX_LENGTH}", strict=False)
    victim["gateway"] = str(subnet[1])
    bucket = make_bucket(server.client("s3"))
    made_field = Field(server, canaries, victim, targets_of(server, canaries, victim), role, bucket)
    image = push_algorithm(server, unique("hostile"), tmp_path_factory.mktemp("hostile"), program=ATTACKER, **HOSTILE)
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "function": lambda: functions.invoke(functions.create(), made_field.targets),
        "build": lambda: build(made_field, privileged=False),
        "privileged build": lambda: build(made_field, privileged=True),
        "training job": lambda: train(made_field, image, isolated=False),
        "isolated training job": lambda: train(made_field, image, isolated=True),
        "endpoint": lambda: serve(made_field, image, isolated=False),
        "isolated endpoint": lambda: serve(made_field, image, isolated=True),
        "notebook instance": lambda: notebook(made_field),
    }
    with ThreadPoolExecutor(len(kinds)) as pool:
        waiting = {kind: pool.submit(function) for kind, function in kinds.items()}
        made_field.reports = {kind: each.result() for kind, each in waiting.items()}
    made_field.visitors = [each for each in canaries.visitors if _from_a_container(each)]
    yield made_field
    canaries.close()


def _role(server: RunningServer) -> str:
    iam, name = server.client("iam"), unique("workload")
    principals = [f"{service}.amazonaws.com" for service in SERVICES]
    statement = {"Effect": "Allow", "Principal": {"Service": principals}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return arn


class Functions:
    """Functions that are victims or attackers."""

    def __init__(self, server: RunningServer, role: str) -> None:
        self._api = server.client("lambda")
        self._role = role

    def create(self) -> str:
        """A new one's name."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.write(ATTACKER, "attacker.py")
        name = unique("function")
        self._api.create_function(
            FunctionName=name,
            Role=self._role,
            Runtime="python3.11",
            Handler="attacker.handler",
            MemorySize=256,
            Timeout=120,
            Code={"ZipFile": content.getvalue()},
        )
        return name

    def invoke(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """What it answers."""
        answer = self._api.invoke(FunctionName=name, Payload=json.dumps(event))
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, found
        return found


def command(targets: dict[str, Any]) -> str:
    """A shell command that runs the attacker."""
    program = base64.b64encode(gzip.compress(ATTACKER.read_bytes(), 9)).decode()
    words = base64.b64encode(json.dumps(targets).encode()).decode()
    return f"echo {program} | base64 -d | gzip -d > /tmp/attacker.py; python3 /tmp/attacker.py {words}"


def build(made: Field, *, privileged: bool) -> dict[str, Any]:
    """The report of a build's commands."""
    files = run_build(made, [f"{command(made.targets)} > report.json"], ["report.json"], privileged=privileged)
    found: dict[str, Any] = json.loads(files["report.json"])
    return found


def run_build(made: Field, commands: list[str], files: list[str], *, privileged: bool) -> dict[str, str]:
    """What a build's commands write into some files."""
    codebuild = made.server.client("codebuild")
    name = unique("project")
    spec = {
        "version": 0.2,
        "env": {"shell": "bash"},
        "phases": {"build": {"commands": commands}},
        "artifacts": {"files": files},
    }
    codebuild.create_project(
        name=name,
        serviceRole=made.role,
        source={"type": "NO_SOURCE", "buildspec": json.dumps(spec)},
        artifacts={"type": "S3", "location": made.bucket, "name": name, "packaging": "NONE"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "privilegedMode": privileged,
        },
    )
    identity = codebuild.start_build(projectName=name)["build"]["id"]

    def look() -> Any:
        found = codebuild.batch_get_builds(ids=[identity])["builds"][0]
        return found if found["buildComplete"] else None

    assert eventually(look)["buildStatus"] == "SUCCEEDED"
    s3 = made.server.client("s3")
    return {file: s3.get_object(Bucket=made.bucket, Key=f"{name}/{file}")["Body"].read().decode() for file in files}


def train(made: Field, image: str, *, isolated: bool) -> dict[str, Any]:
    """The report of a training job."""
    sagemaker, name = made.server.client("sagemaker"), unique("job")
    request = job_request(name, image, made.role, made.bucket, targets=json.dumps(made.targets))
    sagemaker.create_training_job(**request, EnableNetworkIsolation=isolated)
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    body = made.server.client("s3").get_object(Bucket=made.bucket, Key=f"models/{name}/output/model.tar.gz")["Body"]
    with tarfile.open(fileobj=io.BytesIO(body.read())) as archive:
        assert archive.getnames() == ["report.json"]
        content = archive.extractfile("report.json")
        assert content is not None
        found: dict[str, Any] = json.load(content)
    return found


def serve(made: Field, image: str, *, isolated: bool) -> dict[str, Any]:
    """The report of an endpoint's container, as the answer to an invocation."""
    sagemaker, name = made.server.client("sagemaker"), unique("endpoint")
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": image},
        ExecutionRoleArn=made.role,
        EnableNetworkIsolation=isolated,
    )
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    described = settled(sagemaker, name)
    assert described["EndpointStatus"] == "InService", described.get("FailureReason")
    kind = "isolated endpoint" if isolated else "endpoint"
    made.inspected[kind] = inspect(made.server, described["EndpointArn"])
    body = json.dumps(made.targets).encode()
    answer = made.server.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body)
    found: dict[str, Any] = json.loads(answer["Body"].read())
    sagemaker.delete_endpoint(EndpointName=name)
    eventually(lambda: not sagemaker.list_endpoints(NameContains=name)["Endpoints"])
    return found


def notebook(made: Field) -> dict[str, Any]:
    """The report of a notebook instance's lifecycle script, which runs as its root."""
    sagemaker, name = made.server.client("sagemaker"), unique("notebook")
    script = base64.b64encode(f"#!/bin/bash\n{command(made.targets)}\n".encode()).decode()
    sagemaker.create_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, OnStart=[{"Content": script}]
    )
    sagemaker.create_notebook_instance(
        NotebookInstanceName=name, InstanceType="ml.t2.medium", RoleArn=made.role, LifecycleConfigName=name
    )

    def status() -> str:
        return str(sagemaker.describe_notebook_instance(NotebookInstanceName=name)["NotebookInstanceStatus"])

    eventually(lambda: status() != "Pending")
    logs = made.server.client("logs")

    def report() -> Any:
        found = logs.filter_log_events(
            logGroupName="/aws/sagemaker/NotebookInstances", logStreamNamePrefix=f"{name}/LifecycleConfigOnStart"
        )["events"]
        return next((event["message"] for event in found if event["message"].startswith('{"connect"')), None)

    found: dict[str, Any] = json.loads(eventually(report))
    assert status() == "InService"
    sagemaker.stop_notebook_instance(NotebookInstanceName=name)
    eventually(lambda: status() == "Stopped")
    sagemaker.delete_notebook_instance(NotebookInstanceName=name)
    return found


@contextlib.contextmanager
def engine_of(server: RunningServer) -> Iterator[Engine]:
    """The server's engine, which runs already."""
    engine = Engine.from_settings(Settings(data_directory=server.data_directory, port=server.port))
    yield engine
    engine.close()


def inspect(server: RunningServer, arn: str) -> dict[str, Any]:
    """What the engine says of a workload's container."""
    with engine_of(server) as engine:
        return engine.containers(labels={"boatyard.arn": arn})[0].inspect()


def ask(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    """The status of a GET of the server from this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()
