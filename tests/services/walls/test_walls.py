"""No workload reaches what is not its own: one attacker in each kind of container, and what they found."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from boatyard.containers.specification import ContainerSpecification, Exit
from tests.server import ACCOUNT, REGION, ROOT_KEY, ROOT_SECRET, unique
from tests.services.sagemaker.conftest import eventually
from tests.services.walls.conftest import VICTIM_PORT, Field, addresses, ask, engine_of

CONNECTED = ["function", "build", "privileged build", "training job", "endpoint", "notebook instance"]
ISOLATED = ["isolated training job", "isolated endpoint"]
KINDS = CONNECTED + ISOLATED
# Changing owners and users, binding low ports: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID,
# NET_BIND_SERVICE.
FEW = 0x4FB
MIB = 1024 * 1024
LIMITS = {
    "function": (256, 1024),
    "build": (3072, 4096),
    "privileged build": (3072, 4096),
    "training job": (8192, 4096),
    "isolated training job": (8192, 4096),
    "endpoint": (4096, 4096),
    "isolated endpoint": (4096, 4096),
    "notebook instance": (4096, 4096),
}


def reached(found: dict[str, Any]) -> dict[str, Any]:
    """Of some attempts, those that came through."""
    return {name: each for name, each in found.items() if not str(each).startswith("failed: ")}


def test_what_is_attacked_is_there(arena: Field) -> None:
    for address in addresses().values():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as made:
            made.connect((address, arena.canaries.port))
            assert made.recv(10) == b"canary"
    for port, place in ((arena.canaries.loopback, "127.0.0.1"), (arena.canaries.port, arena.victim["gateway"])):
        with socket.create_connection((place, port)) as made:
            assert made.recv(10) == b"canary"
    with socket.create_connection((arena.victim["address"], VICTIM_PORT)) as made:
        made.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200" in made.recv(100)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_machine_nor_of_another_workload_is_reached(arena: Field, kind: str) -> None:
    found = arena.reports[kind]
    for what in ("connect", "gateway", "link local", "datagram", "sockets"):
        assert reached(found[what]) == {}, what
    assert arena.victim["address"] not in found["names"].values()
    assert found["files"] == []
    assert found["processes"] < 40
    environment = json.dumps(found["environment"])
    assert ROOT_KEY not in environment
    assert ROOT_SECRET not in environment
    assert str(arena.server.data_directory) not in environment


@pytest.mark.parametrize("kind", CONNECTED)
def test_credentials_are_given_to_their_own_container_only(arena: Field, kind: str) -> None:
    found = arena.reports[kind]
    status, answer = found["permitted"]["credentials"]
    assert status == 200
    assert json.loads(answer)["RoleArn"] == arena.role
    assert found["permitted"]["health"][0] == 200
    statuses = {name: each[0] for name, each in found["http"].items()}
    assert statuses.pop("guessed") == 404
    # A function's container is given its own events at this address, and has none to wait for: it is at work.
    assert statuses.pop("another's event") == 403 or kind == "function"
    assert set(statuses.values()) == {403}


@pytest.mark.parametrize("kind", ISOLATED)
def test_isolation_leaves_nothing_but_loopback(arena: Field, kind: str) -> None:
    found = arena.reports[kind]
    assert found["interfaces"] == ["lo"]
    assert reached(found["http"]) == {}
    assert "permitted" not in found or reached(found["permitted"]) == {}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "privileged build"])
def test_the_kernel_gives_little(arena: Field, kind: str) -> None:
    found = arena.reports[kind]
    assert reached(found["kernel"]) == {}
    assert found["devices"] == []
    assert found["status"]["Seccomp"] == "2"
    assert int(found["status"]["CapEff"], 16) & ~FEW == 0
    assert int(found["status"]["CapBnd"], 16) & ~FEW == 0
    assert found["status"]["NoNewPrivs"] == ("0" if kind == "notebook instance" else "1")
    if kind == "function":
        assert found["status"]["Uid"] != "0"
        assert int(found["status"]["CapEff"], 16) == 0


def test_a_privileged_build_has_no_disk_and_no_more_than_docker_needs(arena: Field) -> None:
    found = arena.reports["privileged build"]
    assert set(reached(found["kernel"])) <= {"mount", "host name", "root", "namespaces", "raw socket"}
    assert set(found["devices"]) <= {"fuse"}
    withheld = {"SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_BOOT": 22, "SYS_TIME": 25, "SYS_RESOURCE": 24}
    assert [name for name, bit in withheld.items() if int(found["status"]["CapEff"], 16) >> bit & 1] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_container_has_its_limits(arena: Field, kind: str) -> None:
    limits = arena.reports[kind]["limits"]
    memory, pids = LIMITS[kind]
    assert limits["memory"] is not None
    assert limits["memory"] <= memory * MIB
    assert limits["pids"] == pids
    if kind != "function":
        assert limits["cpus"] is not None


def test_nobody_came_to_the_canaries_from_a_container(arena: Field) -> None:
    assert len(arena.reports) == len(KINDS)
    assert arena.visitors == []


def test_the_machine_itself_gets_no_workloads_credentials(arena: Field) -> None:
    path = arena.victim["path"]
    forged = {"X-Forwarded-For": arena.victim["address"], "Forwarded": f"for={arena.victim['address']}"}
    assert ask(arena.server.port, path) == 403
    assert ask(arena.server.port, path, headers=forged) == 403


def test_a_neighbour_on_the_same_network_gets_no_credentials(arena: Field) -> None:
    path = arena.victim["path"]
    with engine_of(arena.server) as engine:
        neighbour = engine.start(
            ContainerSpecification(
                name=unique("neighbour"),
                image="base",
                command=["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://169.254.170.2{path}"],
                network=f"lambda-{ACCOUNT}-{REGION}-{arena.victim['name']}",
            )
        )
        try:
            assert neighbour.wait(120) == Exit(0)
            assert [line.text for line in neighbour.logs(follow=False)] == ["403"]
        finally:
            neighbour.remove()


@pytest.mark.parametrize("kind", ["build", "training job", "endpoint", "notebook instance"])
def test_the_address_of_credentials_ends_with_the_workload(arena: Field, kind: str) -> None:
    path = arena.reports[kind]["environment"]["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    eventually(lambda: ask(arena.server.port, path) == 404)


def test_credentials_that_were_given_last_until_they_expire(arena: Field) -> None:
    given = json.loads(arena.reports["training job"]["permitted"]["credentials"][1])
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["Token"],
    }
    identity = arena.server.client("sts", **keys).get_caller_identity()
    assert identity["Arn"].rpartition("/")[0].endswith(arena.role.rpartition("/")[2])


def test_what_a_hostile_image_says_of_itself_does_not_count(arena: Field) -> None:
    environment = arena.reports["training job"]["environment"]
    assert environment["AWS_ENDPOINT_URL"].endswith(f":{arena.server.port}")
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["LD_PRELOAD"] == "/opt/not-there.so"
    labels = arena.inspected["endpoint"]["Config"]["Labels"]
    assert labels["boatyard.data-directory"] == str(arena.server.data_directory)
    assert labels["boatyard.service"] == "sagemaker"
    assert labels["boatyard.kind"] == "endpoint"
    assert labels["boatyard.lambda.instance"] == labels["boatyard.other"] == ""
    assert "Healthcheck" not in arena.inspected["endpoint"]["Config"] or (
        arena.inspected["endpoint"]["Config"]["Healthcheck"]["Test"] == ["NONE"]
    )
