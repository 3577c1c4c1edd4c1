"""Zip files from strangers: listed, read and unpacked within limits."""

from __future__ import annotations

import contextlib
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from boatyard.api.unpacking import CHUNK, BadArchive, Limits, TooLarge, Unpacking, safe_path, shown

LARGEST_DIRECTORY = 32 << 20
"""Bytes of a zip's list of entries, which is read whole."""
DEFLATE_RATIO = 1032
"""How far deflate packs at most: what claims more counts its bytes twice."""
LONGEST_LINK = 4096

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)
"""What Python raises for a zip that is cut short, encrypted, or wrong in its numbers or names."""


class _Bounded:
    """A file that is never read in large pieces: a zip may say that its list of entries is gigabytes."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        left = self._size - self._file.tell()
        if left > LARGEST_DIRECTORY and not 0 <= size <= LARGEST_DIRECTORY:
            raise BadArchive(f"its list of entries is larger than {LARGEST_DIRECTORY >> 20} MiB")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Zip:
    """A zip that is open: every entry's name, kind and size has been looked at."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits, packed_size: int) -> None:
        self._archive = archive
        self.limits = limits
        self.entries = archive.infolist()
        if len(self.entries) > limits.entries:
            raise BadArchive(f"it holds more than {limits.entries} entries")
        total = sum(entry.file_size for entry in self.entries)
        if total > limits.size:
            raise TooLarge(f"it unpacks to more than {limits.words}")
        if total > DEFLATE_RATIO * packed_size:
            raise BadArchive("its entries overlap: it says that it holds more than its bytes can")
        for entry in self.entries:
            _check(entry)

    def pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """An entry's content."""
        try:
            with self._archive.open(entry) as content:
                while piece := content.read(CHUNK):
                    yield piece
        except _UNREADABLE as error:
            raise BadArchive(f"{shown(entry.filename)} cannot be unpacked: {error}") from error

    def read(self, name: str, limit: int) -> bytes:
        """The content of one file of at most `limit` bytes; KeyError when there is none of that name."""
        entry = self._archive.getinfo(name)
        if entry.file_size > limit:
            raise BadArchive(f"{shown(name)} is larger than {limit} bytes")
        return b"".join(self.pieces(entry))


def _check(entry: zipfile.ZipInfo) -> None:
    # Python cuts a name at a NUL: what the archive says is in orig_filename.
    if not (is_folder(entry) and not PurePosixPath(entry.orig_filename).parts):
        safe_path(entry.orig_filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise BadArchive(f"it holds a device or a pipe: {shown(entry.filename)}")
    if entry.flag_bits & 1:
        raise BadArchive(f"{shown(entry.filename)} is encrypted")
    if entry.compress_type not in _METHODS:
        raise BadArchive(
            f"{shown(entry.filename)} is packed in a way that is not known (method {entry.compress_type}): "
            "only stored and deflated entries are unpacked"
        )
    if is_link(entry) and entry.file_size > LONGEST_LINK:
        raise BadArchive(f"it holds a link that is too long: {shown(entry.filename)}")


def is_folder(entry: zipfile.ZipInfo) -> bool:
    """Whether the entry is a folder, written with either slash."""
    return entry.filename.endswith(("/", "\\"))


def is_link(entry: zipfile.ZipInfo) -> bool:
    """Whether the entry is a symbolic link."""
    return stat.S_ISLNK(entry.external_attr >> 16)


@contextlib.contextmanager
def opened(file: IO[bytes], limits: Limits) -> Iterator[Zip]:
    """The zip in a file; BadArchive where it is none, or one that must not be unpacked."""
    size = file.seek(0, 2)
    try:
        archive = zipfile.ZipFile(_Bounded(file, size))
    except _UNREADABLE as error:
        raise BadArchive(f"it is not a zip file ({error})") from error
    with archive:
        yield Zip(archive, limits, size)


def unpack(found: Zip, target: Path, *, default_mode: int = 0o644, least_mode: int = 0) -> None:
    """Put every entry of an open zip below `target`. A later entry takes the place of an earlier one.

    Files have the permissions that the zip gives and those of `least_mode`; `default_mode` where it gives none.
    """
    unpacking = Unpacking(target, found.limits)
    for entry in found.entries:
        mode = (entry.external_attr >> 16) & 0o777
        if is_folder(entry):
            unpacking.folder(entry.filename)
        elif is_link(entry):
            unpacking.link(entry.filename, _text(found.pieces(entry)))
        else:
            unpacking.file(entry.filename, found.pieces(entry), mode | least_mode if mode else default_mode)
    unpacking.finish()


def _text(pieces: Iterable[bytes]) -> str:
    return b"".join(pieces).decode(errors="surrogateescape")
