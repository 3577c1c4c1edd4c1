"""Listing a bucket of many keys: pages over 16 connections, and boto3's paginator over one."""

from __future__ import annotations

from functools import partial

from bench import loads, programs
from bench.loads import LoadFailed
from bench.prepared import Prepared, to_url
from bench.s3 import BUCKET, CONNECTIONS, Setting, caller, presigned
from bench.samples import Comparison, Measured, alternate
from bench.session import timed
from bench.sides import MOTO, Side

PAGE, ASKED = 1000, 16
PREFIX, DIGITS = "list/", 6
# The first ten thousand keys: more pages would take moto minutes.
WALKED_PREFIX, WALKED = "list/00", 10_000
SHORTER = (
    "The full form (`BENCH=full`) lists 100,000 keys and puts 64 MiB over 16 connections: filling moto takes minutes."
)


def measure_all(setting: Setting) -> list[Measured]:
    """Fill every side's bucket, and list it in both ways."""
    keys = [f"{PREFIX}{number:0{DIGITS}}" for number in range(setting.plan.keys)]
    fill(setting, keys)
    setting.session.say(f"listing {len(keys):,} keys")
    return [_pages(setting, keys), _walk(setting, len(keys))]


def fill(setting: Setting, keys: list[str]) -> None:
    """Put empty objects on every side, all sides at the same time; this is not measured."""
    setting.session.say(f"putting {len(keys):,} keys to list on every side")

    def put_all(side: Side) -> None:
        # moto does not look at signatures: its own are not made one by one.
        query = presigned(side, "put_object", Key=keys[0]).partition("?")[2]
        urls = (
            f"{side.url}/{BUCKET}/{key}?{query}" if side.name == MOTO else presigned(side, "put_object", Key=key)
            for key in keys
        )
        loads.fixed(side.name, side.url, [to_url(url, "PUT") for url in urls], connections=CONNECTIONS)

    loads.together([partial(put_all, side) for side in setting.servers.values()])


def spread(pages: list[Prepared], count: int) -> list[Prepared]:
    """So many of the pages from all parts of the list; some of them again where there are fewer."""
    if len(pages) >= count:
        return [pages[number * len(pages) // count] for number in range(count)]
    return (pages * -(-count // len(pages)))[:count]


def _pages(setting: Setting, keys: list[str]) -> Comparison:
    """Each page is asked for by the key before it, so that pages can be asked for at the same time."""
    runs = {}
    for name, side in setting.servers.items():
        pages = []
        for first in range(0, len(keys), PAGE):
            after = {"StartAfter": keys[first - 1]} if first else {}
            pages.append(to_url(presigned(side, "list_objects_v2", Prefix=PREFIX, MaxKeys=PAGE, **after)))
            if first in (0, len(keys) - PAGE):
                _check_page(side, pages[-1], keys[first : first + PAGE])
        asked = spread(pages, ASKED)
        runs[name] = partial(loads.fixed, name, side.url, asked, connections=CONNECTIONS, least_bytes=PAGE * 10)
    found = loads.in_turn(runs, setting.session.runs)
    return Comparison(
        key="list",
        title=f"Listing {len(keys):,} keys in pages of {PAGE:,}, presigned, {CONNECTIONS} connections",
        unit="keys/s",
        runs={side: [PAGE * load.rate for load in part] for side, part in found.items()},
        more_is_better=True,
        latency=loads.latency(found),
        note=" ".join([SHORTER] * (not setting.session.full) + [programs.versions()]),
    )


def _check_page(side: Side, request: Prepared, keys: list[str]) -> None:
    text = loads.answer(side.name, side.url, request).decode()
    if text.count("<Contents>") != len(keys) or any(f"<Key>{key}</Key>" not in text for key in (keys[0], keys[-1])):
        raise LoadFailed(f"{side.name} does not list the page of {keys[0]} to {keys[-1]}:\n{text[:1000]}")


def _walk(setting: Setting, keys: int) -> Comparison:
    def walk(side: Side) -> None:
        pages = caller(side).get_paginator("list_objects_v2")
        count = sum(page["KeyCount"] for page in pages.paginate(Bucket=BUCKET, Prefix=WALKED_PREFIX))
        if count != WALKED:
            raise LoadFailed(f"{side.name} lists {count} keys of {WALKED}.")

    sides = {name: partial(timed, partial(walk, side)) for name, side in setting.servers.items()}
    return Comparison(
        key="list_boto3",
        title=f"Listing {WALKED:,} of {keys:,} keys, boto3's paginator, one connection",
        unit="s",
        runs=alternate(sides, setting.session.runs),
    )
