"""Statistics over periods: data points gathered into buckets, and each bucket's numbers."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from boatyard.services.cloudwatch.errors import invalid_value
from boatyard.services.cloudwatch.records import Point

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
HIGH_RESOLUTION = (1, 5, 10, 20, 30)
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


def check_period(period: int) -> int:
    """The period in seconds, if it is one that AWS takes: 1, 5, 10, 20, 30, or a multiple of 60."""
    if period not in HIGH_RESOLUTION and (period <= 0 or period % 60):
        raise invalid_value(f"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60; it is {period}.")
    return period


def percentile_of(statistic: str) -> float | None:
    """The percentage of a statistic such as p99.9; None for anything else."""
    found = _PERCENTILE.fullmatch(statistic)
    return float(found[1]) if found else None


def aligned(start: float, period: int) -> int:
    """Where the first period begins: at the full minute before, or at the full period if that is shorter."""
    step = min(period, 60)
    return math.floor(start / step) * step


def gathered(points: Iterable[Point], start: int, period: int) -> dict[int, list[Point]]:
    """Points by the beginning of their period."""
    buckets: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        buckets[start + math.floor((point.time - start) / period) * period].append(point)
    return dict(buckets)


def statistic(points: Sequence[Point], name: str) -> float | None:
    """One number of a bucket; None when its points do not tell (percentiles of statistic sets)."""
    if name == "SampleCount":
        return sum(point.samples for point in points)
    if name == "Sum":
        return math.fsum(point.total for point in points)
    if name == "Minimum":
        return min(point.least for point in points)
    if name == "Maximum":
        return max(point.most for point in points)
    if name == "Average":
        samples = sum(point.samples for point in points)
        return math.fsum(point.total for point in points) / samples if samples else None
    percentage = percentile_of(name)
    return _percentile(points, percentage) if percentage is not None else None


def _percentile(points: Sequence[Point], percentage: float) -> float | None:
    """The value below or at which so many percent of the samples lie (nearest rank)."""
    spread: list[tuple[float, float]] = []
    for point in points:
        if point.distribution is None:
            return None
        spread += point.distribution
    spread.sort()
    wanted = sum(count for _, count in spread) * percentage / 100
    seen = 0.0
    for value, count in spread:
        seen += count
        if seen >= wanted and count:
            return value
    return spread[-1][0] if spread else None
