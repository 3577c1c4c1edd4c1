"""S3 with boto3 as it comes: its own signing, checksums and parsing are in every request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench import loads
from bench.loads import Load
from bench.s3 import BUCKET, CONNECTIONS, MIB, Setting, Size, comparison
from bench.samples import Comparison, Measured
from bench.sides import Side

# Its checksums and its signing take the processors' time; more at once would only wait for one another.
LARGE_CONNECTIONS = 4


def measure_all(setting: Setting) -> list[Measured]:
    """GET and PUT over 16 connections and over one."""
    small = setting.plan.sizes[0]
    sizes = [size for size in setting.plan.sizes if size.bytes <= MIB or setting.plan.large_by_boto3]
    found: list[Measured] = [_over_many(setting, size, method) for size in sizes for method in ("get", "put")]
    return found + [_over_one(setting, small, method) for method in ("get", "put")]


def _caller(setting: Setting, side: Side, size: Size, method: str, threads: int) -> Callable[[int, int], int]:
    client = side.client("s3", connections=threads)
    body = setting.bodies[size.bytes]

    def get(thread: int, count: int) -> int:
        key = f"get-{size.bytes}-{(thread + count) % size.objects}"
        found = client.get_object(Bucket=BUCKET, Key=key)["Body"]
        received = 0
        while part := found.read(MIB):
            received += len(part)
        if received != size.bytes:
            raise loads.LoadFailed(f"{side.name} gives {received} bytes of {key}.")
        return received

    def put(thread: int, count: int) -> int:
        client.put_object(Bucket=BUCKET, Key=f"put-{size.bytes}-{thread}-{count % 4}", Body=body)
        return 0

    return get if method == "get" else put


def _runs(setting: Setting, size: Size, method: str, threads: int) -> dict[str, list[Load]]:
    sides: dict[str, Callable[[], Load]] = {}
    for name, side in setting.servers.items():
        call = _caller(setting, side, size, method, threads)
        sides[name] = partial(loads.calls, call, threads=threads, seconds=setting.plan.boto3_seconds)
    return loads.in_turn(sides, setting.session.runs)


def _over_many(setting: Setting, size: Size, method: str) -> Comparison:
    setting.session.say(f"{method.upper()} of {size.name} with boto3")
    threads = CONNECTIONS if size.bytes <= MIB else LARGE_CONNECTIONS
    return comparison(size, method, _runs(setting, size, method, threads), by="boto3", connections=threads)


def _over_one(setting: Setting, size: Size, method: str) -> Comparison:
    setting.session.say(f"{method.upper()} of {size.name} with boto3 over one connection")
    found = _runs(setting, size, method, 1)
    return Comparison(
        key=f"{method}_{size.bytes}_boto3_one",
        title=f"{method.upper()} of {size.name}, boto3, one connection: p50",
        unit="ms",
        runs={side: [load.p50 for load in runs] for side, runs in found.items()},
        latency=loads.latency(found),
    )
