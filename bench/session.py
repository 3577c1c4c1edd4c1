"""One run of the benchmarks: where it works, how long it may take, and what it tells meanwhile."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Session:
    """A run: `full` takes as long as it needs, else the short form; `runs` counted runs of each figure."""

    full: bool
    directory: Path
    runs: int = 5

    def say(self, text: str) -> None:
        """Progress, for whoever waits."""
        sys.stdout.write(f"  {text}\n")
        sys.stdout.flush()

    def room(self, name: str) -> Path:
        """An empty directory for a section's own use."""
        room = self.directory / name
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir(parents=True)
        return room


class Machine(msgspec.Struct, kw_only=True):
    """What it was measured on."""

    processors: int
    processor: str
    memory_mib: int
    system: str
    kernel: str
    python: str


def machine() -> Machine:
    """This machine."""
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return Machine(
        processors=os.cpu_count() or 1,
        processor=models[0] if models else platform.machine(),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20),
        system=release.get("PRETTY_NAME", platform.system()),
        kernel=platform.release().partition("-")[0],
        python=platform.python_version(),
    )


def begin(full: bool) -> Session:
    """Point all settings to a data directory and a port of the benchmark's own, away from the user's."""
    directory = ROOT / ".boatyard" / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.setdefault("BOATYARD_ENVIRONMENTS_DIRECTORY", str(ROOT / ".boatyard" / "environments"))
    os.environ["BOATYARD_DATA_DIRECTORY"] = str(directory / "data")
    os.environ["BOATYARD_CONFIGURATION"] = str(directory / "no-configuration.toml")
    os.environ["BOATYARD_PORT"] = str(port)
    return Session(full=full, directory=directory)


def timed(function: Callable[[], object]) -> float:
    """How many seconds a call takes."""
    began = time.monotonic()
    function()
    return time.monotonic() - began


def resident_mebibytes(pid: int) -> float:
    """VmRSS of a process (proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} has no VmRSS")
