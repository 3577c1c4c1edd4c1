"""Containers on the real engine: run, waited for, read, stopped, found again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from boatyard.containers.engine import Engine
from boatyard.containers.errors import EngineError, ImageNotFound
from boatyard.containers.specification import ContainerSpecification, Exit, Mount
from tests.server import unique
from tests.services.containers.conftest import Run, said

SECONDS = 120


def test_a_container_ends_with_its_code_and_all_it_wrote(run: Run) -> None:
    container = run("sh", "-c", "echo out; echo err >&2; printf rest; exit 3")
    assert container.wait(SECONDS) == Exit(3)
    lines = list(container.logs())
    assert {(line.stream, line.text) for line in lines} == {("stdout", "out"), ("stderr", "err"), ("stdout", "rest")}
    assert all(line.timestamp.tzinfo is not None for line in lines)


def test_lines_arrive_while_it_runs_and_long_ones_whole(run: Run, workdir: Path) -> None:
    gate = workdir / "gate"
    script = "import pathlib,time\nprint('x'*2_000_000, flush=True)\n"
    script += "while not pathlib.Path('/door/gate').exists(): time.sleep(0.01)\nprint('opened')"
    container = run("python3", "-c", script, mounts=[Mount(workdir, "/door")])
    lines = container.logs()
    assert len(next(lines).text) == 2_000_000
    assert container.running
    gate.touch()
    assert [line.text for line in lines] == ["opened"]


def test_starting_twice_starts_once_and_a_new_engine_object_finds_it(engine: Engine, run: Run) -> None:
    name = unique("once")
    first = run("sleep", "300", name=name, labels={"boatyard.service": "test"})
    again = Engine(engine.data_directory, environments_directory=engine.environments.directory, port=engine.port)
    adopted = again.start(ContainerSpecification(name=name, image="base", command=["false"]))
    assert adopted.id == first.id
    assert adopted.running
    assert name in [container.name for container in again.containers({"boatyard.service": "test"})]
    again.close()


def test_the_service_killed_under_a_running_container_comes_back(engine: Engine, run: Run, workdir: Path) -> None:
    script = "echo before; while [ ! -e /door/gate ]; do sleep 0.05; done; echo after; exit 5"
    container = run("sh", "-c", script, mounts=[Mount(workdir, "/door")])
    lines = container.logs()
    assert next(lines).text == "before"
    assert engine.service is not None
    os.kill(int((engine.service.run / "engine.pid").read_text().split()[0]), signal.SIGKILL)
    (workdir / "gate").touch()
    assert container.wait(SECONDS) == Exit(5)
    assert [line.text for line in lines] == ["after"]


def test_stop_asks_first_and_kills_what_does_not_listen(run: Run) -> None:
    polite = run("sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")
    assert next(polite.logs()).text == "up"
    polite.stop(grace_seconds=60)
    assert polite.wait(SECONDS) == Exit(7)
    deaf = run("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    assert next(deaf.logs()).text == "up"
    deaf.stop(grace_seconds=1)
    assert deaf.wait(SECONDS) == Exit(137)


def test_a_container_that_wants_more_memory_than_it_has_is_told_apart(run: Run) -> None:
    ended = run("python3", "-c", "bytearray(400 * 1024 * 1024)", memory_mib=64).wait(SECONDS)
    assert ended == Exit(137, out_of_memory=True)
    killed = run("sleep", "300", memory_mib=64)
    killed.kill()
    assert killed.wait(SECONDS) == Exit(137)


def test_a_container_has_few_rights_and_its_own_user_and_directory(run: Run) -> None:
    wrote = said(run("sh", "-c", "id -u; pwd; grep CapEff /proc/self/status", user="1000", working_directory="/opt"))
    assert wrote.splitlines() == ["1000", "/opt", "CapEff:\t0000000000000000"]
    assert int(said(run("grep", "CapEff", "/proc/self/status")).split()[1], 16) & (1 << 21) == 0


def test_further_commands_run_in_it(run: Run) -> None:
    container = run("sleep", "300")
    code, output = container.execute(["sh", "-c", "echo $WORD; exit 4"], environment={"WORD": "hello"})
    assert (code, output) == (4, "hello\n")


def test_a_volume_of_the_image_does_not_hide_a_mounted_folder(engine: Engine, run: Run, workdir: Path) -> None:
    made = run("true")
    assert made.wait(SECONDS) == Exit(0)
    name = unique("localhost/volume")
    engine._connection.call(lambda api: api.commit(made.id, name, "1", changes="VOLUME /opt/ml/model"))
    command = ("sh", "-c", "echo trained > /opt/ml/model/weights")
    ended = run(*command, image=f"{name}:1", mounts=[Mount(workdir, "/opt/ml")])
    assert ended.wait(SECONDS) == Exit(0)
    assert (workdir / "model" / "weights").read_text() == "trained\n"


def test_what_cannot_be_started_says_why(engine: Engine, workdir: Path) -> None:
    with pytest.raises(ImageNotFound, match="localhost/none"):
        engine.start(ContainerSpecification(name=unique("x"), image="localhost/none:1"))
    name = unique("x")
    with pytest.raises(EngineError, match="no-such-program"):
        engine.start(ContainerSpecification(name=name, image="base", command=["no-such-program"]))
    assert engine.find(name) is None
    missing = [Mount(workdir / "missing", "/x")]
    with pytest.raises(EngineError, match="missing"):
        engine.start(ContainerSpecification(name=name, image="base", mounts=missing))


def test_destroy_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    other = Engine(tmp_path / "data", environments_directory=engine.environments.directory, port=engine.port)
    network = other.network("left")
    other.start(ContainerSpecification(name="left", image="base", command=["sleep", "300"], network="left"))
    assert Path(f"/sys/class/net/{network.bridge}").exists()
    other.destroy()
    assert not Path(f"/sys/class/net/{network.bridge}").exists()
    assert not (tmp_path / "data" / "engine").exists()
    assert str(tmp_path / "data") not in Path("/proc/self/mounts").read_text()
    other.destroy()
