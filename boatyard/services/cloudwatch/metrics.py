"""Metrics: putting data points, and listing which metrics there are."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import not_supported
from boatyard.api.paging import decode_token, encode_token
from boatyard.services.cloudwatch import records
from boatyard.services.cloudwatch.errors import check_text, invalid_combination, invalid_value, missing
from boatyard.services.cloudwatch.records import Metric, Point

PAGE = 500
LISTED_FOR = 14 * 24 * 3600.0
RECENT = 3 * 3600.0
PAST, FUTURE = 14 * 24 * 3600.0, 2 * 3600.0
MAGNITUDE = 2.0**360
DATA, VALUES, DIMENSIONS = 1000, 150, 30
NAMESPACE = re.compile(r"[0-9A-Za-z.\-_/# ][0-9A-Za-z.\-_/#: ]*")


def put_metric_data(call: Call, params: Params) -> None:
    """Stores data points, single values or sets of them (CloudWatch API, "PutMetricData")."""
    namespace = params["Namespace"]
    if not NAMESPACE.fullmatch(namespace) or (namespace.startswith("AWS/") and call.principal.service is None):
        raise invalid_value(f"The value {namespace} for parameter Namespace is invalid.")
    if params.get("EntityMetricData"):
        raise not_supported("CloudWatch", "PutMetricData", "EntityMetricData")
    data = params.get("MetricData")
    if not data:
        raise missing("The parameter MetricData is required.")
    if len(data) > DATA:
        raise invalid_value(f"The collection MetricData must not have a size greater than {DATA}.")
    moment = time.time()
    for number, datum in enumerate(data, 1):
        check_text(datum["MetricName"], f"MetricData.member.{number}.MetricName")
        for each in datum.get("Dimensions") or ():
            check_text(each["Name"] + each["Value"], f"MetricData.member.{number}.Dimensions")
    points = [
        (Metric.of(namespace, datum["MetricName"], _dimensions(datum, number)), _point(datum, number, moment))
        for number, datum in enumerate(data, 1)
    ]
    with call.installation.database.transaction() as tx:
        records.add_points(tx, call.account, call.region, points, moment)


def _dimensions(datum: Mapping[str, Any], number: int) -> Sequence[Mapping[str, str]]:
    dimensions: Sequence[Mapping[str, str]] = datum.get("Dimensions") or ()
    if len(dimensions) > DIMENSIONS:
        raise invalid_value(
            f"The collection MetricData.member.{number}.Dimensions must not have a size greater than {DIMENSIONS}."
        )
    if len({each["Name"] for each in dimensions}) < len(dimensions):
        raise invalid_value(f"The dimensions of MetricData.member.{number} must have different names.")
    return dimensions


def _point(datum: Mapping[str, Any], number: int, moment: float) -> Point:
    given = [name for name in ("Value", "StatisticValues", "Values") if datum.get(name) is not None]
    if len(given) > 1:
        raise invalid_combination(
            f"The parameters MetricData.member.{number}.{given[0]} and MetricData.member.{number}.{given[1]} are "
            "mutually exclusive and you have specified both."
        )
    if not given:
        raise missing(f"At least one of the parameters must be specified: MetricData.member.{number}.Value.")
    when, unit = _time(datum.get("Timestamp"), number, moment), datum.get("Unit") or "None"
    if given == ["StatisticValues"]:
        return _statistic_set(datum["StatisticValues"], number, when, unit)
    values = [datum["Value"]] if given == ["Value"] else datum["Values"]
    counts = datum.get("Counts") or [1.0] * len(values)
    if len(counts) != len(values):
        raise invalid_value(
            f"The parameters MetricData.member.{number}.Values and MetricData.member.{number}.Counts must be of the "
            "same size."
        )
    if not 0 < len(values) <= VALUES:
        raise invalid_value(
            f"The collection MetricData.member.{number}.Values must have a size between 1 and {VALUES}."
        )
    _check_numbers([*values, *counts], number)
    return Point(
        time=when,
        unit=unit,
        samples=float(sum(counts)),
        total=float(sum(value * count for value, count in zip(values, counts, strict=True))),
        least=float(min(values)),
        most=float(max(values)),
        distribution=tuple((float(value), float(count)) for value, count in zip(values, counts, strict=True)),
    )


def _statistic_set(given: Mapping[str, float], number: int, when: float, unit: str) -> Point:
    _check_numbers(list(given.values()), number)
    samples, least, most = float(given["SampleCount"]), float(given["Minimum"]), float(given["Maximum"])
    if samples < 0 or least > most:
        raise invalid_value(
            f"The value of MetricData.member.{number}.StatisticValues is invalid: the minimum must not be above the "
            "maximum, nor the sample count below zero."
        )
    spread = ((least, samples),) if least == most else None
    return Point(when, unit, samples, float(given["Sum"]), least, most, spread)


def _time(given: datetime | None, number: int, moment: float) -> float:
    if given is None:
        return math.floor(moment)
    when = given.timestamp()
    parameter = f"MetricData.member.{number}.Timestamp"
    if when > moment + FUTURE:
        raise invalid_value(f"The parameter {parameter} must specify a time no more than two hours in the future.")
    if when < moment - PAST:
        raise invalid_value(f"The parameter {parameter} must specify a time no more than two weeks in the past.")
    return math.floor(when)


def _check_numbers(numbers: Sequence[float], number: int) -> None:
    for each in numbers:
        if not math.isfinite(each) or abs(each) > MAGNITUDE:
            raise invalid_value(f"The value {each} for parameter MetricData.member.{number}.Value is invalid.")


def list_metrics(call: Call, params: Params) -> dict[str, Any]:
    """The metrics that got data in the last two weeks, in pages of 500 (CloudWatch API, "ListMetrics")."""
    recent = params.get("RecentlyActive")
    if recent not in (None, "PT3H"):
        raise invalid_value(f"The value {recent} for parameter RecentlyActive is invalid: it must be PT3H.")
    after = 0
    if params.get("NextToken") is not None:
        after = decode_token(params["NextToken"], "InvalidNextToken", "The next token is invalid.")
        if not isinstance(after, int):
            raise invalid_value("The next token is invalid.")
    since = time.time() - (RECENT if recent else LISTED_FOR)
    filters = params.get("Dimensions") or ()
    with call.installation.database.reading() as rx:
        found = records.metrics(
            rx, call.account, call.region, params.get("Namespace"), params.get("MetricName"), since, after
        )
        fitting = ((number, metric) for number, metric in found if _has(metric, filters))
        chosen = list(itertools.islice(fitting, PAGE + 1))
    answer: dict[str, Any] = {"Metrics": [metric.described() for _, metric in chosen[:PAGE]]}
    if len(chosen) > PAGE:
        answer["NextToken"] = encode_token(chosen[PAGE - 1][0])
    return answer


def _has(metric: Metric, filters: Sequence[Mapping[str, str]]) -> bool:
    """Whether a metric has every dimension asked for, with the value where one is named."""
    dimensions = dict(metric.dimensions)
    return all(each["Name"] in dimensions and each.get("Value") in (None, dimensions[each["Name"]]) for each in filters)
