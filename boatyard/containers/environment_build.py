"""Builds the environments out of images/, once for each version and machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from filelock import FileLock, Timeout

from boatyard.containers.bootstrap import PULLED_BASE, bootstrap, registry_reachable
from boatyard.containers.environments import ENVIRONMENTS, Environments
from boatyard.containers.errors import EngineError, SetupFailed
from boatyard.containers.service import PodmanService, podman_path
from boatyard.containers.workloads import host_environment, host_mounts

BOOTSTRAP = "localhost/boatyard/bootstrap"
LOCK_SECONDS = 1800
# What an image is, for people: its system and its Python.
DESCRIBE = '. /etc/os-release; echo "$PRETTY_NAME, $(python3 --version)"'


class EnvironmentBuild:
    """Building what is missing into the environments' store."""

    def __init__(self, environments: Environments) -> None:
        self.environments = environments
        self.service = PodmanService(environments.directory / "builder", storage=environments.store)

    def _configure(self) -> None:
        self.service.directory.mkdir(parents=True, exist_ok=True)
        mounts = host_mounts(self.service.directory)
        self.service.volumes = [f"{mount.source}:{mount.target}:ro" for mount in mounts]
        self.service.configure()

    def missing(self) -> list[str]:
        """The environments that are not built yet."""
        return [name for name in ENVIRONMENTS if not self.environments.complete(name)]

    def run(self, archives: bool = False) -> Iterator[str]:
        """Build what is missing; yields progress lines. SetupFailed with the last lines when a build fails.

        `archives`: also write each environment as an archive, for an engine that cannot share the store.
        """
        self.environments.directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.environments.directory / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield "waiting for another setup that builds the environments"
            lock.acquire(timeout=LOCK_SECONDS)
        try:
            missing = self.missing()
            if missing:
                self._configure()
                if "base" in missing:
                    yield from self._first_image()
                    yield from self._make("base")
                yield from self._make_at_once([name for name in missing if name != "base"])
            if archives:
                yield from self._archives()
        finally:
            lock.release()

    def _make(self, name: str) -> Iterator[str]:
        yield from self._build(name)
        self._finish(name)
        yield f"{name}: ready"

    def _make_at_once(self, names: list[str]) -> Iterator[str]:
        """Those that only stand on the base: downloads of one go on while another is being written."""
        said: SimpleQueue[str | None] = SimpleQueue()

        def make(name: str) -> None:
            try:
                for line in self._make(name):
                    said.put(line)
            finally:
                said.put(None)

        with ThreadPoolExecutor(max_workers=max(1, len(names)), thread_name_prefix="environment") as pool:
            futures = [pool.submit(make, name) for name in names]
            for _ in names:
                yield from iter(said.get, None)
            for future in futures:
                future.result()

    def _first_image(self) -> Iterator[str]:
        reference = f"{BOOTSTRAP}:{self.environments.version('base')}"
        if self.service.podman("images", "--quiet", reference).strip():
            return
        if registry_reachable():
            yield f"base: pulling {PULLED_BASE}"
            yield from self._podman("base", "pull", "--quiet", PULLED_BASE)
            self.service.podman("tag", PULLED_BASE, reference)
            return
        packages = (self.environments.images / "base" / "packages").read_text().split()
        with tempfile.TemporaryDirectory(dir=self.environments.directory) as directory:
            archive = Path(directory) / "base.tar"
            yield from bootstrap(archive, packages)
            yield "base: importing"
            self.service.podman("import", "--quiet", str(archive), reference, timeout=600)

    def _build(self, name: str) -> Iterator[str]:
        yield f"{name}: building"
        version = self.environments.version("base")
        context = self.environments.images / name
        yield from self._podman(
            name,
            "build",
            "--network=host",
            "--format=docker",
            f"--build-arg=VERSION={version}",
            f"--build-arg=BOOTSTRAP={BOOTSTRAP}:{version}",
            f"--tag={self.environments.tag(name)}",
            f"--file={context / 'Dockerfile'}",
            *[f"--build-arg={key}={value}" for key, value in host_environment().items()],
            str(context),
        )

    def _podman(self, name: str, *arguments: str) -> Iterator[str]:
        said: list[str] = []
        with subprocess.Popen(
            [podman_path(), *arguments],
            env=self.service.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                said.append(line.rstrip())
                if line.startswith("STEP "):
                    yield f"{name}: {line.strip()[:100]}"
        if process.returncode != 0:
            raise SetupFailed(f"The environment {name!r} cannot be built:\n" + "\n".join(said[-15:]))

    def _finish(self, name: str) -> None:
        described = self.service.podman(
            "run", "--rm", "--network=none", "--entrypoint=/bin/sh", self.environments.tag(name), "-c", DESCRIBE
        ).strip()
        mark = self.environments.mark(name)
        partial = mark.with_suffix(".partial")
        partial.write_text(json.dumps({"description": described}))
        partial.replace(mark)

    def _archives(self) -> Iterator[str]:
        for name in ENVIRONMENTS:
            archive = self.environments.archive(name)
            if not archive.exists():
                yield f"{name}: writing an archive for the engine"
                partial = archive.with_suffix(".partial")
                partial.unlink(missing_ok=True)
                self.service.podman("save", "--output", str(partial), self.environments.tag(name), timeout=900)
                partial.replace(archive)


def discard(environments: Environments, say: Callable[[str], None]) -> None:
    """Remove the environments of every version; nothing may be running on them."""
    if not (environments.directory / "builder").is_dir():
        return
    try:
        EnvironmentBuild(environments).service.podman("rm", "--all", "--force")
    except EngineError as error:
        say(str(error))
    shutil.rmtree(environments.directory, ignore_errors=True)
