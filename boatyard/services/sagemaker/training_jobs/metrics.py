"""Metric definitions: numbers read from a training job's log by regular expressions."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.api.expressions import Expression, InvalidExpression, TooSlow

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# Neither one line nor one expression may hold up the log: longer lines are not searched whole.
_LINE_LIMIT = 4096
_LINE_SECONDS = 1.0

log = logging.getLogger(__name__)


class MetricDefinitions:
    """A job's MetricDefinitions, compiled."""

    def __init__(self, definitions: Sequence[dict[str, str]]) -> None:
        for entry in definitions:
            check(entry)
        self._expressions = {entry["Name"]: entry["Regex"] for entry in definitions}

    def found_in(self, line: str) -> Iterator[tuple[str, float]]:
        """The metrics that a line of the log gives, as name and value.

        An expression that does not come to an end is given up, for this job, with a word in the server's log.
        """
        for name, pattern in tuple(self._expressions.items()):
            expression = Expression(pattern, _LINE_SECONDS)
            try:
                for match in expression.matches(line[:_LINE_LIMIT]):
                    value = _number(match.group(1) if expression.groups else match.group(0))
                    if value is not None:
                        yield name, value
            except TooSlow:
                log.warning("The metric %r is no longer looked for: its expression %r takes too long.", name, pattern)
                del self._expressions[name]


def check(definition: dict[str, str]) -> None:
    """Raises AWS's error for a definition whose expression is none."""
    try:
        Expression(definition["Regex"], _LINE_SECONDS)
    except InvalidExpression as error:
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
