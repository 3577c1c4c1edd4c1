"""Uploads under way: a file that grows piece by piece, until its digest is what the client says."""

import contextlib
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from boatyard.services.ecr.layers import store
from boatyard.services.ecr.records import Layer, Repository
from boatyard.services.ecr.repositories import find as find_repository
from boatyard.services.ecr.repositories import key_of
from boatyard.state.blobs import BlobWriter

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

IDLE_SECONDS = 3600.0


class UploadMissing(Exception):
    """There is no upload of that id in that repository."""


class WrongDigest(Exception):
    """The content is another than the client said."""


@dataclass
class Upload:
    """One upload."""

    id: str
    repository: Repository
    writer: BlobWriter
    lock: threading.Lock = field(default_factory=threading.Lock)
    touched: float = field(default_factory=time.monotonic)
    finished: bool = False

    @property
    def size(self) -> int:
        """How many bytes have come."""
        return self.writer.size

    def write(self, content: bytes) -> None:
        """Append a piece."""
        self.touched = time.monotonic()
        self.writer.write(content)


class Uploads:
    """The uploads of one server; they end with it."""

    def __init__(self, installation: "Installation") -> None:
        self._installation = installation
        self._uploads: dict[str, Upload] = {}

    def begin(self, repository: Repository) -> Upload:
        """A new, empty upload."""
        upload = Upload(str(uuid.uuid4()), repository, self._installation.blobs.writer())
        self._uploads[upload.id] = upload
        return upload

    def get(self, repository: Repository, upload_id: str) -> Upload:
        """An upload of this repository; UploadMissing when there is none."""
        upload = self._uploads.get(upload_id)
        if upload is None or key_of(upload.repository) != key_of(repository) or upload.finished:
            raise UploadMissing(upload_id)
        return upload

    def cancel(self, upload: Upload) -> None:
        """Throw away what has come."""
        upload.finished = True
        self._uploads.pop(upload.id, None)
        with contextlib.suppress(OSError):
            upload.writer.abort()

    def finish(self, upload: Upload, digest: str) -> Layer:
        """Keep the content under its digest, on disk when this returns; WrongDigest throws it away."""
        try:
            blob = upload.writer.commit()
        finally:
            self.cancel(upload)
        if f"sha256:{blob.sha256}" != digest:
            self._installation.blobs.delete(blob.id)
            raise WrongDigest(f"sha256:{blob.sha256}")
        try:
            with self._installation.database.transaction() as tx:
                return store.add(self._installation, tx, find_repository(tx, *key_of(upload.repository)), blob)
        except BaseException:
            self._installation.blobs.delete(blob.id)
            raise

    def expire(self) -> None:
        """Throw away uploads that nobody has touched for an hour."""
        limit = time.monotonic() - IDLE_SECONDS
        for upload in [upload for upload in self._uploads.values() if upload.touched < limit]:
            if upload.lock.acquire(blocking=False):
                try:
                    self.cancel(upload)
                finally:
                    upload.lock.release()

    def close(self) -> None:
        """Throw away all of them."""
        for upload in list(self._uploads.values()):
            self.cancel(upload)


def uploads(installation: "Installation") -> Uploads:
    """The uploads of this server."""
    return installation.attached("ecr.uploads", lambda: Uploads(installation))
