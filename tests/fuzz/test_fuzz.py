"""The whole server under requests that nobody meant: short in CI, long in `make fuzz`.

FUZZ_REQUESTS says how many, FUZZ_SEED which, FUZZ_THREADS how many at a time; FUZZ_ONLY=NUMBER sends one of them again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz import world as worlds
from tests.fuzz.runner import Failure, Fuzzer, kept, resident
from tests.raw_http import RawConnection
from tests.server import RunningServer
from tests.signing import Draft

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "5000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
THREADS = int(os.environ.get("FUZZ_THREADS", "1"))
ONLY = os.environ.get("FUZZ_ONLY")
BATCH = 1250
"""Requests between two emptyings of the server."""
WARM = 20_000
"""Requests after which all models have been read: until then memory grows, in shorter runs in the first batch."""
GROWTH = (32 << 20) + 512 * REQUESTS
"""Bytes by which the server's memory and its data directory may grow from there on: what the allocator leaves unused
between blocks; no object stays behind for a request."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of this test's own, which can be emptied and finds no container engine."""
    running = RunningServer(tmp_path / "data", ephemeral="true", engine="tcp://127.0.0.1:1").start()
    yield running
    running.discard()


def _numbers() -> list[range]:
    if ONLY is not None:
        return [range(int(ONLY), int(ONLY) + 1)]
    return [range(first, min(first + BATCH, REQUESTS)) for first in range(0, REQUESTS, BATCH)]


def _told(failures: list[Failure], directory: Path) -> str:
    """What went wrong, and how to see it again; the requests are saved beside the test's other files."""
    lines = []
    for failure in failures:
        if failure.sent:
            saved = directory / f"request-{failure.index}.bin"
            saved.write_bytes(failure.sent)
            lines.append(
                f"{failure}\n  saved in {saved}\n  again: FUZZ_SEED={SEED} FUZZ_ONLY={failure.index} make fuzz"
            )
        else:
            lines.append(f"{failure}\n  in the batch from {failure.index}: FUZZ_SEED={SEED} make fuzz")
    return "\n".join([f"{len(failures)} kinds of failure", *lines])


def test_no_request_breaks_the_server(server: RunningServer, tmp_path: Path) -> None:
    """No 5xx but for what is not done, no traceback, no hang, readable errors, no growth; and it serves afterwards."""
    fuzzer = Fuzzer(server, SEED, THREADS)
    before = stored = 0
    for numbers in _numbers():
        fuzzer.run(numbers)
        failures = list(fuzzer.figures.failures.values())
        assert not failures, _told(failures, tmp_path)
        now, spent = resident(server.pid), fuzzer.figures.seconds
        if not before or numbers.stop <= WARM < REQUESTS:
            before, stored = now, kept(server.data_directory)
        sys.stdout.write(f"{numbers.stop} requests, {fuzzer.figures.requests / spent:.0f}/s, {now >> 20} MiB\n")
        sys.stdout.flush()
    sys.stdout.write(f"seed {SEED}: {dict(fuzzer.figures.answers)}\n")
    assert resident(server.pid) - before < GROWTH
    assert kept(server.data_directory) - stored < GROWTH
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_refused_requests_leave_nothing(server: RunningServer) -> None:
    """What is sent by those who may not is neither kept nor half kept."""
    world = worlds.make(server)
    body, host = os.urandom(20_000), {"host": world.host}
    before = kept(server.data_directory)
    for number in range(300):
        draft = Draft("PUT", f"/fuzz-bucket/{number}", "s3", dict(host), body)
        layer = Draft("POST", f"/2018-10-31/layers/layer-{number}/versions", "lambda", dict(host), b'{"Content": {}}')
        with RawConnection(server.port, 120) as connection:
            for refused in (draft.sign(world.nobody), layer.sign(world.nobody)):
                connection.send(refused.to_bytes())
                assert connection.answer(refused.method).status == 403
    assert kept(server.data_directory) - before < 2 << 20
