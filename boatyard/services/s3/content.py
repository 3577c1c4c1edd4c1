"""Writing and reading an object's bytes: hashed and sealed on the way, small ones in the database, others in files."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Generator, Iterable, Iterator, Sequence

from boatyard.services.s3 import checksums
from boatyard.services.s3.records import Segment, Stored
from boatyard.services.s3.sealing import CHUNK, SALT, TAG, DamagedContent, SegmentCipher, sealed_offset
from boatyard.state.blobs import BlobStore, BlobWriter, Hold

log = logging.getLogger(__name__)
INLINE_LIMIT = 32 * 1024
READ_CHUNKS = 16


class ContentWriter:
    """Takes an object's bytes in pieces of any size; never holds more than a few chunks of them.

    Up to 32 KiB stay in memory and end in the object's own row (docs/decisions/0005-small-objects.md); what is
    larger goes to a blob, which is on disk for good when `finish` returns.
    """

    def __init__(
        self, blobs: BlobStore, data_key: bytes, algorithms: Iterable[str], inline_limit: int = INLINE_LIMIT
    ) -> None:
        self._blobs = blobs
        self._salt = os.urandom(SALT)
        self._cipher = SegmentCipher(data_key, self._salt)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._checksums = {name: checksums.new(name) for name in algorithms}
        self._pending = bytearray()
        self._chunks = 0
        self._blob: BlobWriter | None = None
        self._inline_limit = inline_limit
        self.blob_id: str | None = None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Takes the next bytes."""
        self.size += len(data)
        self._md5.update(data)
        for checksum in self._checksums.values():
            checksum.update(data)
        self._pending += data
        if len(self._pending) > CHUNK:
            self._flush(keep=1)

    def finish(self) -> tuple[Segment, bytes | None]:
        """The segment that was written, and the sealed bytes if they belong into the row."""
        if self._blob is None and self.size <= self._inline_limit:
            return self._segment(None), self._cipher.seal(0, bytes(self._pending))
        self._flush(keep=0)
        assert self._blob is not None
        blob, self._blob = self._blob.commit(), None
        return self._segment(blob.id), None

    def abort(self) -> None:
        """Forgets what was written; harmless after `finish`."""
        if self._blob is not None:
            self._blob.abort()
            self._blob = None

    @property
    def md5(self) -> bytes:
        """The MD5 digest of the bytes."""
        return self._md5.digest()

    def checksum_values(self) -> dict[str, str]:
        """The checksums of the bytes, by algorithm."""
        return {name: checksums.encode(checksum.digest()) for name, checksum in self._checksums.items()}

    def _flush(self, keep: int) -> None:
        """Seals the chunks that are full; with keep=0 also the last."""
        if self._blob is None:
            self._blob = self._blobs.writer(digest=False)
            self.blob_id = self._blob.id
        end = (len(self._pending) - keep) // CHUNK * CHUNK if keep else len(self._pending)
        for start in range(0, end, CHUNK):
            self._blob.write(self._cipher.seal(self._chunks, bytes(self._pending[start : min(end, start + CHUNK)])))
            self._chunks += 1
        del self._pending[:end]

    def _segment(self, blob: str | None) -> Segment:
        return Segment(blob=blob, size=self.size, salt=self._salt)


class ContentStream:
    """A stretch of an object's bytes as an answer's body: iterated, or read as a request's body is."""

    def __init__(self, blobs: BlobStore, data_key: bytes, stored: Stored, start: int, stop: int, hold: Hold) -> None:
        self.length: int | None = stop - start
        self._hold = hold
        self._pieces = _named(stored, read(blobs, data_key, stored.segments, stored.content, start, stop))
        self._left = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self._hold.release()
            raise

    def read(self, size: int = -1) -> bytes:
        """The next at most `size` bytes, all that is left for -1, b"" at the end."""
        if size < 0:
            rest, self._left = self._left + b"".join(self), b""
            return rest
        if not self._left:
            self._left = next(self, b"")
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def begin(self) -> ContentStream:
        """Has the first piece read: damage in it is told by an error, when none of the answer has gone out yet."""
        self._pieces = _put_back(next(self._pieces, b""), self._pieces)
        return self

    def close(self) -> None:
        """Lets the object's files go before the end."""
        self._pieces.close()
        self._hold.release()


def _put_back(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    try:
        if first:
            yield first
        yield from rest
    finally:
        rest.close()


def _named(stored: Stored, pieces: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    """The pieces; what is damaged is told by the object's name, to whoever asked and in the server's log."""
    try:
        yield from pieces
    except (DamagedContent, FileNotFoundError) as error:
        version = stored.version
        text = f"s3://{version.bucket}/{version.key} (version {version.version_id}) is damaged: {error}"
        log.error("%s. 'boatyard doctor --verify' looks for more of this", text)
        raise DamagedContent(text) from error


def read(
    blobs: BlobStore, data_key: bytes, segments: Sequence[Segment], inline: bytes | None, start: int, stop: int
) -> Generator[bytes, None, None]:
    """The bytes from start up to stop of the object that consists of these segments, up to 1 MiB at a time."""
    position = 0
    for segment in segments:
        first, last = max(start - position, 0), min(stop - position, segment.size)
        if first < last:
            yield from _read_segment(blobs, data_key, segment, inline, first, last)
        position += segment.size
        if position >= stop:
            return


def _read_segment(
    blobs: BlobStore, data_key: bytes, segment: Segment, inline: bytes | None, start: int, stop: int
) -> Iterator[bytes]:
    cipher = SegmentCipher(data_key, segment.salt)
    if segment.blob is None:
        if inline is None:
            raise DamagedContent("the bytes of a small object are missing from the database")
        yield cipher.open(0, inline)[start:stop]
        return
    with blobs.open(segment.blob) as file:
        chunk, end = start // CHUNK, (stop - 1) // CHUNK + 1
        file.seek(sealed_offset(chunk))
        while chunk < end:
            count = min(READ_CHUNKS, end - chunk)
            sealed = file.read(count * (CHUNK + TAG))
            plain = b"".join(
                cipher.open(chunk + index, sealed[sealed_offset(index) : sealed_offset(index + 1)])
                for index in range(count)
            )
            offset = chunk * CHUNK
            yield plain[max(0, start - offset) : stop - offset]
            chunk += count
