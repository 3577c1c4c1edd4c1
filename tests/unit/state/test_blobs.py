"""Blobs: durable when committed, kept while they are read, swept when nothing knows them."""

from __future__ import annotations

import time
from pathlib import Path

from boatyard.state.blobs import BlobStore


def _blob(store: BlobStore, content: bytes = b"content") -> str:
    with store.writer() as writer:
        writer.write(content)
        return writer.commit().id


def test_committed_blob_is_there_and_aborted_is_not(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    kept = _blob(store)
    with store.writer() as writer:
        writer.write(b"never committed")
    assert list(store.ids()) == [kept]
    with store.open(kept) as file:
        assert file.read() == b"content"
    assert not list(store.temporary.iterdir())


def test_held_blob_is_deleted_when_it_is_let_go(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    blob = _blob(store)
    first, second = store.hold([blob]), store.hold([blob])
    assert first is not None
    assert second is not None
    store.delete(blob)
    first.release()
    first.release()
    assert store.path(blob).exists()
    assert store.hold([blob]) is None
    second.release()
    assert not store.path(blob).exists()
    assert store.hold([blob]) is None


def test_sweep_removes_only_what_is_old_and_unknown(tmp_path: Path) -> None:
    store, other = BlobStore(tmp_path), BlobStore(tmp_path).area("other")
    known, orphan, elsewhere = _blob(store), _blob(store), _blob(other)
    assert store.sweep(lambda ids: set(ids), time.time() + 60) == 0
    assert store.sweep(lambda ids: {known}, time.time() - 60) == 0
    assert store.sweep(lambda ids: {known}, time.time() + 60) == 1
    assert list(store.ids()) == [known]
    assert not store.path(orphan).exists()
    assert list(other.ids()) == [elsewhere]


def test_clear_empties_the_store_at_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    _blob(store)
    store.clear()
    assert list(store.ids()) == []
    blob = _blob(store)
    assert list(store.ids()) == [blob]


def test_what_a_crash_left_half_written_goes_at_start(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    (store.temporary / "half").write_bytes(b"x")
    (store.temporary / "cleared").mkdir()
    assert not list(BlobStore(tmp_path).temporary.iterdir())
