"""The paths that a buildspec caches: packed into one tar file and put back. Standard library only."""

from __future__ import annotations

import glob
import os
import tarfile
from pathlib import Path


def matches(patterns: list[str], directory: str) -> list[str]:
    """The absolute paths that the patterns match; relative ones are below `directory`. Directories count whole."""
    found: dict[str, None] = {}
    for pattern in patterns:
        whole = pattern.removesuffix("/**/*").removesuffix("/**").removesuffix("/*") or "/"
        # Path.glob takes no absolute patterns.
        for path in glob.glob(whole, root_dir=directory, recursive=True, include_hidden=True):  # noqa: PTH207
            found[os.path.normpath(Path(directory) / path)] = None
    return list(found)


def save(archive: Path, patterns: list[str], directory: str) -> int:
    """Pack what the patterns match; how many paths they matched. The archive is replaced in one step."""
    paths = matches(patterns, directory)
    partial = archive.with_suffix(".partial")
    with tarfile.open(partial, "w") as tar:
        for path in paths:
            tar.add(path, arcname=path.lstrip("/"))
    partial.replace(archive)
    return len(paths)


def restore(archive: Path) -> bool:
    """Put back what was packed; whether there was anything."""
    if not archive.is_file():
        return False
    with tarfile.open(archive) as tar:
        # Owners, modes and links as they were: this is the build's own root in its own container.
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
        tar.extractall("/")  # noqa: S202
    return True
