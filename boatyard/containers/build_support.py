"""`docker` inside a build: what a privileged container of the build environment must be given for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boatyard.containers import base_images
from boatyard.containers.networks import CREDENTIALS_ADDRESS
from boatyard.containers.specification import Mount

LAYERS_TARGET = "/var/lib/boatyard/layers"
IMAGES_TARGET = "/var/lib/boatyard/images"
SETTINGS_TARGET = "/etc/boatyard/build.json"


@dataclass(frozen=True)
class DockerInside:
    """Mounts, variables and host names to add to the build container's specification."""

    mounts: tuple[Mount, ...]
    environment: dict[str, str]
    hosts: dict[str, str]


def registry_hosts(account: str, region: str) -> dict[str, str]:
    """The registry's names, led to boatyard: port 80 of this address goes to the gateway on every bridge."""
    return dict.fromkeys(base_images.registry_names(account, region), CREDENTIALS_ADDRESS)


def docker_inside(layers: Path, store: Path | None, settings: Path, hosts: dict[str, str]) -> DockerInside:
    """`layers`: a directory kept per project; `store`: the environments' images; `settings`: build.json."""
    layers.mkdir(parents=True, exist_ok=True)
    mounts = [Mount(layers, LAYERS_TARGET), Mount(settings, SETTINGS_TARGET, read_only=True)]
    if store is not None:
        mounts.append(Mount(store, IMAGES_TARGET, read_only=True))
    return DockerInside(tuple(mounts), {"BOATYARD_LAYERS": LAYERS_TARGET}, hosts)
