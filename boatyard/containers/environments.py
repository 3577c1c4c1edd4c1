"""The environments that containers run in: built once from images/, shared between data directories."""

from __future__ import annotations

import hashlib
import json
import platform
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


def os_release() -> dict[str, str]:
    """What the host says of its distribution (os-release(5))."""
    for path in (Path("/etc/os-release"), Path("/usr/lib/os-release")):
        if path.exists():
            pairs = (line.partition("=") for line in path.read_text().splitlines())
            return {key: value.strip('"') for key, _, value in pairs}
    return {}


def release() -> str:
    """The host's distribution and machine, whose package mirror the environments are made from."""
    values = os_release()
    return f"{values.get('ID', 'linux')}-{values.get('VERSION_ID', '0')}-{platform.machine()}"


def version_of(images: Path, name: str) -> str:
    """Twelve digits that change when an environment's recipe, its base's, or the host's release changes."""
    digest = hashlib.sha256(f"{FORMAT} {release()}\n".encode())
    for folder in dict.fromkeys(("base", name)):
        for path in sorted((images / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(images)} {path.stat().st_mode & 0o111}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


class Environments:
    """The environments directory: one image store for all versions, and a mark for each that is complete."""

    def __init__(self, directory: Path, images: Path | None = None) -> None:
        self.directory = directory
        self.images = images or images_directory()
        self.store = directory / "store"
        self._versions: dict[str, str] = {}

    def version(self, name: str) -> str:
        """The version of an environment that this boatyard wants."""
        if name not in self._versions:
            self._versions[name] = version_of(self.images, name)
        return self._versions[name]

    def mark(self, name: str) -> Path:
        """The file that says that an environment of this version has been built, and what it is."""
        return self.directory / f"{name}-{self.version(name)}.complete"

    def complete(self, name: str) -> bool:
        """Whether an environment of this version has been built."""
        return self.mark(name).exists()

    def stores(self) -> list[Path]:
        """The image store, as soon as there is something in it."""
        return [self.store] if any(self.directory.glob("*.complete")) else []

    def tag(self, name: str) -> str:
        """The reference that an environment of this version has, built or not."""
        return f"localhost/boatyard/{name}:{self.version(name)}"

    def reference(self, name: str) -> str:
        """The image reference of a built environment. EnvironmentMissing when it is not built."""
        if not self.complete(name):
            raise EnvironmentMissing(
                f"The environment {name!r} has not been built in {self.directory}: run `boatyard setup`."
            )
        return self.tag(name)

    def description(self, name: str) -> str:
        """What a built environment is, such as "Debian GNU/Linux 12 (bookworm), Python 3.11.2"."""
        self.reference(name)
        return str(json.loads(self.mark(name).read_text())["description"])

    def archive(self, name: str) -> Path:
        """The environment as an image archive, for an engine that cannot share the store."""
        return self.directory / f"{name}-{self.version(name)}.tar"
