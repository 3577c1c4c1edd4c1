"""What was acknowledged is there after SIGKILL; large objects go through with flat memory; nothing is left over."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server import RunningServer, unique
from tests.services.cloudformation.waiting import until

MIB = 1 << 20
LARGE = 200


class Counted:
    """A file of so many MiB that is made as it is read."""

    def __init__(self, mebibytes: int) -> None:
        self._size = mebibytes * MIB
        self._at = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        """The next bytes: each MiB is filled with its number."""
        left = self._size - self._at
        wanted = left if size < 0 else min(size, left, MIB - self._at % MIB)
        content = bytes([self._at // MIB % 256]) * wanted
        self._at += wanted
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """As files do."""
        self._at = {0: 0, 1: self._at, 2: self._size}[whence] + offset
        return self._at

    def tell(self) -> int:
        """As files do."""
        return self._at


def _resident(pid: int) -> int:
    """The highest memory that a process ever had, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def _blobs(server: RunningServer) -> list[Path]:
    folder = server.data_directory / "blobs" / "s3-objects"
    return [path for path in folder.rglob("*") if path.is_file()]


def test_large_object_goes_through_with_flat_memory(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    s3, bucket = server.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="warm", Body=b"x" * MIB)
    before = _resident(server.pid)
    s3.put_object(Bucket=bucket, Key="large", Body=Counted(LARGE))
    body = s3.get_object(Bucket=bucket, Key="large")["Body"]
    seen, wanted = hashlib.sha256(), hashlib.sha256()
    for piece in body.iter_chunks(MIB):
        seen.update(piece)
    source = Counted(LARGE)
    while piece := source.read(MIB):
        wanted.update(piece)
    assert seen.digest() == wanted.digest()
    assert _resident(server.pid) - before < LARGE // 2


def test_acknowledged_objects_survive_a_kill(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    s3, bucket = server.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    acknowledged: dict[str, bytes] = {}
    stop = threading.Event()

    def put(worker: int, client: Any) -> None:
        # Whatever the kill makes of the request under way: only those that were answered count.
        with contextlib.suppress(Exception):
            for number in range(10_000):
                if stop.is_set():
                    return
                key = f"{worker}/{number}"
                content = key.encode() * (1 if number % 2 else 20_000)
                client.put_object(Bucket=bucket, Key=key, Body=content)
                acknowledged[key] = content

    workers = [threading.Thread(target=put, args=(worker, server.client("s3"))) for worker in range(3)]
    for each in workers:
        each.start()
    while len(acknowledged) < 60 and any(each.is_alive() for each in workers):
        workers[0].join(0.01)
    server.kill()
    stop.set()
    for each in workers:
        each.join(120)
    assert len(acknowledged) >= 60
    server.start()
    for key, content in acknowledged.items():
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == content


def test_files_of_unfinished_uploads_are_swept(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    s3, bucket = server.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * MIB)
    (kept,) = _blobs(server)
    server.kill()
    orphan = kept.parent / f"{kept.name[:2]}{'0' * 30}"
    orphan.write_bytes(b"written, but never recorded")
    unfinished = server.data_directory / "blobs" / "s3-objects" / "tmp" / "unfinished"
    unfinished.write_bytes(b"cut off")
    server.start()
    until(lambda: _blobs(server) == [kept], "only the object's file is there")
    s3.delete_object(Bucket=bucket, Key="k")
    until(lambda: _blobs(server) == [], "no file is there")


def test_reset_empties_an_ephemeral_server(scratch: Callable[..., RunningServer]) -> None:
    server = scratch(ephemeral="true")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="again")
    s3.put_object(Bucket="again", Key="k", Body=b"x" * MIB)
    server.reset()
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(Bucket="again")
    assert s3.list_objects_v2(Bucket="again")["KeyCount"] == 0
    s3.put_object(Bucket="again", Key="k", Body=b"y" * MIB)
    assert s3.get_object(Bucket="again", Key="k")["Body"].read() == b"y" * MIB
