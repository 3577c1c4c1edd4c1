"""What CloudWatch keeps: metrics, their data points, alarms and their history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boatyard.state.database import Reader, Transaction
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema(
    "cloudwatch",
    (
        """
        CREATE TABLE cloudwatch_metrics (
            id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, namespace TEXT NOT NULL,
            name TEXT NOT NULL, dimensions TEXT NOT NULL, latest REAL NOT NULL,
            UNIQUE (account, region, namespace, name, dimensions)
        );
        CREATE TABLE cloudwatch_points (
            metric INTEGER NOT NULL, time REAL NOT NULL, unit TEXT NOT NULL, samples REAL NOT NULL,
            total REAL NOT NULL, least REAL NOT NULL, most REAL NOT NULL, distribution TEXT
        );
        CREATE INDEX cloudwatch_points_time ON cloudwatch_points (metric, time);
        CREATE INDEX cloudwatch_points_age ON cloudwatch_points (time);
        CREATE TABLE cloudwatch_history (
            id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, alarm TEXT NOT NULL,
            time REAL NOT NULL, kind TEXT NOT NULL, summary TEXT NOT NULL, data TEXT NOT NULL
        );
        CREATE INDEX cloudwatch_history_alarm ON cloudwatch_history (account, region, alarm, id);
        """,
    ),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its namespace, name and dimensions (sorted by name)."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Iterable[Mapping[str, str]] | None) -> Metric:
        """From the members that requests have."""
        return cls(namespace, name, tuple(sorted((each["Name"], each["Value"]) for each in dimensions or ())))

    def described(self) -> dict[str, Any]:
        """As answers have it."""
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }


@dataclass(frozen=True, slots=True)
class Point:
    """One datum: a set of samples at one time (seconds since 1970); `distribution` is each value and its count."""

    time: float
    unit: str
    samples: float
    total: float
    least: float
    most: float
    distribution: tuple[tuple[float, float], ...] | None


class Alarm(Record, kw_only=True, frozen=True):
    """An alarm on one metric."""

    account: str
    region: str
    name: str
    settings: dict[str, Any]
    """The members of PutMetricAlarm that describe it, as they were given."""
    configured: datetime
    state: str = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str | None = None
    updated: datetime
    transitioned: datetime
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The alarm's ARN."""
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{self.name}"


ALARMS = Table(SCHEMA, "cloudwatch_alarms", Alarm, key=("account", "region", "name"))


def add_points(
    tx: Transaction, account: str, region: str, points: Iterable[tuple[Metric, Point]], moment: float
) -> None:
    """Stores data points; a metric is there from its first on."""
    ids: dict[Metric, int] = {}
    rows: list[tuple[Any, ...]] = []
    for metric, point in points:
        if metric not in ids:
            ids[metric] = _metric_id(tx, account, region, metric, moment)
        spread = json.dumps(point.distribution) if point.distribution is not None else None
        rows.append((ids[metric], point.time, point.unit, point.samples, point.total, point.least, point.most, spread))
    tx.executemany("INSERT INTO cloudwatch_points VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _metric_id(tx: Transaction, account: str, region: str, metric: Metric, moment: float) -> int:
    row = tx.execute(
        "INSERT INTO cloudwatch_metrics (account, region, namespace, name, dimensions, latest) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET latest = excluded.latest RETURNING id",
        (account, region, metric.namespace, metric.name, json.dumps(metric.dimensions), moment),
    ).fetchone()
    return int(row[0])


def points(
    rx: Reader, account: str, region: str, metric: Metric, start: float, stop: float, unit: str | None = None
) -> list[Point]:
    """A metric's data points from `start` up to and without `stop`, by time."""
    named = (account, region, metric.namespace, metric.name, json.dumps(metric.dimensions))
    found = rx.execute(
        "SELECT id FROM cloudwatch_metrics "
        "WHERE account = ? AND region = ? AND namespace = ? AND name = ? AND dimensions = ?",
        named,
    ).fetchone()
    if found is None:
        return []
    only, values = ("AND unit = ? ", (unit,)) if unit is not None else ("", ())
    rows = rx.execute(
        "SELECT time, unit, samples, total, least, most, distribution FROM cloudwatch_points "
        f"WHERE metric = ? AND time >= ? AND time < ? {only}ORDER BY time",
        (found[0], start, stop, *values),
    ).fetchall()
    return [_point(row) for row in rows]


def _point(row: Sequence[Any]) -> Point:
    spread = tuple((value, count) for value, count in json.loads(row[6])) if row[6] is not None else None
    return Point(row[0], row[1], row[2], row[3], row[4], row[5], spread)


def metrics(
    rx: Reader, account: str, region: str, namespace: str | None, name: str | None, since: float, after: int
) -> Iterator[tuple[int, Metric]]:
    """Metrics that got data since then, with their numbers, those after a number; no more is read than is taken."""
    clauses, values = ["account = ?", "region = ?", "latest >= ?", "id > ?"], [account, region, since, after]
    for column, value in (("namespace", namespace), ("name", name)):
        if value is not None:
            clauses.append(f"{column} = ?")
            values.append(value)
    rows = rx.execute(
        f"SELECT id, namespace, name, dimensions FROM cloudwatch_metrics WHERE {' AND '.join(clauses)} ORDER BY id",
        values,
    )
    for row in rows:
        yield row[0], Metric(row[1], row[2], tuple((each[0], each[1]) for each in json.loads(row[3])))


def expire(tx: Transaction, before: float) -> None:
    """Deletes the data points and the history from before that time, and the metrics without any left."""
    tx.execute("DELETE FROM cloudwatch_points WHERE time < ?", (before,))
    tx.execute("DELETE FROM cloudwatch_metrics WHERE latest < ?", (before,))
    tx.execute("DELETE FROM cloudwatch_history WHERE time < ?", (before,))


def add_history(tx: Transaction, alarm: Alarm, kind: str, summary: str, data: str, moment: float) -> None:
    """Writes down what happened to an alarm."""
    tx.execute(
        "INSERT INTO cloudwatch_history (account, region, alarm, time, kind, summary, data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (alarm.account, alarm.region, alarm.name, moment, kind, summary, data),
    )


def history(rx: Reader, account: str, region: str, alarm: str | None) -> list[Sequence[Any]]:
    """What happened to an alarm, or to all, oldest first: id, alarm, time, kind, summary, data."""
    only, values = ("AND alarm = ? ", (alarm,)) if alarm is not None else ("", ())
    return rx.execute(
        "SELECT id, alarm, time, kind, summary, data FROM cloudwatch_history "
        f"WHERE account = ? AND region = ? {only}ORDER BY id",
        (account, region, *values),
    ).fetchall()
