"""A build's privileges end with the build: whatever it started, mounted or made, nothing is left on the machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from boatyard.containers.networks import bridge_name
from boatyard.containers.service import identity_of
from tests.server import unique
from tests.services.sagemaker.conftest import eventually
from tests.services.walls.conftest import Field, run_build

# What outlives a careless build: daemons, containers, mounts that spread, interfaces, control groups, loop devices.
SCRIPT = """
set -u
mark=MARK
setsid nohup sleep 98765 $mark > /dev/null 2>&1 &
setsid nohup python3 -c 'import signal, sys, time
for each in range(1, 32):
    try: signal.signal(each, signal.SIG_IGN)
    except OSError: pass
time.sleep(98765)' $mark > /dev/null 2>&1 &
printf 'FROM python:3.11-slim\\n' > /tmp/Dockerfile
docker build -q -t $mark -f /tmp/Dockerfile /tmp > /dev/null 2>&1
docker run -d --name $mark $mark python3 -c 'import time; time.sleep(98765)' $mark > /dev/null 2>&1
docker ps --format '{{.Names}}' > containers
mkdir -p $mark /codebuild/output/$mark
mount -t tmpfs $mark $mark && touch $mark/inside && mounted=1
mount --make-shared $mark
mount --bind / /codebuild/output/$mark
unshare --net --mount sh -c 'sleep 98765 '$mark'' > /dev/null 2>&1 &
for each in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $each/$mark 2> /dev/null && echo $each >> groups; done
grep -c $mark /proc/self/mountinfo > mounts
touch /tmp/$mark /var/lib/boatyard/layers/../$mark
losetup --find --show /etc/hostname > loops 2> /dev/null
cat /proc/self/cgroup > own
hostname $mark
true
"""


def left_by(mark: str) -> Iterator[str]:
    """What on this machine bears the mark: processes, mounts, control groups."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes():
                yield str(path)
        except OSError:
            continue  # it has ended meanwhile
    yield from (line for line in Path("/proc/self/mountinfo").read_text().splitlines() if mark in line)
    found = subprocess.run(
        ["find", "/sys/fs/cgroup", "-name", f"*{mark}*"], capture_output=True, text=True, check=False
    )
    yield from found.stdout.splitlines()


def bridges(arena: Field) -> set[str]:
    """The bridges of the server's workloads."""
    prefix = bridge_name(identity_of(arena.server.data_directory), "")[:8]
    return {path.name for path in Path("/sys/class/net").glob(f"{prefix}*")}


def test_what_is_left_would_be_found() -> None:
    mark = unique("mark")
    with subprocess.Popen([sys.executable, "-c", "input()", mark], stdin=subprocess.PIPE) as process:
        assert [Path(each).parent.name for each in left_by(mark)] == [str(process.pid)]
        process.kill()
    assert list(left_by(mark)) == []


def test_nothing_that_a_privileged_build_started_outlives_it(arena: Field) -> None:
    mark = unique("mark")
    before = bridges(arena)
    files = ["containers", "mounts", "groups", "own", "loops"]
    found = run_build(arena, [SCRIPT.replace("MARK", mark)], files, privileged=True)
    assert found["containers"].split() == [mark]
    assert int(found["mounts"]) >= 2
    assert found["groups"] != ""
    assert found["loops"] == ""
    eventually(lambda: not list(left_by(mark)))
    own = max(found["own"].split(), key=len).rpartition("/")[2]
    assert own == "" or eventually(lambda: not list(left_by(own)))
    eventually(lambda: bridges(arena) <= before)
    builds = arena.server.data_directory / "codebuild" / "builds"
    eventually(lambda: not list(builds.iterdir()))
    assert mark not in Path("/proc/sys/kernel/hostname").read_text()
    assert not Path(f"/tmp/{mark}").exists()
