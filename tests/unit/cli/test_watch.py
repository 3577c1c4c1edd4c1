"""What `watch` makes of a pipeline's executions."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from boatyard.cli.watch import rows_of, table

START = datetime(2024, 1, 1, tzinfo=UTC)


class _Paginator:
    def __init__(self, details: list[dict[str, Any]]) -> None:
        self._details = details

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"actionExecutionDetails": self._details}]


class _Client:
    """Two stages; the build has been tried twice, the newest first."""

    def get_pipeline(self, name: str) -> dict[str, Any]:
        deploy = [{"name": "Second", "runOrder": 2}, {"name": "First", "runOrder": 1}]
        stages = [{"name": "Build", "actions": [{"name": "Make"}]}, {"name": "Deploy", "actions": deploy}]
        return {"pipeline": {"name": name, "stages": stages}}

    def get_paginator(self, _: str) -> _Paginator:
        return _Paginator([_detail("Succeeded", 5, "done [well]"), _detail("Failed", 3, "no")])


def _detail(status: str, seconds: float, text: str) -> dict[str, Any]:
    return {
        "stageName": "Build",
        "actionName": "Make",
        "status": status,
        "startTime": START,
        "lastUpdateTime": START + timedelta(seconds=seconds),
        "output": {"executionResult": {"externalExecutionSummary": text}},
    }


def test_actions_are_in_order_and_a_retried_one_is_as_it_is_now() -> None:
    rows = rows_of(_Client(), "p", "e")
    assert [(row.stage, row.action, row.status, row.seconds) for row in rows] == [
        ("Build", "Make", "Succeeded", 5.0),
        ("Deploy", "First", "", None),
        ("Deploy", "Second", "", None),
    ]


def test_the_table_shows_times_and_texts_as_they_are() -> None:
    summary = {"status": "InProgress", "pipelineExecutionId": "e"}
    written = io.StringIO()
    console = Console(width=100, file=written)
    console.print(table("p", summary, rows_of(_Client(), "p", "e")))
    text = written.getvalue()
    assert "5.0 s" in text
    assert "done [well]" in text
