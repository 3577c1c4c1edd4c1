"""Volumes that an image declares below a mounted folder: they belong to the folder, and must not hide it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from boatyard.containers.foreign_files import NotAFolder, opened_folder
from boatyard.containers.specification import Mount


def uncovered(mounts: Sequence[Mount], volumes: Iterable[str]) -> list[Mount]:
    """The mounts that put each volume of an image back where it is in the folder that is mounted above it.

    An engine gives a declared volume (`VOLUME` in a Dockerfile) an empty place of its own, also below a folder that it
    was told to mount: with `VOLUME /opt/ml/model`, what was trained would be written there, and thrown away. Folders
    that are not there yet are made; where something else is in the way, the engine's volume stays.
    """
    targets = {PurePosixPath(mount.target): mount for mount in mounts}
    found = []
    for volume in sorted({PurePosixPath(name) for name in volumes}):
        if volume in targets or ".." in volume.parts:
            continue
        above = next((targets[parent] for parent in volume.parents if parent in targets), None)
        if above is None or not above.source.is_dir():
            continue
        below = volume.relative_to(above.target).parts
        with contextlib.suppress(NotAFolder, FileExistsError):
            found.append(Mount(_made(above.source, below), str(volume), above.read_only))
    return found


def _made(folder: Path, below: Sequence[str]) -> Path:
    """A folder below one of boatyard's own, made where it is missing; no link is followed to it."""
    for depth, name in enumerate(below):
        with opened_folder(folder, *below[: depth + 1]) as descriptor:
            if descriptor is None:
                folder.joinpath(*below[:depth], name).mkdir()
    return folder.joinpath(*below)
