"""Schedule expressions: rate(...) and cron(...), and when they are next due."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_RATE = re.compile(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_LAST_YEAR = 2199


class InvalidSchedule(ValueError):
    """The text is no schedule expression."""


@dataclass(frozen=True)
class Rate:
    """Every so many seconds."""

    seconds: int

    def next_after(self, moment: datetime) -> datetime | None:
        """The next time."""
        return moment + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Cron:
    """Six fields of cron, in UTC."""

    minutes: frozenset[int]
    hours: frozenset[int]
    day: Callable[[date], bool]
    months: frozenset[int]
    years: frozenset[int]

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after the moment, None if there is none any more."""
        start = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        today = start.date()
        while today.year <= _LAST_YEAR:
            if today.year not in self.years or today.month not in self.months:
                month = today.month % 12 + 1
                today = date(today.year + (month == 1), month, 1)
                continue
            if self.day(today):
                found = self._first_time(today, start)
                if found is not None:
                    return found
            today += timedelta(days=1)
        return None

    def _first_time(self, today: date, start: datetime) -> datetime | None:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                candidate = datetime(today.year, today.month, today.day, hour, minute, tzinfo=UTC)
                if candidate >= start:
                    return candidate
        return None


def parse(expression: str) -> Rate | Cron:
    """A schedule; InvalidSchedule where the text is none.

    Follows the EventBridge user guide, "Creating a rule that runs on a schedule".
    """
    rate = _RATE.fullmatch(expression)
    if rate:
        value, unit = int(rate.group(1)), rate.group(2)
        if value < 1 or (value == 1) == unit.endswith("s"):
            raise InvalidSchedule(expression)
        return Rate(value * _SECONDS[unit.rstrip("s")])
    cron = _CRON.fullmatch(expression)
    fields = cron.group(1).upper().split() if cron else []
    if len(fields) != 6:
        raise InvalidSchedule(expression)
    minutes, hours, of_month, months, of_week, years = fields
    if (of_month == "?") == (of_week == "?"):
        raise InvalidSchedule(expression)
    return Cron(
        minutes=_set(minutes, 0, 59),
        hours=_set(hours, 0, 23),
        day=_day_of_month(of_month) if of_week == "?" else _day_of_week(of_week),
        months=_set(months, 1, 12, _MONTHS),
        years=_set(years, 1970, _LAST_YEAR),
    )


def _set(field: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """The numbers that a field stands for: lists, ranges, steps, names."""
    found: set[int] = set()
    for part in field.split(","):
        body, _, step = part.partition("/")
        if "/" in part and (not step.isdigit() or int(step) < 1):
            raise InvalidSchedule(field)
        if body == "*":
            first, last = low, high
        elif "-" in body:
            left, _, right = body.partition("-")
            first, last = _number(left, names), _number(right, names)
        else:
            first = _number(body, names)
            last = high if step else first
        if not low <= first <= high or not low <= last <= high:
            raise InvalidSchedule(field)
        numbers = range(first, last + 1) if first <= last else [*range(first, high + 1), *range(low, last + 1)]
        found.update(list(numbers)[:: int(step) if step else 1])
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not text.isdigit():
        raise InvalidSchedule(text)
    return int(text)


def _month_end(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _day_of_month(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: day.day == _month_end(day)
    weekday = re.fullmatch(r"(\d{1,2}|L)W", field)
    if weekday:
        return lambda day: day == _nearest_weekday(day, weekday.group(1))
    numbers = _set(field, 1, 31)
    return lambda day: day.day in numbers


def _nearest_weekday(day: date, wanted: str) -> date:
    """The weekday nearest to a day of the month, without leaving the month."""
    last = _month_end(day)
    target = day.replace(day=last if wanted == "L" else min(int(wanted), last))
    if target.weekday() == 5:
        return target - timedelta(days=1) if target.day > 1 else target + timedelta(days=2)
    if target.weekday() == 6:
        return target + timedelta(days=1) if target.day < last else target - timedelta(days=2)
    return target


def _day_of_week(field: str) -> Callable[[date], bool]:
    last = re.fullmatch(r"([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)L", field)
    if last:
        wanted = _number(last.group(1), _DAYS)
        return lambda day: _weekday(day) == wanted and day.day + 7 > _month_end(day)
    nth = re.fullmatch(r"([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#([1-5])", field)
    if nth:
        wanted, count = _number(nth.group(1), _DAYS), int(nth.group(2))
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == count
    numbers = frozenset({7}) if field == "L" else _set(field, 1, 7, _DAYS)
    return lambda day: _weekday(day) in numbers


def _weekday(day: date) -> int:
    """The day of the week as cron counts: Sunday is 1."""
    return (day.weekday() + 1) % 7 + 1
