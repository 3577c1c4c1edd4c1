"""What is found out of the machine's own words."""

from __future__ import annotations

import pytest

from boatyard.containers.host import Host, control_groups, may_raise_limits
from boatyard.containers.memory import killed_for_memory

HOST = Host("/usr/bin/runc", ("crun: no",), "v2", "overlay", None, 1024, 4096, 2, 2 * 1024**3, True)


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0", "v2"),
        ("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0", "v1"),
        ("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0", "hybrid"),
        ("proc /proc proc rw 0 0", "none"),
    ],
)
def test_control_groups(mounts: str, kind: str) -> None:
    assert control_groups(mounts) == kind


def test_limits_may_be_raised_only_with_the_capability() -> None:
    assert may_raise_limits("CapEff:\t000001ffffffffff\n")
    assert not may_raise_limits("CapEff:\t000001fffeffffff\n")


def test_a_host_survives_being_written_down() -> None:
    assert Host.from_json(HOST.to_json()) == HOST
    assert HOST.ulimits() == ["nofile=1024:1024", "nproc=4096:4096"]
    assert HOST.memory_mib == 2048


def test_the_kernels_log_names_the_container() -> None:
    log = "6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=/libpod_parent/libpod-abc,task=python3\n"
    assert killed_for_memory("abc", log)
    assert not killed_for_memory("abd", log)
