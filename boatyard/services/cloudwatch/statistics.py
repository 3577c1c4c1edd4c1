"""Statistics of metrics: GetMetricStatistics and GetMetricData."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import not_supported
from boatyard.api.paging import decode_token, encode_token
from boatyard.services.cloudwatch import records
from boatyard.services.cloudwatch.errors import invalid_combination, invalid_value, missing
from boatyard.services.cloudwatch.periods import (
    STATISTICS,
    aligned,
    check_period,
    gathered,
    percentile_of,
    statistic,
)
from boatyard.services.cloudwatch.records import Metric
from boatyard.state.database import Reader

DATAPOINTS = 1440
MANY_DATAPOINTS = 100_800
QUERIES = 500
_ID = re.compile(r"[a-z][A-Za-z0-9_]*")
_MESSAGE = "The parameter StartTime must be less than the parameter EndTime."


def get_metric_statistics(call: Call, params: Params) -> dict[str, Any]:
    """Up to 1440 data points of one metric (CloudWatch API, "GetMetricStatistics")."""
    names, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
    if not names and not extended:
        raise missing("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
    for name in extended:
        check_statistic("GetMetricStatistics", name)
    period = check_period(params["Period"])
    start, stop = params["StartTime"].timestamp(), params["EndTime"].timestamp()
    if start >= stop:
        raise invalid_combination(_MESSAGE)
    first = aligned(start, period)
    if (count := math.ceil((stop - first) / period)) > DATAPOINTS:
        raise invalid_combination(
            f"You have requested up to {count} datapoints, which exceeds the limit of {DATAPOINTS}. You may reduce "
            "the datapoints requested by increasing Period, or decreasing the time range."
        )
    metric = Metric.of(params["Namespace"], params["MetricName"], params.get("Dimensions"))
    with call.installation.database.reading() as rx:
        found = records.points(rx, call.account, call.region, metric, first, stop, params.get("Unit"))
    datapoints = []
    for unit in sorted({point.unit for point in found}):
        for begin, points in gathered((each for each in found if each.unit == unit), first, period).items():
            datapoint: dict[str, Any] = {"Timestamp": _moment(begin), "Unit": unit}
            datapoint |= {name: value for name in names if (value := statistic(points, name)) is not None}
            known = {name: value for name in extended if (value := statistic(points, name)) is not None}
            datapoints.append(datapoint | ({"ExtendedStatistics": known} if extended else {}))
    return {"Label": metric.name, "Datapoints": datapoints}


def check_statistic(operation: str, name: str) -> str:
    """The statistic, if it is one that boatyard works out."""
    if name in STATISTICS or percentile_of(name) is not None:
        return name
    if re.fullmatch(r"(tm|wm|tc|ts|pr|IQM|TM|WM|TC|TS|PR).*", name):
        raise not_supported("CloudWatch", operation, f"the statistic {name}")
    raise invalid_value(f"The value {name} for parameter Stat is not supported.")


def get_metric_data(call: Call, params: Params) -> dict[str, Any]:
    """The values of several metrics, in pages if there are many (CloudWatch API, "GetMetricData")."""
    queries = params["MetricDataQueries"]
    _check_queries(queries)
    start, stop = params["StartTime"].timestamp(), params["EndTime"].timestamp()
    if start >= stop:
        raise invalid_value(_MESSAGE)
    newest_first = (params.get("ScanBy") or "TimestampDescending") == "TimestampDescending"
    limit = min(params.get("MaxDatapoints") or MANY_DATAPOINTS, MANY_DATAPOINTS)
    skipped = 0
    if params.get("NextToken") is not None:
        skipped = decode_token(params["NextToken"], "InvalidNextToken", "The next token is invalid.")
        if not isinstance(skipped, int):
            raise invalid_value("The next token is invalid.")
    results = []
    with call.installation.database.reading() as rx:
        for query in queries:
            if query.get("ReturnData", True):
                values = _series(rx, call, query, start, stop, newest_first)
                results.append((query, values))
    answer: dict[str, Any] = {"MetricDataResults": [], "Messages": []}
    position = 0
    for query, values in results:
        page = values[max(0, skipped - position) : max(0, skipped + limit - position)]
        rest = position + len(values) > skipped + limit
        answer["MetricDataResults"].append(_result(query, page, rest))
        position += len(values)
    if position > skipped + limit:
        answer["NextToken"] = encode_token(skipped + limit)
    return answer


def _check_queries(queries: list[Mapping[str, Any]]) -> None:
    if not 0 < len(queries) <= QUERIES:
        raise invalid_value(f"The collection MetricDataQueries must have a size between 1 and {QUERIES}.")
    if len({query["Id"] for query in queries}) < len(queries):
        raise invalid_value("The values for parameter id in MetricDataQueries must be unique.")
    for query in queries:
        if not _ID.fullmatch(query["Id"]):
            raise invalid_value(
                f"The value {query['Id']} for parameter MetricDataQueries.member.Id is not matching the expected "
                "pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        if query.get("Expression") is not None:
            raise not_supported("CloudWatch", "GetMetricData", "MetricDataQueries.Expression")
        if query.get("MetricStat") is None:
            raise missing("Either Expression or MetricStat must be specified in MetricDataQueries.")
        check_period(query["MetricStat"]["Period"])
        check_statistic("GetMetricData", query["MetricStat"]["Stat"])
    if not any(query.get("ReturnData", True) for query in queries):
        raise invalid_value("At least one item should have ReturnData set to true.")


def _series(
    rx: Reader, call: Call, query: Mapping[str, Any], start: float, stop: float, newest_first: bool
) -> list[tuple[datetime, float]]:
    wanted, period = query["MetricStat"], query["MetricStat"]["Period"]
    named = wanted["Metric"]
    for name in ("Namespace", "MetricName"):
        if not named.get(name):
            raise missing(f"The parameter MetricDataQueries.member.MetricStat.Metric.{name} is required.")
    metric = Metric.of(named["Namespace"], named["MetricName"], named.get("Dimensions"))
    first = aligned(start, period)
    found = records.points(rx, call.account, call.region, metric, first, stop, wanted.get("Unit"))
    buckets = gathered(found, first, period)
    return [
        (_moment(begin), value)
        for begin in sorted(buckets, reverse=newest_first)
        if (value := statistic(buckets[begin], wanted["Stat"])) is not None
    ]


def _result(query: Mapping[str, Any], values: list[tuple[datetime, float]], rest: bool) -> dict[str, Any]:
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
        "Timestamps": [moment for moment, _ in values],
        "Values": [value for _, value in values],
        "StatusCode": "PartialData" if rest else "Complete",
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
