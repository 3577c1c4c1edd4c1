"""Files and folders that a container could write to: read without following what it may have planted there.

A container's root may put a link, a pipe or a device in the place of anything below a folder that it was given. On
this side such a link would lead into the host's files, and a pipe be waited on for ever.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
DEEPEST = 200


class NotAFolder(OSError):
    """Where a folder should be there is a link or something else; the text names it."""


@contextlib.contextmanager
def opened_folder(root: Path, *below: str) -> Iterator[int | None]:
    """A descriptor of a folder below `root`, which itself is boatyard's; None when there is none.

    No link is followed on the way down. Raises NotAFolder where there is one.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found: int | None = descriptor
        for name in below:
            inner = _below(descriptor, name)
            if inner is None:
                found = None
                break
            os.close(descriptor)
            found = descriptor = inner
        yield found
    finally:
        os.close(descriptor)


def _below(folder: int, name: str) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:
        raise NotAFolder(f"{name} is not a folder any more") from None


def walk(top: int, path: str = "", depth: int = 0) -> Iterator[tuple[str, list[os.DirEntry[str]], int]]:
    """Each folder from `top` downwards: its path below it ("" for itself), its entries by name, its descriptor.

    Links are not followed. Raises OSError for folders nested more than DEEPEST deep: each costs a descriptor.
    """
    if depth > DEEPEST:
        raise OSError(f"folders are nested more than {DEEPEST} deep")
    with os.scandir(top) as scanned:
        entries = sorted(scanned, key=lambda entry: entry.name)
    yield path, entries, top
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            continue
        try:
            inner = os.open(entry.name, _FOLDER, dir_fd=top)
        except OSError:
            continue  # gone or replaced since the folder was listed
        try:
            yield from walk(inner, f"{path}{entry.name}/", depth + 1)
        finally:
            os.close(inner)


def open_plain(path: str | Path, folder: int | None = None) -> BinaryIO | None:
    """A plain file, open for reading; None for anything else at its place (a link, a pipe, a folder, nothing).

    `path` is relative to the descriptor `folder` where that is given. Only its last part is distrusted.
    """
    try:
        descriptor = os.open(path, _FILE, dir_fd=folder)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def clear(path: Path) -> None:
    """Remove whatever is at a path, a folder with all that is in it; harmless when nothing is there."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder as far as possible, however deep its folders are nested; links are not followed."""
    # Python's own removal goes down by recursion, which a container can make run out of stack and descriptors.
    subprocess.run(["rm", "-rf", "--", str(path)], stdin=subprocess.DEVNULL, capture_output=True, check=False)
