"""Sealed content: any stretch of it comes back, and none that was tampered with."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.services.s3.content import INLINE_LIMIT, ContentStream, ContentWriter, read
from boatyard.services.s3.records import ObjectVersion, Stored
from boatyard.services.s3.sealing import CHUNK, DamagedContent
from boatyard.state.blobs import BlobStore

KEY = bytes(range(32))
CONTENT = os.urandom(3 * CHUNK + 17)
LONG = CONTENT * 5


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> BlobStore:
    return BlobStore(tmp_path_factory.mktemp("blobs"))


@given(
    size=st.sampled_from([0, 1, INLINE_LIMIT, INLINE_LIMIT + 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(CONTENT)]),
    piece=st.sampled_from([1000, CHUNK, len(CONTENT)]),
    edges=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@settings(deadline=None, max_examples=60)
def test_any_stretch_comes_back(blobs: BlobStore, size: int, piece: int, edges: tuple[float, float]) -> None:
    content = CONTENT[:size]
    writer = ContentWriter(blobs, KEY, ["CRC32"])
    for start in range(0, size, piece):
        writer.write(content[start : start + piece])
    segment, inline = writer.finish()
    assert (segment.blob is None) == (size <= INLINE_LIMIT)
    first, last = sorted(int(edge * size) for edge in edges)
    assert b"".join(read(blobs, KEY, [segment], inline, first, last)) == content[first:last]


def test_tampered_content_is_not_given_out(blobs: BlobStore) -> None:
    writer = ContentWriter(blobs, KEY, [])
    writer.write(CONTENT)
    segment, _ = writer.finish()
    assert segment.blob is not None
    path: Path = blobs.path(segment.blob)
    sealed = bytearray(path.read_bytes())
    sealed[CHUNK + 100] ^= 1
    path.write_bytes(sealed)
    with pytest.raises(DamagedContent):
        list(read(blobs, KEY, [segment], None, 0, segment.size))


def test_aborted_content_leaves_no_file(blobs: BlobStore) -> None:
    before = set(blobs.ids())
    writer = ContentWriter(blobs, KEY, [])
    writer.write(CONTENT)
    writer.abort()
    assert set(blobs.ids()) == before
    assert not list(blobs.temporary.iterdir())


def test_a_reader_that_does_not_wait_is_told_so_and_reads_on(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ContentWriter(blobs, KEY, [])
    writer.write(LONG)
    segment, _ = writer.finish()
    version = ObjectVersion(bucket="b", key="k", modified=datetime.now(UTC), size=len(LONG))
    hold = blobs.hold([segment.blob or ""])
    assert hold is not None
    stream = ContentStream(blobs, KEY, Stored(1, version, True, [segment]), 5, len(LONG), hold)
    there = [True]
    read_at = os.preadv

    def preadv(descriptor: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        """As the system's, of a file of which nothing but the beginning is in memory."""
        if flags == os.RWF_NOWAIT and not there[0]:
            raise BlockingIOError
        return read_at(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    assert stream.begin(wait=False)
    there[0] = False
    found = [stream.now(), stream.now(), next(stream)]
    there[0] = True
    while piece := stream.now():
        found.append(piece)
    assert found[1] is None
    assert b"".join(piece for piece in found if piece is not None) == LONG[5:]
    assert stream.now() == b""
