"""Alarms with boto3: described, changed, judged by what the metric does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import unique


@pytest.fixture(scope="session")
def cloudwatch(client: Callable[..., Any]) -> Any:
    """boto3's CloudWatch client."""
    return client("cloudwatch")


def _alarm(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": name,
        "MetricName": "m",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **changes,
    }


def test_alarm_is_described_and_deleted(cloudwatch: Any) -> None:
    name = unique("alarm")
    cloudwatch.put_metric_alarm(**_alarm(name, Tags=[{"Key": "k", "Value": "v"}]))
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    (alarm,) = cloudwatch.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]
    assert (alarm["Threshold"], alarm["ActionsEnabled"], alarm["StateValue"]) == (5.0, False, "INSUFFICIENT_DATA")
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    found = cloudwatch.describe_alarms_for_metric(Namespace=name, MetricName="m")["MetricAlarms"]
    assert [each["AlarmName"] for each in found] == [name]
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloudwatch.delete_alarms(AlarmNames=[name])


def test_metric_above_the_threshold_raises_the_alarm(cloudwatch: Any, client: Callable[..., Any]) -> None:
    name, waiting = unique("alarm"), threading.Event()
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    cloudwatch.put_metric_alarm(**_alarm(name, AlarmActions=[topic], Period=86400))
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 7.0}])
    summaries: list[str] = []
    for _ in range(600):
        items = cloudwatch.describe_alarm_history(AlarmName=name, ScanBy="TimestampAscending")["AlarmHistoryItems"]
        summaries = [item["HistorySummary"] for item in items]
        if len(summaries) >= 3:
            break
        waiting.wait(0.2)
    assert summaries == [
        f'Alarm "{name}" created',
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        f"Successfully executed action {topic}",
    ]
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name], StateValue="ALARM")["MetricAlarms"]
    assert "7.0" in alarm["StateReason"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "SNS topics"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ComparisonOperator"),
        ({"Period": 7}, "Period"),
        ({"ExtendedStatistic": "p99"}, "Exactly one"),
    ],
)
def test_alarm_that_is_not_done_is_refused(cloudwatch: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        cloudwatch.put_metric_alarm(**_alarm("refused", **changes))
