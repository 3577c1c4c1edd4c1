"""The other side of a push to Prod: bare.sh on a podman of its own, set up as boatyard's own is on this machine."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

from bench.session import ROOT, timed

SCRIPT = ROOT / "bench" / "bare.sh"
# The same stand-in for the base image as boatyard uses where no registry is reachable; see docs/how-to.
BASE = "public.ecr.aws/docker/library/python:3.12-slim-bookworm"
STAGES = ("Build", "Train", "DeployDev", "SmokeTest", "DeployTest", "FullTest", "DeployProd", "End")


class Bare:
    """Deliveries with podman alone: runtime, storage driver, limits, certificates and package index as boatyard's."""

    def __init__(self, directory: Path, blueprint: Path) -> None:
        """`directory`: its own, made and removed here; `blueprint`: the algorithm and the data to deliver."""
        self._directory = directory
        self._blueprint = blueprint
        self._delivered = 0
        self.stages: dict[str, float] = {}
        """How many seconds each stage of the last delivery took."""

    def __enter__(self) -> Bare:
        from boatyard.cli import servers
        from boatyard.containers.environments import Environments
        from boatyard.containers.service import PodmanService
        from boatyard.containers.workloads import PIP_TARGET, host_mounts

        environments = Environments(servers.settings_for().environments_directory)
        (self._directory / "engine").mkdir(parents=True)
        for name in ("room", "second"):
            (self._directory / name).mkdir()
        self._podman = PodmanService(self._directory, environments.stores)
        self._second = PodmanService(self._directory / "second", environments.stores)
        self._podman.volumes = [
            f"{mount.source}:{'/etc/pip.conf' if mount.target == PIP_TARGET else mount.target}:ro"
            for mount in host_mounts(self._directory / "engine")
        ]
        self._podman.podman("tag", environments.reference("base"), BASE)
        return self

    def __exit__(self, *_: object) -> None:
        self._podman.podman("rm", "--all", "--force", "--time", "0")
        for directory in (self._podman.storage, self._podman.run, self._second.storage, self._second.run):
            _unmount(directory)
            shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(self._directory)

    def deliver(self) -> float:
        """Deliver once what the blueprint holds now; the seconds from the first command until Prod serves."""
        self._delivered += 1
        said: list[str] = []
        spent = timed(lambda: said.extend(self._run(f"v{self._delivered}").splitlines()))
        self.stages = stages_of(said)
        return spent

    def transfer(self) -> float:
        """Seconds that the last image takes to be compressed into a folder, and to come from there to another podman.

        As through a registry that costs nothing itself; the other podman has the base image and no more.
        """
        pushed = f"dir:{self._directory / 'pushed'}"

        def both() -> None:
            self._podman.podman("push", "--quiet", "--compress", f"localhost/bare:v{self._delivered}", pushed)
            self._second.podman("pull", "--quiet", pushed)

        return timed(both)

    def _run(self, tag: str) -> str:
        folders = (self._blueprint / "algorithm", self._blueprint / "data", self._directory / "room")
        done = subprocess.run(
            ["bash", str(SCRIPT), *map(str, folders), tag],
            env=self._podman.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"bench/bare.sh failed with exit status {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout


def stages_of(said: list[str]) -> dict[str, float]:
    """How many seconds each stage took, from what bare.sh prints: the moment and the name of each that begins."""
    begun = {stage: float(moment) for moment, _, stage in (line.partition(" ") for line in said) if stage in STAGES}
    return {stage: begun[following] - begun[stage] for stage, following in pairwise(STAGES)}


def _unmount(directory: Path) -> None:
    """Take down what podman has mounted below a directory."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for target in sorted((each for each in mounts if Path(each).is_relative_to(directory)), reverse=True):
        subprocess.run(["umount", "--lazy", target], check=False, capture_output=True)
