"""Model and output archives: gzipped tar files that are packed from and unpacked into a container's folders."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import BinaryIO

from boatyard.api import tars
from boatyard.api.unpacking import BadArchive, Limits
from boatyard.containers.foreign_files import open_plain, walk

__all__ = ["LIMITS", "BadArchive", "pack", "unpack"]

_GZIP_LEVEL = 6
LIMITS = Limits(100 << 30)
"""What a model may unpack to."""


def pack(folder: int | None, target: Path) -> int:
    """Writes the contents of an open folder as a gzipped tar to `target` and returns how many files it holds.

    Links are kept as links and never followed; sockets, pipes and devices are left out. Without a folder the archive
    is empty. Raises OSError, also for folders that are nested too deeply.
    """
    with tarfile.open(target, "w:gz", compresslevel=_GZIP_LEVEL) as archive:
        count = 0 if folder is None else _add(archive, folder)
    with target.open("rb") as written:
        os.fsync(written.fileno())
    return count


def _add(archive: tarfile.TarFile, top: int) -> int:
    count = 0
    for path, entries, folder in walk(top):
        for name in (entry.name for entry in entries):
            # By way of the open folder: whoever can write to it cannot lead elsewhere.
            info = archive.gettarinfo(f"/proc/self/fd/{folder}/{name}", arcname=f"{path}{name}")
            if info is None or info.ischr() or info.isblk() or info.isfifo():
                continue
            if not info.isfile():
                archive.addfile(info)
                continue
            content = open_plain(name, folder)
            if content is not None:
                with content:
                    archive.addfile(info, content)
                count += 1
    return count


def unpack(content: BinaryIO, target: Path) -> None:
    """Unpacks a gzipped tar into `target`; raises BadArchive for anything that could leave it.

    Refused are absolute paths, `..`, links that point out of the archive, devices and pipes. Owners are dropped.
    """
    tars.unpack(content, target, LIMITS)
