"""A disk that is full: what was there stays, what could not be written leaves nothing, and later it goes on."""

from __future__ import annotations

import errno
import hashlib
import sqlite3
from pathlib import Path

import pytest

from boatyard.api.call import Call
from boatyard.state.blobs import BlobStore, BlobWriter
from boatyard.state.database import Database

BUCKET = "full-disk"
LARGE = 3_000_000


def test_a_blob_that_did_not_fit_leaves_no_file(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")

    def fill() -> None:
        with store.writer() as writer:
            writer._file.close()
            writer._file = Path("/dev/full").open("wb", buffering=256 * 1024)  # noqa: SIM115 - abort() closes it
            writer.write(b"x" * 100_000)
            writer.commit()

    with pytest.raises(OSError, match="No space left") as caught:
        fill()
    assert caught.value.errno == errno.ENOSPC
    assert list(store.temporary.iterdir()) == []


def _put(call: Call, content: bytes) -> None:
    call.invoke("s3", "PutObject", Bucket=BUCKET, Key="data", Body=content)


def _is(call: Call, content: bytes) -> bool:
    found = call.invoke("s3", "HeadObject", Bucket=BUCKET, Key="data")
    return bool(found["ETag"] == f'"{hashlib.md5(content).hexdigest()}"')


def test_an_object_keeps_its_content_when_the_new_one_does_not_fit(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    call.invoke("s3", "CreateBucket", Bucket=BUCKET)
    _put(call, b"first")

    def full(writer: BlobWriter, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(BlobWriter, "write", full)
        with pytest.raises(OSError, match="No space left"):
            _put(call, b"x" * LARGE)
    assert _is(call, b"first")
    assert list(call.installation.blobs.temporary.iterdir()) == []
    _put(call, b"y" * LARGE)
    assert _is(call, b"y" * LARGE)


def test_the_database_takes_back_what_did_not_fit(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    with database.transaction() as tx:
        tx.execute("CREATE TABLE things (name TEXT)")
        tx.execute("INSERT INTO things VALUES ('first')")
    database._writer.execute("PRAGMA max_page_count = 40")
    with pytest.raises(sqlite3.OperationalError, match="full"), database.transaction() as tx:
        tx.execute("INSERT INTO things VALUES ('second')")
        tx.execute("INSERT INTO things VALUES (?)", ("x" * LARGE,))
    with database.reading() as rx:
        assert list(map(tuple, rx.execute("SELECT name FROM things"))) == [("first",)]
    with database.transaction() as tx:
        tx.execute("INSERT INTO things VALUES ('third')")
    database.close()
