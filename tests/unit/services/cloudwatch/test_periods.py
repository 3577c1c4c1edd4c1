"""Statistics over periods."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudwatch.periods import aligned, check_period, gathered, statistic
from boatyard.services.cloudwatch.records import Point


def _point(time: float, *values: float) -> Point:
    spread = tuple((value, 1.0) for value in values)
    return Point(time, "None", len(values), sum(values), min(values), max(values), spread)


def test_points_are_gathered_from_the_start_on() -> None:
    points = [_point(0, 1), _point(119, 2), _point(120, 3)]
    assert {begin: len(each) for begin, each in gathered(points, 0, 120).items()} == {0: 2, 120: 1}


def test_start_is_rounded_down_to_the_minute_or_a_shorter_period() -> None:
    assert aligned(125.5, 300) == 120
    assert aligned(125.5, 10) == 120
    assert aligned(125.5, 1) == 125


@pytest.mark.parametrize(("name", "value"), [("p0", 1), ("p50", 5), ("p90", 9), ("p99.9", 10), ("p100", 10)])
def test_percentile(name: str, value: float) -> None:
    assert statistic([_point(0, *range(1, 6)), _point(1, *range(6, 11))], name) == value


def test_percentile_of_a_statistic_set_is_not_known() -> None:
    assert statistic([Point(0, "None", 4, 10, 1, 5, None)], "p50") is None
    assert statistic([Point(0, "None", 4, 10, 1, 5, None)], "Average") == 2.5


@pytest.mark.parametrize("period", [0, 7, 61, -60])
def test_period_that_aws_does_not_take(period: int) -> None:
    with pytest.raises(ApiError, match="Period"):
        check_period(period)
