"""Metrics with boto3 and the AWS CLI, in each protocol that clients choose."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


@pytest.fixture(scope="session")
def cloudwatch(client: Callable[..., Any]) -> Any:
    """boto3's CloudWatch client."""
    return client("cloudwatch")


def _put(cloudwatch: Any, namespace: str) -> list[dict[str, str]]:
    """Four values in two minutes, and a statistic set in the third."""
    dimensions = [{"Name": "Job", "Value": "a"}]
    data: list[dict[str, Any]] = [
        {"Timestamp": START + timedelta(seconds=seconds), "Value": value}
        for seconds, value in ((0, 1.0), (59, 3.0), (60, 10.0))
    ]
    data.append({"Timestamp": START + timedelta(seconds=61), "Values": [20.0, 30.0], "Counts": [2.0, 1.0]})
    statistics = {"SampleCount": 4.0, "Sum": 10.0, "Minimum": 1.0, "Maximum": 5.0}
    data.append({"Timestamp": START + timedelta(seconds=120), "StatisticValues": statistics})
    cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[{"MetricName": "loss", "Dimensions": dimensions, "Unit": "Count", **each} for each in data],
    )
    return dimensions


def test_statistics_of_a_metric(cloudwatch: Any) -> None:
    namespace = unique("Test")
    dimensions = _put(cloudwatch, namespace)
    got = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName="loss",
        Dimensions=dimensions,
        StartTime=START,
        EndTime=START + timedelta(minutes=3),
        Period=60,
        Statistics=["SampleCount", "Sum", "Average", "Minimum", "Maximum"],
    )
    assert got["Label"] == "loss"
    points = sorted(got["Datapoints"], key=lambda point: point["Timestamp"])
    assert [point["Timestamp"] for point in points] == [START + timedelta(minutes=number) for number in range(3)]
    assert [point["SampleCount"] for point in points] == [2, 4, 4]
    assert [point["Sum"] for point in points] == [4, 80, 10]
    assert [point["Average"] for point in points] == [2, 20, 2.5]
    assert [point["Minimum"] for point in points] == [1, 10, 1]
    assert [point["Maximum"] for point in points] == [3, 30, 5]
    assert {point["Unit"] for point in points} == {"Count"}
    median = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName="loss",
        Dimensions=dimensions,
        StartTime=START,
        EndTime=START + timedelta(minutes=2),
        Period=120,
        ExtendedStatistics=["p50", "p100"],
    )
    assert [point["ExtendedStatistics"] for point in median["Datapoints"]] == [{"p50": 10, "p100": 30}]


def test_metric_data_in_pages(cloudwatch: Any) -> None:
    namespace = unique("Test")
    metric = {"Namespace": namespace, "MetricName": "loss", "Dimensions": _put(cloudwatch, namespace)}
    queries = [
        {"Id": "total", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "hidden", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "none", "MetricStat": {"Metric": {**metric, "Dimensions": []}, "Period": 60, "Stat": "Sum"}},
    ]
    asked = {"MetricDataQueries": queries, "StartTime": START, "EndTime": START + timedelta(hours=1)}
    whole = cloudwatch.get_metric_data(**asked, ScanBy="TimestampAscending")
    assert [(each["Id"], each["Values"], each["StatusCode"]) for each in whole["MetricDataResults"]] == [
        ("total", [4.0, 80.0, 10.0], "Complete"),
        ("none", [], "Complete"),
    ]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(**asked, MaxDatapoints=2)
    values = [value for page in pages for each in page["MetricDataResults"] for value in each["Values"]]
    assert values == [10.0, 80.0, 4.0]


def test_metrics_are_listed_by_dimension(cloudwatch: Any) -> None:
    namespace = unique("Test")
    for job in ("a", "b"):
        data = [{"MetricName": "loss", "Dimensions": [{"Name": "Job", "Value": job}], "Value": 1.0}]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)

    def listed(**filters: Any) -> list[str]:
        metrics = cloudwatch.list_metrics(Namespace=namespace, **filters)["Metrics"]
        return [metric["Dimensions"][0]["Value"] for metric in metrics]

    assert listed() == ["a", "b"]
    assert listed(MetricName="loss", Dimensions=[{"Name": "Job"}]) == ["a", "b"]
    assert listed(Dimensions=[{"Name": "Job", "Value": "b"}], RecentlyActive="PT3H") == ["b"]
    assert listed(MetricName="other") == []


@pytest.mark.parametrize(
    ("code", "datum"),
    [
        ("InvalidParameterCombination", {"Value": 1.0, "Values": [1.0]}),
        ("MissingParameter", {}),
        ("InvalidParameterValue", {"Values": [1.0, 2.0], "Counts": [1.0]}),
        ("InvalidParameterValue", {"Value": 1.0, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)}),
        ("InvalidParameterValue", {"Value": 1.0, "Dimensions": [{"Name": "d", "Value": "1"}] * 2}),
    ],
)
def test_wrong_data_is_refused(cloudwatch: Any, code: str, datum: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as raised:
        cloudwatch.put_metric_data(Namespace="Test/Wrong", MetricData=[{"MetricName": "m", **datum}])
    assert raised.value.response["Error"]["Code"].removesuffix("Exception") in (code, f"{code}Exception")


def test_namespaces_of_aws_are_not_for_users(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="Namespace is invalid"):
        cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=[{"MetricName": "m", "Value": 1.0}])


def test_too_many_datapoints_and_math_are_refused(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="exceeds the limit of 1440"):
        cloudwatch.get_metric_statistics(
            Namespace="n",
            MetricName="m",
            StartTime=START - timedelta(days=2),
            EndTime=START,
            Period=60,
            Statistics=["Sum"],
        )
    queries = [{"Id": "e", "Expression": "m1 * 2"}]
    with pytest.raises(ClientError, match=r"MetricDataQueries\.Expression"):
        cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=START, EndTime=START + timedelta(hours=1))


def test_older_protocols_are_answered_too(server: RunningServer) -> None:
    namespace = unique("Test")
    form = {
        "Action": "PutMetricData",
        "Version": "2010-08-01",
        "Namespace": namespace,
        "MetricData.member.1.MetricName": "m",
        "MetricData.member.1.Value": "2.5",
    }
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert b"PutMetricDataResponse" in _send(server, urlencode(form).encode(), kind)
    listing = {"Action": "ListMetrics", "Version": "2010-08-01", "Namespace": namespace}
    assert b"<MetricName>m</MetricName>" in _send(server, urlencode(listing).encode(), kind)
    target = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics",
    }
    got = json.loads(_send(server, json.dumps({"Namespace": namespace}).encode(), target))
    assert got["Metrics"] == [{"Namespace": namespace, "MetricName": "m", "Dimensions": []}]


def _send(server: RunningServer, body: bytes, headers: dict[str, str]) -> bytes:
    prepared = server.signed("POST", "/", service="monitoring", body=body, headers=headers).prepare()
    request = Request(prepared.url, data=body, headers=dict(prepared.headers), method="POST")
    with urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def test_aws_cli_puts_and_lists(server: RunningServer) -> None:
    namespace = unique("Test")
    for arguments, wanted in (
        (("put-metric-data", "--namespace", namespace, "--metric-name", "m", "--value", "1"), ""),
        (("list-metrics", "--namespace", namespace, "--query", "Metrics[].MetricName", "--output", "text"), "m\n"),
    ):
        done = subprocess.run(
            ["aws", "cloudwatch", *arguments],
            env=server.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, wanted), done.stderr
