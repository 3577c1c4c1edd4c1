"""What a measurement gives: comparisons of boatyard with its peers, curves, and the goals that they are held to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping

import msgspec

BOATYARD = "boatyard"


class Goal(msgspec.Struct, kw_only=True, frozen=True):
    """What was asked for: boatyard's median, or its ratio to a side's, is at most `value`, or at least."""

    value: float
    at_least: bool = False
    against: str | None = None


class Comparison(msgspec.Struct, kw_only=True, tag="comparison"):
    """One figure of several sides, each measured several times; boatyard's side is called `boatyard`.

    `latency` is a side's median p50 and p99 in milliseconds, of the same runs.
    """

    key: str
    title: str
    unit: str
    runs: dict[str, list[float]]
    goals: list[Goal] = []
    more_is_better: bool = False
    latency: dict[str, tuple[float, float]] = {}
    note: str = ""


class Curve(msgspec.Struct, kw_only=True, tag="curve"):
    """One figure of boatyard at several sizes, each measured several times."""

    key: str
    title: str
    unit: str
    of: str
    sizes: list[int]
    runs: list[list[float]]
    note: str = ""


class Breakdown(msgspec.Struct, kw_only=True, tag="breakdown"):
    """Where the time of one run went, as a table: the names of the columns, and rows of texts."""

    key: str
    title: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""


Measured = Comparison | Curve | Breakdown


def alternate(
    sides: Mapping[str, Callable[[], float]], runs: int, warm_up: int = 1, said: Callable[[str], None] | None = None
) -> dict[str, list[float]]:
    """Measure every side in turn, A B A B, so that what else the machine does falls on all; warm-ups do not count."""
    found: dict[str, list[float]] = {side: [] for side in sides}
    for round_number in range(-warm_up, runs):
        for side, measure in sides.items():
            value = measure()
            if round_number >= 0:
                found[side].append(value)
            if said:
                said(f"{side}: {value:.4g}" + ("" if round_number >= 0 else " (warm-up)"))
    return found


def median(runs: list[float]) -> float:
    """The middle of the runs."""
    return statistics.median(runs)


def ratio(comparison: Comparison, side: str) -> float:
    """Boatyard's median divided by that side's."""
    return median(comparison.runs[BOATYARD]) / median(comparison.runs[side])


def reached(comparison: Comparison, goal: Goal) -> tuple[float, bool]:
    """What the goal looks at, and whether it is reached."""
    value = median(comparison.runs[BOATYARD]) if goal.against is None else ratio(comparison, goal.against)
    return value, value >= goal.value if goal.at_least else value <= goal.value


def percentile(values: list[float], part: float) -> float:
    """The value below which `part` (0 to 1) of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
