"""What a container may use up: processes, memory, open files."""

from __future__ import annotations

from pathlib import Path

from boatyard.containers.specification import Exit
from tests.services.containers.conftest import Run, said
from tests.services.sagemaker.conftest import eventually

FORKS = """
import os, time
made = 0
try:
    while made < 5000:
        if os.fork() == 0:
            time.sleep(300)
            os._exit(0)
        made += 1
except OSError as error:
    print(made, error.strerror, flush=True)
"""
FILLS = """
with open("/dev/shm/hog", "wb") as file:
    for _ in range(400):
        file.write(bytes(1024 * 1024))
"""
FILES = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard + 1))
except (ValueError, OSError):
    print("refused")
"""


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""  # it has ended meanwhile


def test_a_fork_bomb_ends_at_its_limit_and_with_its_container(run: Run) -> None:
    container = run("python3", "-c", FORKS, pids=64)
    made, _, why = said(container).partition(" ")
    assert 32 < int(made) < 64
    assert why == "Resource temporarily unavailable"
    eventually(lambda: not [path for path in Path("/proc").glob("[0-9]*/cgroup") if container.id in _text(path)])


def test_files_in_memory_count_as_memory(run: Run) -> None:
    ended = run("python3", "-c", FILLS, memory_mib=64, shared_memory_mib=512).wait(120)
    assert ended == Exit(137, out_of_memory=True)


def test_the_limit_of_open_files_cannot_be_raised(run: Run) -> None:
    assert said(run("python3", "-c", FILES)) == "refused"
