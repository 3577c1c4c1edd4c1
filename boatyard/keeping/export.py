"""`boatyard export`: one file with all that a data directory holds, of one moment, while the server runs or not."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

import boatyard
from boatyard.api.timestamps import iso, now
from boatyard.keeping.archive import FORMAT, HEAD, MANIFEST, STATE, Head, Member, checked
from boatyard.keeping.snapshot import ExportFailed, snapshot, volumes
from boatyard.state.schema import versions_in

if TYPE_CHECKING:
    from boatyard.settings import Settings

_CHUNK = 1 << 20
Say = Callable[[str], None]
Moved = Callable[[int, int], None]
"""Called with the bytes that are done, and all there are."""


def export(settings: Settings, file: Path, *, replace: bool, port: int, say: Say, moved: Moved) -> int:
    """Write the file; the bytes that it has. ExportFailed says why it cannot be.

    It is written under another name, mode 600 (it holds every secret), and gets its own when it is on disk.
    """
    if file.exists() and not replace:
        raise ExportFailed(f"{file} exists. Name another file, or replace it with --yes.")
    if not file.parent.is_dir():
        raise ExportFailed(f"There is no folder {file.parent}.")
    data = settings.data_directory
    with snapshot(data, say) as staging, _written(file) as output:
        head = Head(
            format=FORMAT,
            version=boatyard.__version__,
            created=iso(now()),
            account=settings.account_id,
            region=settings.region,
            port=port,
            schemas=versions_in(staging / STATE),
        )
        say("Writing the file")
        with (
            gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=output, mtime=0) as packed,
            closing(tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT, bufsize=_CHUNK)) as tar,
        ):
            _Writer(tar, moved).write(head, staging, data)
    return file.stat().st_size


@contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    partial = file.with_name(f".{file.name}.partial-{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=_CHUNK) as output:
            os.fchmod(output.fileno(), 0o600)
            yield output
            output.flush()
            os.fsync(output.fileno())
        partial.replace(file)
    except OSError as error:
        if isinstance(error, PermissionError):
            raise
        raise ExportFailed(f"{file} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class _Writer:
    """Adds members and notes their digests; the manifest comes last, so that a file cut short has none."""

    def __init__(self, tar: tarfile.TarFile, moved: Moved) -> None:
        self._tar = tar
        self._moved = moved
        self._members: dict[str, Member] = {}
        self._done = self._all = 0

    def write(self, head: Head, staging: Path, data: Path) -> None:
        """Everything, in the order in which an import wants it."""
        files = sorted(each for each in staging.rglob("*") if each.is_file())
        self._all = sum(each.stat().st_size for each in files)
        encoded = msgspec.json.encode(head)
        self._add(HEAD, io.BytesIO(encoded), len(encoded))
        for path in files:
            with path.open("rb") as content:
                self._add(str(path.relative_to(staging)), content, path.stat().st_size)
        for name, path, status in volumes(data):
            with suppress(FileNotFoundError):
                self._add_of_volume(name, path, status)
        manifest = msgspec.json.encode(self._members)
        self._tar.addfile(_information(MANIFEST, len(manifest)), io.BytesIO(manifest))

    def _add(self, name: str, content: IO[bytes], size: int, owner: os.stat_result | None = None) -> None:
        reader = _Reader(content, self._count)
        self._tar.addfile(_information(name, size, owner), reader)
        self._members[name] = Member(size=size, sha256=reader.digest.hexdigest())

    def _count(self, size: int) -> None:
        self._done += size
        self._moved(self._done, max(self._all, self._done))

    def _add_of_volume(self, name: str, path: Path, status: os.stat_result) -> None:
        """A part of a volume that a notebook may be writing: a file goes in as long as it is when it is read."""
        if checked(name) is None:
            raise ExportFailed(f"{path} has a name that an export cannot hold: rename it.")
        information = _information(name, 0, status)
        if stat.S_ISDIR(status.st_mode):
            information.type = tarfile.DIRTYPE
            self._tar.addfile(information)
            self._members[name] = Member(kind="folder")
        elif stat.S_ISLNK(status.st_mode):
            information.type, information.linkname = tarfile.SYMTYPE, str(path.readlink())
            self._tar.addfile(information)
            self._members[name] = Member(kind="link", target=information.linkname)
        elif stat.S_ISREG(status.st_mode):
            with tempfile.TemporaryFile() as copy:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with os.fdopen(descriptor, "rb") as content:
                    while piece := content.read(_CHUNK):
                        copy.write(piece)
                size = copy.tell()
                copy.seek(0)
                self._add(name, copy, size, status)


class _Reader:
    """A file that is hashed and counted as it is read."""

    def __init__(self, content: IO[bytes], count: Callable[[int], None]) -> None:
        self._content = content
        self._count = count
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece = self._content.read(size)
        self.digest.update(piece)
        self._count(len(piece))
        return piece


def _information(name: str, size: int, owner: os.stat_result | None = None) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    made.mode = 0o600 if owner is None else stat.S_IMODE(owner.st_mode) & 0o1777
    made.mtime = time.time() if owner is None else owner.st_mtime
    if owner is not None:
        made.uid, made.gid = owner.st_uid, owner.st_gid
    return made
