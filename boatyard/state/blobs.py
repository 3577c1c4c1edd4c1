"""Blobs: files whose content is on disk before anything refers to them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Blob:
    """A finished blob: its id, its size in bytes and the SHA-256 of its content in hexadecimal digits.

    The digest is empty when the writer was told not to work it out.
    """

    id: str
    size: int
    sha256: str


class BlobWriter:
    """Writes one blob to a temporary file; commit() makes it durable, anything else leaves nothing."""

    def __init__(self, store: BlobStore, digest: bool = True) -> None:
        self._store = store
        self.id = uuid.uuid4().hex
        self._path = store.temporary / self.id
        self._file = self._path.open("xb", buffering=256 * 1024)
        self._digest = hashlib.sha256() if digest else None
        self.size = 0

    def write(self, content: bytes) -> None:
        """Append to the blob; OSError when the disk is full."""
        self._file.write(content)
        if self._digest is not None:
            self._digest.update(content)
        self.size += len(content)

    def commit(self) -> Blob:
        """Write, fsync, rename, fsync the directory: after this the blob survives a crash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path = self._store.path(self.id)
        if not path.parent.is_dir():
            path.parent.mkdir(exist_ok=True)
            _sync_directory(path.parent.parent)
        self._path.rename(path)
        _sync_directory(path.parent)
        return Blob(self.id, self.size, self._digest.hexdigest() if self._digest is not None else "")

    def abort(self) -> None:
        """Throw away what was written; harmless after commit()."""
        try:
            # Closing writes what is buffered, which fails again on a full disk.
            self._file.close()
        finally:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


class Hold:
    """Blobs that are being read: one that is deleted meanwhile goes only when the last hold on it is let go."""

    def __init__(self, store: BlobStore, ids: tuple[str, ...]) -> None:
        self._store = store
        self._ids = ids

    def release(self) -> None:
        """Let go; harmless when it was done already."""
        ids, self._ids = self._ids, ()
        self._store.let_go(ids)

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class BlobStore:
    """blobs/ in the data directory: 256 folders by the first two digits of the id, tmp/, and each area's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.temporary = directory / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        for leftover in self.temporary.iterdir():
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink()
        self._areas: dict[str, BlobStore] = {}
        self._held: Counter[str] = Counter()
        self._doomed: set[str] = set()
        self._lock = threading.RLock()

    def area(self, name: str) -> BlobStore:
        """A store of one service's own, which it can sweep without touching another's; `name` is over two letters."""
        with self._lock:
            if name not in self._areas:
                self._areas[name] = BlobStore(self.directory / name)
            return self._areas[name]

    def writer(self, digest: bool = True) -> BlobWriter:
        """A new blob to write; use it as a context manager, so that an exception leaves no file."""
        return BlobWriter(self, digest)

    def path(self, blob_id: str) -> Path:
        """Where a blob's content is."""
        return self.directory / blob_id[:2] / blob_id

    def open(self, blob_id: str) -> BinaryIO:
        """A blob's content for reading; FileNotFoundError when it is not there."""
        return self.path(blob_id).open("rb")

    def sha256(self, blob_id: str) -> bytes:
        """The digest of a blob's content as it is now; FileNotFoundError when it is not there."""
        digest = hashlib.sha256()
        with self.open(blob_id) as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        return digest.digest()

    def hold(self, ids: Iterable[str]) -> Hold | None:
        """Keep blobs that are there until the hold is released; None when one is gone or about to go."""
        wanted = tuple(ids)
        with self._lock:
            if self._doomed.intersection(wanted):
                return None
            self._held.update(wanted)
        hold = Hold(self, wanted)
        if wanted and not self.path(wanted[0]).exists():
            hold.release()
            return None
        return hold

    def let_go(self, ids: Iterable[str]) -> None:
        """The end of a hold: blobs deleted meanwhile are removed. Called by Hold."""
        with self._lock:
            for blob_id in ids:
                self._held[blob_id] -= 1
                if self._held[blob_id] <= 0:
                    del self._held[blob_id]
                    if blob_id in self._doomed:
                        self._doomed.discard(blob_id)
                        self._unlink(blob_id)

    def delete(self, *ids: str) -> None:
        """Remove blobs, those being read when that is over; harmless when they are not there."""
        with self._lock:
            for blob_id in ids:
                if blob_id in self._held:
                    self._doomed.add(blob_id)
                else:
                    self._unlink(blob_id)

    def _unlink(self, blob_id: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path(blob_id).unlink()

    def ids(self) -> Iterator[str]:
        """Every blob that is there, areas left out."""
        for folder in self.directory.iterdir():
            if len(folder.name) == 2 and folder.is_dir():
                for file in folder.iterdir():
                    yield file.name

    def sweep(self, known: Callable[[list[str]], set[str]], before: float) -> int:
        """Remove the blobs from before that moment (seconds since 1970) which `known` does not name; how many."""
        removed = 0
        for blob_id, _ in self.unknown(known, before):
            self.delete(blob_id)
            removed += 1
        return removed

    def unknown(self, known: Callable[[list[str]], set[str]], before: float) -> Iterator[tuple[str, int]]:
        """The blobs from before that moment which `known` does not name, with their sizes.

        `known` gets some hundred ids at a time and answers those that something refers to.
        """
        batch = list[str]()
        for blob_id in [*self.ids(), None]:
            if blob_id is not None:
                batch.append(blob_id)
            if len(batch) >= 500 or (blob_id is None and batch):
                old = [each for each in batch if self._age(each) < before]
                referred = known(old) if old else set()
                for each in old:
                    if each not in referred:
                        with contextlib.suppress(FileNotFoundError):
                            yield each, self.path(each).stat().st_size
                batch = []

    def _age(self, blob_id: str) -> float:
        try:
            return self.path(blob_id).stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    def clear(self) -> None:
        """Remove every blob: moved out of the way at once, deleted by a thread of its own."""
        grave = self.temporary / uuid.uuid4().hex
        grave.mkdir()
        for folder in list(self.directory.iterdir()):
            if len(folder.name) == 2 and folder.is_dir():
                folder.rename(grave / folder.name)
        threading.Thread(target=shutil.rmtree, args=(grave, True), name="blobs", daemon=True).start()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
