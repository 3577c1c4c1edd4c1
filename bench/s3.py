"""S3: GET, PUT and listing at 16 connections, beside moto, ministack, and nginx serving the same bytes as files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from bench import loads, programs, sides
from bench.loads import Load, LoadFailed, Wrk
from bench.prepared import Prepared, to_url, write
from bench.samples import Comparison, Goal, Measured
from bench.session import Session
from bench.sides import MINISTACK, MOTO, NGINX, UVICORN, UVICORN_FSYNC, Side

BUCKET = "bench-objects"
CONNECTIONS = 16
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    ],
}
MIB = 1 << 20
NOTE = (
    "Boatyard verifies the signature, enforces the policies of an IAM user with the rights to this bucket alone, "
    "encrypts, and answers a PUT when it is on the disk (fsync). moto and ministack, as they come, keep objects in "
    "memory and enforce no policies; of signatures ministack verifies those of presigned URLs, moto none. nginx checks "
    "nothing and sends plain files with the kernel's sendfile, in a process for each processor. uvicorn alone is "
    "boatyard's own HTTP server in one process of Python with nothing behind it: it reads the request and answers as "
    "many bytes, which is the limit of what Python can reach here; with fsync it also writes each body into a file of "
    "its own and waits until that is on the disk."
)
NOTE_LOADS = (
    "1 KiB and GET of 1 MiB: wrk with one thread and presigned URLs. The others: a fixed number of requests with "
    "presigned URLs over plain sockets, because wrk counts only what has ended and reads 8 KiB at a time. boto3: one "
    "process of 16 threads, whose own work is the limit; its latency over one connection is beside."
)


@dataclass(frozen=True)
class Size:
    """Objects of one size: how many there are to get, and how many are put in a run."""

    name: str
    bytes: int
    objects: int
    puts: int


@dataclass(frozen=True)
class Plan:
    """How much is done: seconds of a run of wrk and of boto3, keys to list, objects, and large ones to get in a run."""

    seconds: float
    boto3_seconds: float
    keys: int
    sizes: tuple[Size, Size, Size]
    large_gets: int
    large_by_boto3: bool


SHORT = Plan(
    seconds=0.3,
    boto3_seconds=0.2,
    keys=2_000,
    sizes=(Size("1 KiB", 1024, 64, 256), Size("1 MiB", MIB, 16, 32), Size("64 MiB", 64 * MIB, 4, 4)),
    large_gets=16,
    large_by_boto3=False,
)
FULL = Plan(
    seconds=2.0,
    boto3_seconds=1.0,
    keys=100_000,
    sizes=(Size("1 KiB", 1024, 64, 1024), Size("1 MiB", MIB, 16, 128), Size("64 MiB", 64 * MIB, 4, 16)),
    large_gets=32,
    large_by_boto3=True,
)


@cache
def caller(side: Side) -> Any:
    """The caller's client: one for all URLs, since making one takes long."""
    return side.client("s3")


def presigned(side: Side, method: str, **asked: Any) -> str:
    """A URL with the caller's signature, good for half a day."""
    parameters = {"Bucket": BUCKET, **asked}
    return str(caller(side).generate_presigned_url(method, Params=parameters, ExpiresIn=43200))


@dataclass(frozen=True)
class Setting:
    """What the figures are measured with: the servers, filled; wrk; the bodies of each size; an own directory."""

    session: Session
    plan: Plan
    room: Path
    wrk: Wrk
    servers: dict[str, Side]
    nginx: Side
    limits: dict[str, Side]
    bodies: dict[int, bytes]

    def gets(self, side: Side, size: Size) -> list[Prepared]:
        """GETs of all objects of a size."""
        keys = [f"get-{size.bytes}-{number}" for number in range(size.objects)]
        if side.name == NGINX:
            return [to_url(f"{side.url}/{key}") for key in keys]
        return [to_url(presigned(side, "get_object", Key=key)) for key in keys]

    def puts(self, side: Side, size: Size, what: str, count: int) -> list[Prepared]:
        """PUTs of a size, each to a key of its own: moto fails where two put one key at the same time."""
        body = self.bodies[size.bytes]
        keys = [f"{what}-{size.bytes}-{number}" for number in range(count)]
        return [to_url(presigned(side, "put_object", Key=key), "PUT", body) for key in keys]


def measure(session: Session) -> list[Measured]:
    """All figures of S3."""
    with _setting(session) as setting:
        small, medium, large = setting.plan.sizes
        found: list[Measured] = [
            _by_wrk(setting, small, "get"),
            _by_wrk(setting, small, "put"),
            _by_wrk(setting, medium, "get"),
            _fixed(setting, medium, "put"),
            _fixed(setting, large, "get"),
            _fixed(setting, large, "put"),
        ]
        # They begin with what is said here.
        from bench import s3_by_boto3, s3_listing

        return [*found, *s3_listing.measure_all(setting), *s3_by_boto3.measure_all(setting)]


@contextmanager
def _setting(session: Session) -> Iterator[Setting]:
    room = session.room("s3")
    wrk = Wrk(*programs.program(session, "wrk"))
    chosen = FULL if session.full else SHORT
    bodies = {size.bytes: os.urandom(size.bytes) for size in chosen.sizes}
    files = room / "files"
    files.mkdir()
    for size in chosen.sizes:
        for number in range(size.objects):
            (files / f"get-{size.bytes}-{number}").write_bytes(bodies[size.bytes])
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, room, ignore_errors=True)
        servers = stack.enter_context(sides.all_sides(session, room, POLICY))
        nginx = stack.enter_context(sides.nginx(session, room, files))
        limits = {name: stack.enter_context(sides.limit(name, room)) for name in (UVICORN, UVICORN_FSYNC)}
        setting = Setting(session, chosen, room, wrk, servers, nginx, limits, bodies)
        for side in servers.values():
            side.client("s3", owner=True).create_bucket(Bucket=BUCKET)
            for size in chosen.sizes:
                loads.fixed(side.name, side.url, setting.puts(side, size, "get", size.objects), connections=4)
        yield setting


def _check(setting: Setting, side: Side, size: Size, method: str, requests: list[Prepared]) -> None:
    """The side answers rightly: what was put is got, byte by byte."""
    body = loads.answer(side.name, side.url, requests[0])
    if method == "put":
        body = loads.answer(side.name, side.url, to_url(presigned(side, "get_object", Key=f"put-{size.bytes}-0")))
    if body != setting.bodies[size.bytes]:
        raise LoadFailed(f"{side.name} gives {len(body)} bytes that are not those of the object of {size.name}.")


def _prepared(setting: Setting, size: Size, method: str) -> dict[str, tuple[Side, list[Prepared]]]:
    chosen = [*setting.servers.values(), *([setting.nginx] if method == "get" else [])]
    found = {}
    for side in chosen:
        requests = setting.gets(side, size) if method == "get" else setting.puts(side, size, "put", size.puts)
        _check(setting, side, size, method, requests)
        found[side.name] = (side, requests)
    if size.bytes < MIB or (size.bytes == MIB and method == "put"):
        for side in [setting.limits[UVICORN], *([setting.limits[UVICORN_FSYNC]] if method == "put" else [])]:
            body = setting.bodies[size.bytes] if method == "put" else b""
            request = to_url(f"{side.url}/{size.bytes}", method.upper(), body)
            found[side.name] = (side, [request] * (1 if size.bytes < MIB else size.puts))
    return found


def _by_wrk(setting: Setting, size: Size, method: str) -> Comparison:
    setting.session.say(f"{method.upper()} of {size.name} with wrk")
    runs: dict[str, Callable[[], Load]] = {}
    least = size.bytes if method == "get" else 0
    for name, (side, requests) in _prepared(setting, size, method).items():
        file = write(setting.room / f"{name}-{method}-{size.bytes}", requests)
        runs[name] = partial(
            setting.wrk.run,
            side.name,
            side.url,
            file,
            connections=CONNECTIONS,
            seconds=setting.plan.seconds,
            least_bytes=least,
        )
    return comparison(size, method, loads.in_turn(runs, setting.session.runs))


def _fixed(setting: Setting, size: Size, method: str) -> Comparison:
    setting.session.say(f"{method.upper()} of {size.name}")
    runs: dict[str, Callable[[], Load]] = {}
    least = size.bytes if method == "get" else 0
    for name, (side, requests) in _prepared(setting, size, method).items():
        repeated = requests if method == "put" else requests * (setting.plan.large_gets // size.objects)
        connections = min(CONNECTIONS, len(repeated))
        runs[name] = partial(loads.fixed, side.name, side.url, repeated, connections=connections, least_bytes=least)
    return comparison(size, method, loads.in_turn(runs, setting.session.runs), connections=connections)


def goals_of(size: Size, method: str) -> list[Goal]:
    """What was asked for of requests with presigned URLs."""
    if size.bytes == 1024:
        return [
            Goal(value=10, at_least=True, against=MOTO),
            Goal(value=3, at_least=True, against=MINISTACK),
        ]
    if method == "put":
        return [Goal(value=1, at_least=True, against=MOTO), Goal(value=1, at_least=True, against=MINISTACK)]
    return [Goal(value=0.8, at_least=True, against=NGINX)] if size.bytes == 64 * MIB else []


def comparison(
    size: Size,
    method: str,
    found: dict[str, list[Load]],
    *,
    by: str = "presigned",
    connections: int = CONNECTIONS,
) -> Comparison:
    """Requests in a second of small objects, MiB of larger ones."""
    small = size.bytes < MIB
    each = 1 if small else size.bytes / MIB
    return Comparison(
        key=f"{method}_{size.bytes}_{by}",
        title=f"{method.upper()} of {size.name}, {by}, {connections} connections",
        unit="requests/s" if small else "MiB/s",
        runs={side: [each * load.rate for load in runs] for side, runs in found.items()},
        goals=goals_of(size, method) if by == "presigned" else [],
        more_is_better=True,
        latency=loads.latency(found),
        note=NOTE if small else NOTE_LOADS,
    )
