"""The environments that containers run in: built once from images/, shared between data directories."""

from __future__ import annotations

import hashlib
import platform
from functools import cached_property
from pathlib import Path

import boatyard
from boatyard.containers.errors import EnvironmentMissing

ENVIRONMENTS = ("base", "functions", "build", "notebook")
# Raised when what is built changes without images/ changing.
FORMAT = 1


def images_directory() -> Path:
    """Where the recipes are: in the wheel beside the package, in a clone at its root."""
    package = Path(boatyard.__file__).parent
    packed = package / "_data" / "images"
    return packed if packed.is_dir() else package.parent / "images"


def release() -> str:
    """The host's distribution and machine, whose package mirror the environments are made from."""
    values: dict[str, str] = {}
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        if path.exists():
            pairs = (line.partition("=") for line in path.read_text().splitlines())
            values = {key: value.strip('"') for key, _, value in pairs}
            break
    return f"{values.get('ID', 'linux')}-{values.get('VERSION_ID', '0')}-{platform.machine()}"


def version_of(images: Path) -> str:
    """Twelve digits that change when any recipe, or the host's release, changes."""
    digest = hashlib.sha256(f"{FORMAT} {release()}\n".encode())
    for path in sorted(images.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(images)} {path.stat().st_mode & 0o111}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


class Environments:
    """The environments directory: one image store a version, each with marks of what is complete."""

    def __init__(self, directory: Path, images: Path | None = None) -> None:
        self.directory = directory
        self.images = images or images_directory()

    @cached_property
    def version(self) -> str:
        """The version that this boatyard wants."""
        return version_of(self.images)

    @property
    def current(self) -> Path:
        """Where this boatyard's version is or will be."""
        return self.directory / self.version

    @property
    def store(self) -> Path:
        """The image store of this boatyard's version."""
        return self.current / "store"

    def complete(self, name: str) -> bool:
        """Whether an environment of this version has been built."""
        return (self.current / f"{name}.complete").exists()

    def stores(self) -> list[Path]:
        """The image stores of all versions with something complete: old containers need the old ones."""
        if not self.directory.is_dir():
            return []
        found = {mark.parent / "store" for mark in self.directory.glob("*/*.complete")}
        return sorted(found, key=lambda store: (store != self.store, str(store)))

    def tag(self, name: str) -> str:
        """The reference that an environment of this version has, built or not."""
        return f"localhost/boatyard/{name}:{self.version}"

    def reference(self, name: str) -> str:
        """The image reference of a built environment. EnvironmentMissing when it is not built."""
        if not self.complete(name):
            raise EnvironmentMissing(
                f"The environment {name!r} has not been built in {self.directory}: run `boatyard setup`."
            )
        return self.tag(name)

    def archive(self, name: str) -> Path:
        """The environment as an image archive, for an engine that cannot share the store."""
        return self.current / f"{name}.tar"
