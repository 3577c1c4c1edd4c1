"""What `boatyard doctor` tells: what this machine can do for containers, and what to do about what it cannot."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from boatyard.containers.bootstrap import registry_reachable
from boatyard.containers.connection import Connection
from boatyard.containers.engine import Engine
from boatyard.containers.environments import ENVIRONMENTS, Environments
from boatyard.containers.errors import EngineError
from boatyard.containers.host import Host, ca_bundle
from boatyard.containers.installation import OLDEST_PODMAN, find_program, missing_programs, podman_version
from boatyard.containers.service import PodmanService
from boatyard.containers.specification import ContainerSpecification
from boatyard.containers.workloads import PROXY_VARIABLES

if TYPE_CHECKING:
    from boatyard.settings import Settings

NEEDED_DISK_BYTES = 8 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: "ok", "notice" (works, worth knowing) or "problem", and the way out."""

    level: Literal["ok", "notice", "problem"]
    subject: str
    text: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything that containers need, cheapest first; a trial container runs at the end."""
    if settings.engine is not None:
        yield from _foreign_engine(settings.engine)
    else:
        yield from _programs()
        if os.geteuid() == 0:
            yield from _host(PodmanService(settings.data_directory).host)
    if os.geteuid() != 0:
        yield Finding(
            "problem",
            "rights",
            "boatyard makes network bridges and packet filter rules, which only root may",
            "Run boatyard with sudo, whichever engine runs the containers.",
        )
    yield from _network()
    yield from _disk(settings)
    yield from _environments(settings)
    yield from _trial(settings)


def _foreign_engine(address: str) -> Iterator[Finding]:
    try:
        version = Connection(None, address).call(lambda api: api.version())
    except EngineError as error:
        yield Finding("problem", "engine", str(error), "Start it, or unset BOATYARD_ENGINE to use boatyard's own.")
        return
    yield Finding("ok", "engine", f"{address} answers: version {version.get('Version', 'unknown')}")


def _programs() -> Iterator[Finding]:
    missing = missing_programs(bootstrapping=False)
    if missing:
        yield Finding(
            "problem", "programs", f"not installed: {', '.join(missing)}", "Run `boatyard setup`, which installs them."
        )
        return
    version = podman_version()
    text = f"podman {'.'.join(map(str, version))}"
    if version < OLDEST_PODMAN:
        yield Finding("problem", "podman", f"{text} is too old", "Install podman 4.0 or newer.")
    else:
        yield Finding("ok", "podman", text)


def _host(host: Host) -> Iterator[Finding]:
    if host.runtime is None:
        said = "; ".join(host.runtime_notes)
        yield Finding("problem", "runtime", f"no container can be run: {said}", "Install runc: apt-get install runc.")
    else:
        yield Finding("ok", "runtime", host.runtime)
        for note in host.runtime_notes:
            yield Finding("notice", "runtime", f"not used: {note}")
    if host.cgroups == "none":
        yield Finding(
            "notice", "control groups", "none are mounted: memory and processor limits of instance types do not hold"
        )
    else:
        yield Finding("ok", "control groups", host.cgroups)
    if host.nofile is not None:
        text = f"may not be raised here: containers get {host.nofile} open files and {host.nproc} processes"
        yield Finding("notice", "limits", text)
    yield _storage(host)
    yield Finding("ok", "machine", f"{host.cpus} processors, {host.memory_mib} MiB of memory")


def _storage(host: Host) -> Finding:
    if host.storage_driver == "vfs":
        return Finding(
            "notice",
            "storage",
            "vfs: neither the kernel's overlay nor fuse-overlayfs can be mounted, so images are copied whole",
            "Install fuse-overlayfs, or move the data directory to ext4 or xfs.",
        )
    return Finding("ok", "storage", "overlay" + (f" through {host.mount_program}" if host.mount_program else ""))


def _network() -> Iterator[Finding]:
    if registry_reachable():
        yield Finding("ok", "image registry", "Docker Hub answers: base images are pulled")
    else:
        yield Finding(
            "notice",
            "image registry",
            "none can be reached: boatyard's base environment stands in for debian, ubuntu and python images, "
            "and a build's log says so",
        )
    bundle = ca_bundle()
    yield Finding("ok", "certificates", f"containers trust the host's: {bundle}" if bundle else "the images' own")
    proxies = [name for name in PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.upper())]
    if proxies:
        yield Finding("ok", "proxy", f"handed on to containers: {', '.join(proxies)}")
    nameservers = [line.split()[1] for line in _resolver() if line.startswith("nameserver ")]
    loopback = [address for address in nameservers if address.startswith("127.")]
    if nameservers and loopback == nameservers and not Path("/run/systemd/resolve/resolv.conf").exists():
        yield Finding(
            "notice",
            "names",
            f"the host asks only {', '.join(loopback)} for names, which containers cannot reach",
            "Name a server in /etc/resolv.conf that is not on loopback.",
        )


def _resolver() -> list[str]:
    path = Path("/etc/resolv.conf")
    return path.read_text().splitlines() if path.exists() else []


def _disk(settings: Settings) -> Iterator[Finding]:
    for what, path in (("data directory", settings.data_directory), ("environments", settings.environments_directory)):
        existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        text = f"{path}: {free / 1024**3:.0f} GiB free"
        if free < NEEDED_DISK_BYTES:
            yield Finding("problem", what, text, "Make room, or choose another directory: 8 GiB are needed.")
        else:
            yield Finding("ok", what, text)


def _environments(settings: Settings) -> Iterator[Finding]:
    environments = Environments(settings.environments_directory)
    for name in ENVIRONMENTS:
        if environments.complete(name):
            yield Finding("ok", f"environment {name}", environments.description(name))
        else:
            yield Finding("problem", f"environment {name}", "not built", "Run `boatyard setup`.")


def _trial(settings: Settings) -> Iterator[Finding]:
    environments = Environments(settings.environments_directory)
    if not environments.complete("base") or (settings.engine is None and find_program("podman") is None):
        return
    engine = Engine.from_settings(settings)
    name = f"doctor-{os.getpid()}"
    try:
        container = engine.start(
            ContainerSpecification(name=name, image="base", command=["python3", "-c", "print('hello')"], memory_mib=64)
        )
        try:
            ended = container.wait(60)
            said = container.tail()
        finally:
            container.remove()
    except EngineError as error:
        yield Finding("problem", "trial container", str(error), "See the log of the engine in the data directory.")
        return
    if ended is None or ended.code != 0:
        yield Finding("problem", "trial container", f"ended with {ended}: {said}", "See the engine's log.")
    else:
        yield Finding("ok", "trial container", "ran and ended with exit code 0")
