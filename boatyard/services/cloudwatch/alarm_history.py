"""What happened to alarms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.paging import page
from boatyard.services.cloudwatch import records


def describe_alarm_history(call: Call, params: Params) -> dict[str, Any]:
    """Changes of configuration and state, and actions, newest first (CloudWatch API, "DescribeAlarmHistory")."""
    start, end = params.get("StartDate"), params.get("EndDate")
    kind, types = params.get("HistoryItemType"), params.get("AlarmTypes")
    with call.installation.database.reading() as rx:
        rows = records.history(rx, call.account, call.region, params.get("AlarmName"))
    chosen = [
        row
        for row in rows
        if kind in (None, row[3])
        and (types is None or "MetricAlarm" in types)
        and (start is None or row[2] >= start.timestamp())
        and (end is None or row[2] <= end.timestamp())
    ]
    if params.get("ScanBy") != "TimestampAscending":
        chosen.reverse()
    items, token = page(chosen, params.get("NextToken"), params.get("MaxRecords") or 100, code="InvalidNextToken")
    answer: dict[str, Any] = {
        "AlarmHistoryItems": [
            {
                "AlarmName": row[1],
                "AlarmType": "MetricAlarm",
                "Timestamp": datetime.fromtimestamp(row[2], UTC),
                "HistoryItemType": row[3],
                "HistorySummary": row[4],
                "HistoryData": row[5],
            }
            for row in items
        ]
    }
    return answer | ({"NextToken": token} if token else {})
