"""Which request a number stands for: the same one for the same seed, whatever ran before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from tests.fuzz import garbage, operations
from tests.fuzz.garbage import Garbage
from tests.fuzz.operations import Choice
from tests.fuzz.world import World
from tests.signing import Draft, Keys

_DESTROYS = ("Delete", "Remove", "Schedule", "Disable", "Stop", "Abort", "BatchDelete", "Detach")
WILD = (0.0, 0.0, 0.0, 0.03, 0.1, 0.3, 0.9)


@dataclass(frozen=True)
class Planned:
    """A request as it goes over the wire. `protocol` is what an error must be written in, None where HTTP decides."""

    index: int
    label: str
    garbage: Garbage
    protocol: str | None


@lru_cache(maxsize=4)
def _order(seed: int) -> tuple[Choice, ...]:
    """Every operation once or, where boatyard does it, several times, mixed."""
    done, refused = operations.choices()
    order = [*done * 6, *refused]
    Random(seed).shuffle(order)
    return tuple(order)


def _choice(seed: int, index: int, random: Random) -> Choice:
    """The operation of a number. Most that destroy are passed over, so that there is something left for the others."""
    order = _order(seed)
    choice = order[index % len(order)]
    while choice.operation.startswith(_DESTROYS) and random.random() < 0.7:
        index += 1
        choice = order[index % len(order)]
    return choice


def planned(seed: int, index: int, world: World) -> Planned:
    """The request of a number."""
    random = Random(f"{seed}:{index}")
    kind = random.random()
    if kind < 0.8:
        choice = _choice(seed, index, random)
        wild = random.choice(WILD)
        draft, protocol = operations.request(random, world, choice, wild)
        return _api(
            index, f"{choice.service}:{choice.operation} (wild {wild})", _signed(random, world, draft), protocol
        )
    if kind < 0.87:
        draft, protocol = garbage.bodies(random, world)
        return _api(index, "a broken body", _signed(random, world, draft), protocol)
    if kind < 0.92:
        draft, protocol = garbage.heads(random, world)
        return _api(index, "an odd head", _signed(random, world, draft), protocol)
    if kind < 0.96:
        found = garbage.git_and_registry(random, world)
        return Planned(index, found.label, found, None)
    draft, _ = operations.request(random, world, _choice(seed, index, random), 0.0)
    found = garbage.lines(random, world, _signed(random, world, draft))
    return Planned(index, found.label, found, None)


def _api(index: int, label: str, draft: Draft, protocol: str) -> Planned:
    return Planned(index, label, Garbage(label, draft.to_bytes(), draft.method), protocol)


def _signed(random: Random, world: World, draft: Draft) -> Draft:
    """Most are the root's, so that they get far; some are a user's without any policy, nobody's, or wrong."""
    kind = random.random()
    if kind < 0.05:
        return draft
    if kind < 0.15:
        return draft.sign(world.nobody)
    if kind < 0.19:
        return draft.presign()
    if kind < 0.22:
        return draft.sign(Keys(secret="wrong"))
    if kind < 0.25:
        return draft.sign(Keys(token="AQ==" * random.choice([1, 2000])))
    return draft.sign()
