"""Artifacts as files: fetched from the artifact store, and read from the zip that they are."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from boatyard.api.bodies import FileSlice, chunks
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun


def write(path: Path, pieces: Iterable[bytes]) -> FileSlice:
    """A file of those pieces, as a body to put somewhere."""
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    return FileSlice(path, 0, path.stat().st_size)


def fetch(action: ActionRun, name: str, path: Path) -> FileSlice:
    """The input artifact of that name, in a file; ActionFailed if the action has no such."""
    for item in action.action.inputs:
        if item["name"] == name:
            answer = action.call.invoke("s3", "GetObject", Bucket=item["bucket"], Key=item["key"])
            return write(path, chunks(answer["Body"]))
    raise ActionFailed("ConfigurationError", f"{name} is not among the action's input artifacts.")


def open_zip(path: Path, name: str) -> zipfile.ZipFile:
    """The artifact's zip; ActionFailed if it is none."""
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ActionFailed("JobFailed", f"The artifact {name} is not a zip file: {error}") from error


def safe_name(entry: str) -> PurePosixPath:
    """A zip entry's name; ActionFailed for one that leads out of the place it is put into."""
    name = PurePosixPath(entry)
    if name.is_absolute() or ".." in name.parts:
        raise ActionFailed("JobFailed", f"The artifact holds a file with the unsafe name {entry!r}.")
    return name


def extract(archive: IO[bytes], path: Path) -> FileSlice:
    """One opened zip entry, in a file."""
    with path.open("wb") as file:
        shutil.copyfileobj(archive, file)
    return FileSlice(path, 0, path.stat().st_size)


def zip_of(path: Path, files: dict[str, bytes]) -> FileSlice:
    """A zip of those files, as a body to put somewhere."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return FileSlice(path, 0, path.stat().st_size)
