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
READ_CHUNKS = 4
"""How many chunks are opened at once: what is read, opened and sent fits into the processor's own cache."""


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


class Pace:
    """Whether whoever reads may wait for the disk just now."""

    __slots__ = ("waits",)

    def __init__(self) -> None:
        self.waits = True


Pieces = Generator[bytes | None, None, None]
"""Pieces of an object; None in place of one that is not in memory, when its reader does not wait."""


class ContentStream:
    """A stretch of an object's bytes as an answer's body: iterated, or read as a request's body is."""

    def __init__(self, blobs: BlobStore, data_key: bytes, stored: Stored, start: int, stop: int, hold: Hold) -> None:
        self.length: int | None = stop - start
        self._hold = hold
        self._pace = Pace()
        segments = _paced(blobs, data_key, stored.segments, stored.content, (start, stop), self._pace)
        self._pieces = _named(stored, segments)
        self._first: bytes | None = None
        self._left = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._pace.waits = True
        piece = self._advance()
        if piece is None:
            raise StopIteration
        return piece

    def now(self) -> bytes | None:
        """The next piece if it is in memory, b"" at the end; None where it must be waited for."""
        self._pace.waits = False
        try:
            piece = self._advance()
        except BlockingIOError:
            return None
        return b"" if piece is None else piece

    def _advance(self) -> bytes | None:
        """The next piece, None at the end; BlockingIOError where it is not there and nobody waits."""
        if self._first is not None:
            piece, self._first = self._first, None
            return piece
        for found in self._pieces:
            if found is None:
                raise BlockingIOError
            return found
        self._hold.release()
        return None

    def read(self, size: int = -1) -> bytes:
        """The next at most `size` bytes, all that is left for -1, b"" at the end."""
        if size < 0:
            rest, self._left = self._left + b"".join(self), b""
            return rest
        if not self._left:
            self._left = next(self, b"")
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def begin(self, wait: bool) -> bool:
        """Has the first piece read: damage in it is told by an error, when none of the answer has gone out yet.

        False where it must be waited for, and `wait` says not to.
        """
        first = next(self, b"") if wait else self.now()
        self._first = first or None
        return first is not None

    def close(self) -> None:
        """Lets the object's files go before the end."""
        self._pieces.close()
        self._hold.release()


def _named(stored: Stored, pieces: Pieces) -> Pieces:
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
) -> Iterator[bytes]:
    """The bytes from start up to stop of the object that consists of these segments, up to 256 KiB at a time."""
    for piece in _paced(blobs, data_key, segments, inline, (start, stop), Pace()):
        if piece is not None:
            yield piece


def _paced(
    blobs: BlobStore,
    data_key: bytes,
    segments: Sequence[Segment],
    inline: bytes | None,
    extent: tuple[int, int],
    pace: Pace,
) -> Pieces:
    """The same at a reader's pace."""
    position, (start, stop) = 0, extent
    for segment in segments:
        first, last = max(start - position, 0), min(stop - position, segment.size)
        if first < last:
            cipher = SegmentCipher(data_key, segment.salt)
            if segment.blob is not None:
                with blobs.open(segment.blob) as file:
                    yield from _read_file(file.fileno(), cipher, segment.size, (first, last), pace)
            elif inline is None:
                raise DamagedContent("the bytes of a small object are missing from the database")
            else:
                yield cipher.open(0, inline)[first:last]
        position += segment.size
        if position >= stop:
            return


def _read_file(descriptor: int, cipher: SegmentCipher, size: int, extent: tuple[int, int], pace: Pace) -> Pieces:
    start, stop = extent
    chunk, end = start // CHUNK, (stop - 1) // CHUNK + 1
    whole = size + TAG * ((size + CHUNK - 1) // CHUNK)
    buffer = memoryview(bytearray(min(READ_CHUNKS, end - chunk) * (CHUNK + TAG)))
    while chunk < end:
        count = min(READ_CHUNKS, end - chunk)
        wanted = buffer[: min(count * (CHUNK + TAG), whole - sealed_offset(chunk))]
        while (sealed := _fill(descriptor, wanted, sealed_offset(chunk), pace)) is None:
            yield None
        plain = b"".join(
            [
                cipher.open(chunk + index, sealed[sealed_offset(index) : sealed_offset(index + 1)])
                for index in range(count)
            ]
        )
        offset = chunk * CHUNK
        yield plain[max(0, start - offset) : stop - offset]
        chunk += count


def _fill(descriptor: int, buffer: memoryview, offset: int, pace: Pace) -> memoryview | None:
    """As much of the buffer as the file fills; None where the reader does not wait and not all is in memory."""
    if not pace.waits:
        try:
            return buffer if os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT) == len(buffer) else None
        except OSError:  # not in memory, or a file system that cannot tell: the read that waits shows what is wrong
            return None
    filled = 0
    while filled < len(buffer) and (got := os.preadv(descriptor, [buffer[filled:]], offset + filled)):
        filled += got
    return buffer[:filled]
