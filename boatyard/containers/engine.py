"""The container engine as services use it: start, find, pull, networks and environments."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boatyard.containers import base_images, privileges
from boatyard.containers.build_support import DockerInside, docker_inside, registry_hosts
from boatyard.containers.conmon import Monitor
from boatyard.containers.connection import Connection
from boatyard.containers.container import Container
from boatyard.containers.environments import ENVIRONMENTS, Environments
from boatyard.containers.errors import EngineError, EngineUnavailable, ImageNotFound, NotFound
from boatyard.containers.host import Host
from boatyard.containers.image_volumes import uncovered
from boatyard.containers.images import PulledImage, pull_image, pulled
from boatyard.containers.network_engine import LABEL_DATA_DIRECTORY, Networks
from boatyard.containers.service import PodmanService, identity_of
from boatyard.containers.specification import ContainerSpecification, Mount, Network
from boatyard.containers.workloads import host_environment, host_mounts

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.settings import Settings

MIB = 1024 * 1024
PORT_FILE = "gateway-port"
LABEL_PREFIX = "boatyard."


class Engine:
    """Containers of one data directory. Making one costs nothing; the engine is started when first used."""

    def __init__(
        self,
        data_directory: Path,
        *,
        environments_directory: Path,
        port: int = 4566,
        address: str | None = None,
        base_images: Mapping[str, str] | None = None,
    ) -> None:
        """`port`: the gateway's on loopback; `address`: a Docker Engine API to use instead of podman."""
        self.data_directory = data_directory
        self.identity = identity_of(data_directory)
        self.environments = Environments(environments_directory)
        self.base_images = dict(base_images or {})
        self.service = None if address else PodmanService(data_directory, self.environments.stores)
        where = f"unix://{self.service.socket}" if self.service is not None else str(address)
        self._connection = Connection(self.service, where)
        own = self.service is not None
        self._networks = Networks(self._connection, self.identity, str(data_directory), port, libpod=own)
        self._lock = threading.Lock()
        self._checked = False
        self.serving = False
        """Whether this process has the gateway, and so decides where the networks lead."""

    @classmethod
    def open(cls, installation: Installation) -> Engine:
        """The engine of a running server."""
        engine = cls.from_settings(installation.settings, installation.gateway_port)
        engine.serving = True
        return engine

    @classmethod
    def from_settings(cls, settings: Settings, port: int | None = None) -> Engine:
        """The engine that a server with these settings uses; `port` where the server chose its own.

        Without `port` it is the one that the last server had: its networks lead there.
        """
        remembered = settings.data_directory / "engine" / PORT_FILE
        if port is None:
            port = int(remembered.read_text()) if remembered.exists() else settings.port
        return cls(
            settings.data_directory,
            environments_directory=settings.environments_directory,
            port=port,
            address=settings.engine,
            base_images=settings.base_images,
        )

    @property
    def host(self) -> Host | None:
        """What this machine can do for containers; None for somebody else's engine."""
        return None if self.service is None else self.service.host

    @property
    def port(self) -> int:
        """The gateway's port that containers are led to."""
        return self._networks.port

    @port.setter
    def port(self, port: int) -> None:
        self._networks.port = port

    def ready(self) -> None:
        """Have the engine running, with the networks it knows in force. EngineUnavailable if not."""
        self._connection.client()
        with self._lock:
            if not self._checked:
                if self.serving:
                    directory = self.data_directory / "engine"
                    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                    (directory / PORT_FILE).write_text(str(self.port))
                    self._networks.refresh()
                self._checked = True

    def start(self, specification: ContainerSpecification) -> Container:
        """Run the container of this name: a new one, or the one that is there, running or ended.

        Raises ImageNotFound, or EngineError with the engine's words when it cannot be started.
        """
        self.ready()
        found = self.find(specification.name)
        if found is None:
            found = self._create(specification)
        if found.status in {"created", "configured", "initialized"}:
            self._begin(found, specification)
        return found

    def _begin(self, container: Container, specification: ContainerSpecification) -> None:
        try:
            self._connection.call(lambda api: api.start(container.id))
        except EngineError as error:
            container.remove()
            raise EngineError(f"The container {specification.name} cannot be started: {error}") from error

    def _create(self, specification: ContainerSpecification) -> Container:
        image = self.resolve(specification.image)
        gateway = ""
        if specification.network != "none":
            gateway = self._networks.ensure(specification.network, internal=False).gateway
        for mount in specification.mounts:
            if not mount.source.exists():
                raise EngineError(f"The container {specification.name} cannot be made: no {mount.source}.")

        def create(api: Any) -> Any:
            configured = api.inspect_image(image).get("Config") or {}
            volumes = uncovered(specification.mounts, configured.get("Volumes") or ())
            return api.create_container(
                image,
                command=None if specification.command is None else list(specification.command),
                entrypoint=privileges.entrypoint(specification, configured.get("Entrypoint") or (), own=self._own),
                name=self._full_name(specification.name),
                environment=host_environment(gateway=gateway) | dict(specification.environment),
                labels=self._labels(specification, configured.get("Labels") or {}),
                # An image's own would run for ever beside what was asked for.
                healthcheck={"Test": ["NONE"]},
                working_dir=specification.working_directory,
                user=specification.user,
                hostname=specification.hostname,
                stop_signal=specification.stop_signal,
                host_config=self._host_config(api, specification, volumes),
            )

        try:
            self._connection.call(create)
        except NotFound as error:
            raise ImageNotFound(f"The image {specification.image} is not here: {error}") from error
        except EngineError:
            # Another thread may have made it in between; otherwise the complaint stands.
            if self.find(specification.name) is None:
                raise
        made = self.find(specification.name)
        if made is None:
            raise EngineError(f"The container {specification.name} vanished as soon as it was made.")
        return made

    def _host_config(self, api: Any, specification: ContainerSpecification, volumes: Sequence[Mount]) -> Any:
        memory = self._memory_bytes(specification)
        shared = specification.shared_memory_mib
        return api.create_host_config(
            mounts=[
                {
                    "Type": "bind",
                    "Source": str(mount.source),
                    "Target": mount.target,
                    "ReadOnly": mount.read_only,
                }
                for mount in (*host_mounts(self.data_directory / "engine"), *specification.mounts, *volumes)
            ],
            network_mode=specification.network,
            extra_hosts=dict(specification.hosts) or None,
            mem_limit=memory,
            memswap_limit=memory,
            nano_cpus=self._nano_cpus(specification),
            pids_limit=specification.pids,
            read_only=specification.read_only,
            shm_size=None if shared is None else shared * MIB,
            tmpfs=dict(specification.temporary_filesystems) or None,
            log_config=None if self.service is not None else {"Type": "json-file", "Config": {}},
            **privileges.options(specification, own=self._own),
        )

    def _labels(self, specification: ContainerSpecification, of_image: Mapping[str, str]) -> dict[str, str]:
        """The container's labels; an image cannot pass its containers off as another workload's."""
        imitated = dict.fromkeys((name for name in of_image if name.startswith(LABEL_PREFIX)), "")
        return imitated | dict(specification.labels) | {LABEL_DATA_DIRECTORY: str(self.data_directory)}

    @property
    def _own(self) -> bool:
        return self.service is not None

    def _memory_bytes(self, specification: ContainerSpecification) -> int | None:
        if specification.memory_mib is None or not self._limits_work():
            return None
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return min(specification.memory_mib * MIB, machine)

    def _nano_cpus(self, specification: ContainerSpecification) -> int | None:
        if specification.cpus is None or not self._limits_work():
            return None
        return int(min(specification.cpus, len(os.sched_getaffinity(0))) * 1_000_000_000)

    def _limits_work(self) -> bool:
        return self.host is None or self.host.cgroups != "none"

    def find(self, name: str) -> Container | None:
        """The container of this name, running or not; None when there is none."""
        found = self._connection.absent_is_none(lambda api: api.inspect_container(self._full_name(name)))
        if found is None:
            return None
        return self._container(found["Id"], name, found["Config"].get("Labels") or {})

    def containers(self, labels: Mapping[str, str] | None = None) -> list[Container]:
        """Every container of this data directory that bears all these labels, running or not."""
        wanted = dict(labels or {}) | {LABEL_DATA_DIRECTORY: str(self.data_directory)}
        filters = {"label": [f"{key}={value}" for key, value in wanted.items()]}
        found = self._connection.call(lambda api: api.containers(all=True, filters=filters))
        return [
            self._container(entry["Id"], self._short_name(entry["Names"][0]), entry.get("Labels") or {})
            for entry in found
        ]

    def _container(self, container_id: str, name: str, labels: Mapping[str, str]) -> Container:
        monitor = None
        if self.service is not None:
            driver = self.service.host.storage_driver
            monitor = Monitor(container_id, self.service.storage, self.service.run, driver)
        return Container(self._connection, container_id, name, labels, monitor)

    def _full_name(self, name: str) -> str:
        return name if self.service is not None else f"boat-{self.identity[:6]}-{name}"

    def _short_name(self, name: str) -> str:
        return name.lstrip("/") if self.service is not None else name.lstrip("/").removeprefix(self._full_name(""))

    def network(self, name: str, *, internal: bool = False) -> Network:
        """A bridge of its own for a workload, made when missing; `internal` has no way to the outside.

        Containers on it reach the gateway at `gateway` and `self.port`, role credentials at 169.254.170.2,
        and neither other boatyard networks nor the host's loopback.
        """
        self.ready()
        return self._networks.ensure(name, internal)

    def network_names(self, prefix: str = "") -> list[str]:
        """The networks there are whose names begin so."""
        return [network.name for network in self._networks.all() if network.name.startswith(prefix)]

    def remove_network(self, name: str) -> None:
        """Remove a network, its bridge and rules. Its containers must be gone; harmless when it is."""
        self._networks.remove(name)

    def tidy_networks(self) -> None:
        """Remove what a killed removal has left of networks; nothing is started where there is nothing to tidy."""
        self._networks.tidy()

    def lower_networks(self) -> None:
        """Take the bridges and rules off the machine while nothing runs; the next use puts them back in force."""
        self._networks.sweep()
        self._checked = False

    def environment(self, name: str) -> str:
        """The image of an environment. EnvironmentMissing when `boatyard setup` has not built it."""
        reference = self.environments.reference(name)
        if self.service is not None:
            if self.service.outdated():
                self.service.restart()
        elif self._connection.absent_is_none(lambda api: api.inspect_image(reference)) is None:
            archive = self.environments.archive(name)
            with archive.open("rb") as file:
                self._connection.call(lambda api: list(api.load_image(file)), patient=True)
        return reference

    def resolve(self, image: str) -> str:
        """What the engine calls an image: environments by their name, everything else as it is."""
        return self.environment(image) if image in ENVIRONMENTS else image

    def docker_inside(self, layers: Path, account: str, region: str) -> DockerInside:
        """What a privileged container of the build environment needs so that `docker` works in it.

        `layers`: a directory that keeps the project's layers between builds.
        """
        self.environment("build")
        content = base_images.build_settings(self.environments, self.base_images, account, region)
        settings = self.data_directory / "engine" / f"build-{account}-{region}.json"
        base_images.write_settings(settings, content)
        stores = self.environments.stores()
        return docker_inside(layers, stores[0] if stores else None, settings, registry_hosts(account, region))

    def pull(self, reference: str, username: str, password: str) -> str:
        """Bring an image of boatyard's own registry here by tag or digest; its local image id.

        `reference`: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY[:TAG|@DIGEST]. ImageNotFound, PullFailed.
        """
        self.ready()
        return pull_image(self._connection, reference, self.port, username, password)

    def has_image(self, image: str) -> bool:
        """Whether the engine has an image of that id or name."""
        return self._connection.absent_is_none(lambda api: api.inspect_image(image)) is not None

    def pulled_images(self) -> list[PulledImage]:
        """The images that were pulled for workloads and that no container stands on; no environments."""
        used = {entry["ImageID"] for entry in self._connection.call(lambda api: api.containers(all=True))}
        own = self.service is not None
        found = [pulled(entry, self.port, own=own) for entry in self._connection.call(lambda api: api.images())]
        return [image for image in found if image is not None and image.id not in used]

    def remove_pulled(self, image: PulledImage) -> None:
        """Remove an image; EngineError when a container has come to stand on it."""
        for name in (*image.names, image.id):
            self._connection.absent_is_none(lambda api, name=name: api.remove_image(name))  # type: ignore[misc]

    def remove_image(self, reference: str) -> None:
        """Forget an image; harmless when it is gone."""
        self._connection.absent_is_none(lambda api: api.remove_image(reference, force=True))

    def close(self) -> None:
        """Let go of the engine; it and its containers go on."""
        self._connection.close()

    def reset(self) -> None:
        """Remove all containers and networks of the data directory; images stay, the engine goes on."""
        for container in self.containers():
            container.remove()
        self._networks.remove_all()

    def destroy(self) -> None:
        """Remove everything this engine ever made here: containers, networks, rules, storage, its process.

        Works on what is left when parts are gone already. Somebody else's engine keeps running.
        """
        with contextlib.suppress(EngineUnavailable):
            if self.service is not None and self.service.outdated():
                self.service.restart()
            if self.service is None or (self.service.directory / "storage").exists():
                self.reset()
        self.close()
        self._checked = False
        if self.service is not None:
            self.service.stop()
        # Only now: until its end the service finishes what somebody asked of it who is gone.
        self._networks.sweep()
        if self.service is not None:
            self._unmount(self.service.storage)
            shutil.rmtree(self.service.directory, ignore_errors=True)
            self._unmount(self.service.run)
            shutil.rmtree(self.service.run, ignore_errors=True)

    def _unmount(self, directory: Path) -> None:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        targets = [line.split()[1].encode().decode("unicode_escape") for line in mounts]
        below = [target for target in targets if Path(target).is_relative_to(directory)]
        for target in sorted(below, reverse=True):
            subprocess.run(["umount", "--lazy", target], capture_output=True, check=False, timeout=60)
