"""Schedule expressions and when they are next due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.services.events.schedules import InvalidSchedule, parse

START = datetime(2024, 1, 31, 10, 15, 30, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(5 minutes)", datetime(2024, 1, 31, 10, 20, 30, tzinfo=UTC)),
        ("rate(1 hour)", datetime(2024, 1, 31, 11, 15, 30, tzinfo=UTC)),
        ("cron(0 12 * * ? *)", datetime(2024, 1, 31, 12, 0, tzinfo=UTC)),
        ("cron(0/20 * * * ? *)", datetime(2024, 1, 31, 10, 20, tzinfo=UTC)),
        ("cron(15 10 ? * 6L 2024-2025)", datetime(2024, 2, 23, 10, 15, tzinfo=UTC)),
        ("cron(0 8 1 * ? *)", datetime(2024, 2, 1, 8, 0, tzinfo=UTC)),
        ("cron(0 18 ? * MON-FRI *)", datetime(2024, 1, 31, 18, 0, tzinfo=UTC)),
        ("cron(0 9 ? * 2#1 *)", datetime(2024, 2, 5, 9, 0, tzinfo=UTC)),
        ("cron(0 9 L FEB ? *)", datetime(2024, 2, 29, 9, 0, tzinfo=UTC)),
        ("cron(0 9 3W * ? *)", datetime(2024, 2, 2, 9, 0, tzinfo=UTC)),
        ("cron(0 0 1 1 ? 2030)", datetime(2030, 1, 1, tzinfo=UTC)),
        ("cron(0 0 1 1 ? 2020)", None),
    ],
)
def test_the_next_time(expression: str, expected: datetime | None) -> None:
    assert parse(expression).next_after(START) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(5 seconds)",
        "cron(* * * * *)",
        "cron(0 12 * * * *)",
        "cron(60 12 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 12 ? * 8 *)",
        "cron(a 12 * * ? *)",
        "cron(0/0 12 * * ? *)",
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse(expression)


@settings(deadline=None, max_examples=50)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_the_next_time_is_always_later(moment: datetime) -> None:
    following = parse("cron(30 6 ? * TUE,SAT *)").next_after(moment)
    assert following is not None
    assert following > moment
    assert following.weekday() in (1, 5)
