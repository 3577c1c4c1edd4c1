"""Metric definitions: numbers read from a training job's log by regular expressions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from boatyard.api.errors import ApiError

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# A line longer than this is not searched whole: an expression that backtracks must not hold up the log.
_LINE_LIMIT = 4096


class MetricDefinitions:
    """A job's MetricDefinitions, compiled."""

    def __init__(self, definitions: Sequence[dict[str, str]]) -> None:
        self._patterns = [(entry["Name"], compiled(entry)) for entry in definitions]

    def found_in(self, line: str) -> Iterator[tuple[str, float]]:
        """The metrics that a line of the log gives, as name and value."""
        for name, pattern in self._patterns:
            for match in pattern.finditer(line[:_LINE_LIMIT]):
                value = _number(match.group(1) if pattern.groups else match.group(0))
                if value is not None:
                    yield name, value


def compiled(definition: dict[str, str]) -> re.Pattern[str]:
    """The expression of a definition, or AWS's error for one that cannot be compiled."""
    try:
        return re.compile(definition["Regex"])
    except re.error as error:
        raise ApiError(
            "ValidationException",
            f"The regular expression of the metric {definition['Name']!r} is not valid: "
            f"{definition['Regex']!r} ({error}).",
        ) from None


def datum(name: str, value: float, timestamp: Any, job: str) -> dict[str, Any]:
    """A MetricDatum for PutMetricData as SageMaker writes it for a training job's own metrics."""
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "TrainingJobName", "Value": job}],
        "Timestamp": timestamp,
        "Value": value,
        "Unit": "None",
    }


def _number(text: str | None) -> float | None:
    if text is None or not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) else None
