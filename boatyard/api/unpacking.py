"""What unpacks archives from strangers: paths that stay inside, links made last and looked at, sizes bounded."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CHUNK = 1 << 20
LONGEST_NAME = 255
"""Bytes of a file's name on Linux's file systems."""
LONGEST_PATH = 3072
"""Bytes of a path in an archive: the system's 4,096 leave room for the folder it is put into."""


class BadArchive(Exception):
    """An archive that is not one, or that must not be unpacked; its text says why and names the entry."""


class TooLarge(BadArchive):
    """An archive that unpacks to more than it may."""


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to: bytes in all, and entries (files, folders and links)."""

    size: int
    entries: int = 200_000

    @property
    def words(self) -> str:
        """The size for people."""
        for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20)):
            if self.size >= factor and self.size % factor == 0:
                return f"{self.size // factor} {unit}"
        return f"{self.size} bytes"


def shown(name: str) -> str:
    """An entry's name as a message may have it: quoted, cut, without control characters or half characters."""
    return ascii(name[:200]) if not name.isprintable() else repr(name[:200])


def safe_path(name: str) -> PurePosixPath:
    """An entry's path below the folder it is unpacked into; backslashes separate as on Windows.

    BadArchive for a path that leads out of it, names the folder itself, or that no file system takes.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise BadArchive(f"it holds a path that leads out of it: {shown(name)}")
    if not path.parts or "\x00" in name:
        raise BadArchive(f"it holds an entry without a proper name: {shown(name)}")
    try:
        lengths = [len(os.fsencode(part)) for part in path.parts]
    except UnicodeEncodeError:
        raise BadArchive(f"it holds an entry whose name is no text: {shown(name)}") from None
    if max(lengths) > LONGEST_NAME or sum(lengths) + len(lengths) > LONGEST_PATH:
        raise BadArchive(f"it holds a path that is too long: {shown(name)}")
    return path


class Unpacking:
    """A folder that an archive's entries are put into, as far as `limits` go.

    Links come last (`finish`), so no entry is ever written through one; then each must end inside the folder.
    """

    def __init__(self, target: Path, limits: Limits) -> None:
        self.target = target
        self.limits = limits
        self._left = limits.size
        self._entries = 0
        self._links: list[tuple[Path, str, str]] = []
        target.mkdir(parents=True, exist_ok=True)

    def _count(self) -> None:
        self._entries += 1
        if self._entries > self.limits.entries:
            raise BadArchive(f"it holds more than {self.limits.entries} entries")

    def folder(self, name: str) -> None:
        """Make a folder."""
        self._count()
        if PurePosixPath(name.replace("\\", "/")).parts:
            self._folder(self.target / safe_path(name), name)

    def _folder(self, path: Path, name: str) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise BadArchive(f"it holds one path as a file and as a folder: {shown(name)}") from None

    def _place(self, name: str) -> Path:
        """Where an entry goes: its folder is there, and nothing is in its place. A later entry takes the place."""
        self._count()
        path = self.target / safe_path(name)
        self._folder(path.parent, name)
        try:
            path.unlink(missing_ok=True)
        except IsADirectoryError:
            raise BadArchive(f"it holds one path as a file and as a folder: {shown(name)}") from None
        return path

    def file(self, name: str, pieces: Iterable[bytes], mode: int, modified: float | None = None) -> None:
        """Write a file with the permissions of `mode` (never set-user-id and its like) and a time of change."""
        path = self._place(name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                self._left -= len(piece)
                if self._left < 0:
                    raise TooLarge(f"it unpacks to more than {self.limits.words}")
                file.write(piece)
            os.fchmod(descriptor, mode & 0o777)
        if modified is not None and 0 <= modified < 1 << 40:
            os.utime(path, (modified, modified))

    def hard_link(self, name: str, source: str) -> None:
        """Make a hard link to a file that was unpacked before."""
        path = self._place(name)
        try:
            found = self.target / safe_path(source)
        except BadArchive as error:
            raise BadArchive(f"{shown(name)} cannot be linked: {error}") from None
        try:
            if not stat.S_ISREG(found.lstat().st_mode):
                raise BadArchive(f"it holds a link to what is no file: {shown(name)} -> {shown(source)}")
            os.link(found, path, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            raise BadArchive(f"it holds a link to a file that it does not hold: {shown(name)}") from None

    def link(self, name: str, destination: str) -> None:
        """Note a symbolic link, to be made at the end."""
        self._links.append((self._place(name), destination, name))

    def finish(self) -> None:
        """Make the links. BadArchive, and no link left, when one of them leads out of the folder."""
        made: list[Path] = []
        root = self.target.resolve()
        try:
            for path, destination, name in self._links:
                self._make(path, destination, name)
                made.append(path)
            # One link may lead another one out: so each is followed when all of them are there.
            for path, destination, name in self._links:
                if not _ends_inside(path, root):
                    raise BadArchive(f"it holds a link that leads out of it: {shown(name)} -> {shown(destination)}")
        except BaseException:
            for path in made:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise

    def _make(self, path: Path, destination: str, name: str) -> None:
        if destination.startswith("/") or not destination or "\x00" in destination:
            raise BadArchive(f"it holds a link that leads out of it: {shown(name)} -> {shown(destination)}")
        if not path.parent.resolve().is_relative_to(self.target.resolve()):
            raise BadArchive(f"it holds a link that leads out of it: {shown(name)} -> {shown(destination)}")
        try:
            path.symlink_to(destination)
        except (OSError, UnicodeEncodeError) as error:
            raise BadArchive(f"it holds a link that cannot be made: {shown(name)} ({error})") from None


def _ends_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        # A link that leads in a circle leads nowhere; one too long to follow is not trusted.
        return False
