"""The long form: the server killed at every boundary that the blueprint's life crosses, and at random moments.

`make torture`. TORTURE_ROUNDS says how many kills (200; 0: until every boundary has had one), TORTURE_SEED repeats a
run: boundaries are taken in an order, and moments chosen, by it.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.torture.lab import TrappedServer
from tests.torture.leftovers import Present
from tests.torture.lifetime import Lifetime, lifetime

ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "200"))
SEED = int(os.environ.get("TORTURE_SEED", "0")) or random.randrange(1, 2**31)
KILLS_A_LIFE = 25
MOMENTS_A_LIFE = 3
"""So many of them come at random moments, the others at boundaries."""


def test_whenever_the_server_is_killed_all_ends_as_it_would_have(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    print(f"seed {SEED}, {ROUNDS} kills", flush=True)
    with lifetime(tmp_path / "clean", SEED) as life:
        clean = whole_life(life, [], [])
        boundaries = life.server.fault.with_suffix(".points").read_text().splitlines()
        wrong = {"clean": life.wrong} if life.wrong else {}
    print(f"{len(boundaries)} boundaries", flush=True)
    dice.shuffle(boundaries)
    kills = number = 0
    tried = Counter[str]()
    while kills < ROUNDS or (boundaries and not ROUNDS):
        number += 1
        chosen = [boundaries.pop() for _ in range(min(KILLS_A_LIFE - MOMENTS_A_LIFE, len(boundaries)))]
        tried.update(chosen)
        moments = [dice.uniform(0.5, 12) for _ in range(MOMENTS_A_LIFE if chosen else KILLS_A_LIFE)]
        told = f"life {number} (seed {SEED}): at {chosen}, and after {[round(each, 1) for each in moments]} s each"
        with lifetime(tmp_path / str(number), SEED + number) as life:
            left = whole_life(life, chosen, moments).beyond(clean)
            if left:
                life.wrong.append(f"left over: {left}")
            # Some lie where a life comes by only now and then: they are tried twice, the second time last.
            boundaries = [each for each in life.missed if tried[each] < 2] + boundaries
            kills += life.server.deaths
            print(f"life {number}: {life.server.deaths} deaths, {kills} so far, {len(boundaries)} boundaries to come")
            if life.wrong:
                wrong[told] = life.wrong
                print(f"  WRONG {told}: {life.wrong}", flush=True)
    if wrong:
        pytest.fail("\n".join(f"{told}:\n  " + "\n  ".join(map(str, faults)) for told, faults in wrong.items()))


def whole_life(life: Lifetime, boundaries: list[str], moments: list[float]) -> Present:
    """All of it, with these deaths; what it leaves. Without any the boundaries that it crosses are written down."""
    life.begin()
    life.server.dies(list(boundaries), record=not boundaries and not moments)
    with striking(life.server, moments):
        life.bring_up()
        life.deliver("one")
        life.retrain("one")
        life.tear_down()
    life.end()
    return life.at_rest()


@contextmanager
def striking(server: TrappedServer, moments: list[float]) -> Iterator[None]:
    """Kill the server after each of these seconds, counted from the kill before, as long as the block lasts."""
    over = threading.Event()

    def strike() -> None:
        for seconds in moments:
            if over.wait(seconds):
                return
            server.strike()

    thread = threading.Thread(target=strike, name="strike", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
