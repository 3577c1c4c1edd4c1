"""Artifacts as files: fetched from the artifact store, and read from the zip that they are."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from boatyard.api import zips
from boatyard.api.bodies import FileSlice, chunks
from boatyard.api.unpacking import BadArchive, Limits
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun

LIMITS = Limits(20 << 30)
"""What an artifact may unpack to."""


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


@contextlib.contextmanager
def open_zip(path: Path, name: str) -> Iterator[zips.Zip]:
    """The artifact's zip; ActionFailed if it is none, or one that must not be unpacked or read."""
    try:
        with path.open("rb") as file, zips.opened(file, LIMITS) as found:
            yield found
    except BadArchive as error:
        raise ActionFailed("JobFailed", f"The artifact {name} cannot be unpacked: {error}.") from error


def zip_of(path: Path, files: dict[str, bytes]) -> FileSlice:
    """A zip of those files, as a body to put somewhere."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return FileSlice(path, 0, path.stat().st_size)
