"""Blobs: files whose content is on disk before anything refers to them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Blob:
    """A finished blob: its id, its size in bytes and the SHA-256 of its content in hexadecimal digits."""

    id: str
    size: int
    sha256: str


class BlobWriter:
    """Writes one blob to a temporary file; commit() makes it durable, anything else leaves nothing."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.id = uuid.uuid4().hex
        self._path = store.temporary / self.id
        self._file = self._path.open("xb")
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> None:
        """Append to the blob; OSError when the disk is full."""
        self._file.write(content)
        self._digest.update(content)
        self.size += len(content)

    def commit(self) -> Blob:
        """Write, fsync, rename, fsync the directory: after this the blob survives a crash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path = self._store.path(self.id)
        path.parent.mkdir(exist_ok=True)
        self._path.rename(path)
        _sync_directory(path.parent)
        return Blob(self.id, self.size, self._digest.hexdigest())

    def abort(self) -> None:
        """Throw away what was written; harmless after commit()."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


class BlobStore:
    """blobs/ in the data directory: 256 folders by the first two digits of the id, and tmp/."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.temporary = directory / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        for leftover in self.temporary.iterdir():
            leftover.unlink()

    def writer(self) -> BlobWriter:
        """A new blob to write; use it as a context manager, so that an exception leaves no file."""
        return BlobWriter(self)

    def path(self, blob_id: str) -> Path:
        """Where a blob's content is."""
        return self.directory / blob_id[:2] / blob_id

    def open(self, blob_id: str) -> BinaryIO:
        """A blob's content for reading; FileNotFoundError when it is not there."""
        return self.path(blob_id).open("rb")

    def delete(self, blob_id: str) -> None:
        """Remove a blob; harmless when it is not there."""
        with contextlib.suppress(FileNotFoundError):
            self.path(blob_id).unlink()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
