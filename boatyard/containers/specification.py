"""What a container is asked to be, and what is learnt from one: plain typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """A directory or file of the host that a container sees at `target`."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerSpecification:
    """One container: its name is its identity, so that starting it twice starts it once.

    `image` is a reference, an image id or an environment's name ("base", "functions", "build", "notebook").
    `network` is the name of a network made by `Engine.network`, or "none". Limits above what the machine has
    are lowered to it. `memory_mib`, `shared_memory_mib`: MiB; `cpus`: processors, fractions allowed.
    """

    name: str
    image: str
    command: Sequence[str] | None = None
    entrypoint: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    network: str = "none"
    hosts: Mapping[str, str] = field(default_factory=dict)
    memory_mib: int | None = None
    shared_memory_mib: int | None = None
    cpus: float | None = None
    pids: int | None = 4096
    labels: Mapping[str, str] = field(default_factory=dict)
    privileged: bool = False
    capabilities: Sequence[str] = ()
    new_privileges: bool = False
    read_only: bool = False
    temporary_filesystems: Mapping[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    user: str | None = None
    hostname: str | None = None
    stop_signal: str | None = None


UNKNOWN_CODE = -1


@dataclass(frozen=True)
class Exit:
    """How a container ended: its exit code (128 + signal when killed), and whether it ran out of memory.

    The code is UNKNOWN_CODE where the container's monitor was killed, who alone would have learned it.
    """

    code: int
    out_of_memory: bool = False


@dataclass(frozen=True)
class LogLine:
    """One line that a container wrote: when, to which stream ("stdout" or "stderr"), without its newline."""

    timestamp: datetime
    stream: str
    text: str


@dataclass(frozen=True)
class Network:
    """A bridge of its own for one workload; `gateway` is the host's address on it, "" when there is none."""

    name: str
    gateway: str
    subnet: str = ""
    bridge: str = ""
    internal: bool = False
