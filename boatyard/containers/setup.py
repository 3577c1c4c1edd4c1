"""What `boatyard setup` does: an engine that works here, and the environments that containers run in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from boatyard.containers.bootstrap import registry_reachable
from boatyard.containers.connection import Connection
from boatyard.containers.environment_build import EnvironmentBuild
from boatyard.containers.environments import Environments
from boatyard.containers.errors import SetupFailed
from boatyard.containers.installation import OLDEST_PODMAN, install, missing_programs, podman_version
from boatyard.containers.service import PodmanService, require_root

if TYPE_CHECKING:
    from boatyard.settings import Settings


def setup(settings: Settings) -> Iterator[str]:
    """Find or install the engine and build what is missing; yields progress lines, quick when all is there.

    Raises SetupFailed or EngineUnavailable with what to do.
    """
    require_root()
    environments = Environments(settings.environments_directory)
    if settings.engine is not None:
        yield f"engine: using {settings.engine}"
        Connection(None, settings.engine).call(lambda api: api.ping())
    build = EnvironmentBuild(environments)
    if settings.engine is None or build.missing():
        yield from _own_engine(settings, building=bool(build.missing()))
    if build.missing():
        yield "environments: building, which takes two to three minutes the first time"
    yield from build.run(archives=settings.engine is not None)
    yield f"environments: ready in {environments.directory}"


def _own_engine(settings: Settings, building: bool) -> Iterator[str]:
    missing = missing_programs(bootstrapping=building and not registry_reachable())
    if missing:
        yield from install(missing)
        still = missing_programs(bootstrapping=False)
        if still:
            raise SetupFailed(f"Still not installed after installing packages: {', '.join(still)}.")
    version = podman_version()
    if version < OLDEST_PODMAN:
        raise SetupFailed(
            f"podman {'.'.join(map(str, version))} is too old: boatyard needs {'.'.join(map(str, OLDEST_PODMAN))} "
            "or newer. Install one, or set BOATYARD_ENGINE to the address of a Docker engine."
        )
    host = PodmanService(settings.data_directory).host
    if host.runtime is None:
        raise SetupFailed("No container runtime works here: " + "; ".join(host.runtime_notes))
    yield (
        f"engine: podman {'.'.join(map(str, version))} with {host.runtime}, {host.storage_driver} storage, "
        f"control groups {host.cgroups}, {host.cpus} processors, {host.memory_mib} MiB"
    )
    for note in host.runtime_notes:
        yield f"engine: not used: {note}"
