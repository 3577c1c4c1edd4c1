"""Gzipped tar files from strangers: unpacked within limits."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from boatyard.api.unpacking import CHUNK, BadArchive, Limits, Unpacking, shown

LARGEST_HEADERS = 4 << 20
"""Bytes that may stand between two files: long names and extended headers, which are read whole."""

_UNREADABLE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    ArithmeticError,
    RecursionError,
)
"""What Python raises for a tar that is cut short, wrong in its numbers or names, or has headers upon headers."""


class _Window:
    """A packed stream as tarfile wants a file: it goes on and back by one byte, and headers are bounded."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = gzip.GzipFile(fileobj=content)
        self._at = 0
        self._last = b""
        self._back = False
        self._headers: int | None = LARGEST_HEADERS

    def headers(self, on: bool) -> None:
        """Whether what is read next are headers; each time their bound begins anew."""
        self._headers = LARGEST_HEADERS if on else None

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if size < 0 or size > LARGEST_HEADERS:
            raise BadArchive(f"it has headers of more than {LARGEST_HEADERS >> 20} MiB")
        if self._headers is not None:
            self._headers -= size
            if self._headers < 0:
                raise BadArchive(f"it has headers of more than {LARGEST_HEADERS >> 20} MiB")
        if not size:
            return b""
        found = b""
        if self._back:
            self._back, found = False, self._last
            self._at += 1
        content = found + self._content.read(size - len(found))
        self._at += len(content) - len(found)
        self._last = content[-1:] or self._last
        return content

    def tell(self) -> int:
        """How far it has come."""
        return self._at

    def seek(self, position: int) -> int:
        """Go on to a position, or back by one byte."""
        if position == self._at - 1 and self._last and not self._back:
            self._at, self._back = position, True
        elif position < self._at:
            raise tarfile.ReadError("its parts do not follow one another")
        headers, self._headers = self._headers, None
        while self._at < position:
            if not self.read(min(CHUNK, position - self._at)):
                break
        self._headers = headers
        return self._at


def unpack(content: BinaryIO, target: Path, limits: Limits) -> None:
    """Put every entry of a gzipped tar below `target`; BadArchive for anything that could leave it.

    Owners are dropped. Refused are absolute paths, `..`, links that lead out, devices, pipes and sparse files.
    """
    unpacking = Unpacking(target, limits)
    window = _Window(content)
    try:
        with tarfile.open(fileobj=window, mode="r:") as archive:  # type: ignore[call-overload]
            while (member := _next(archive, window)) is not None:
                _put(unpacking, archive, window, member)
    except _UNREADABLE as error:
        raise BadArchive(f"it is not a gzipped tar archive ({error})") from error
    unpacking.finish()


def _next(archive: tarfile.TarFile, window: _Window) -> tarfile.TarInfo | None:
    window.headers(True)
    vars(archive)["members"].clear()  # else every entry that has been unpacked stays in memory
    return archive.next()


def _put(unpacking: Unpacking, archive: tarfile.TarFile, window: _Window, member: tarfile.TarInfo) -> None:
    if member.isdir():
        unpacking.folder(member.name)
    elif member.issym():
        unpacking.link(member.name, member.linkname)
    elif member.islnk():
        unpacking.hard_link(member.name, member.linkname)
    elif member.isfile() and not member.issparse():
        window.headers(False)
        mode = member.mode & 0o755 | 0o600
        unpacking.file(member.name, _pieces(archive, member), mode, float(member.mtime))
    else:
        raise BadArchive(f"it holds what is no file, folder or link: {shown(member.name)}")


def _pieces(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    content = archive.extractfile(member)
    if content is None:
        return
    while piece := content.read(CHUNK):
        yield piece
