"""What an alarm's values mean for its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from boatyard.services.cloudwatch.evaluation import judge


@pytest.mark.parametrize(
    ("values", "changes", "state"),
    [
        ([6.0], {}, "ALARM"),
        ([5.0], {}, "OK"),
        ([5.0], {"ComparisonOperator": "GreaterThanOrEqualToThreshold"}, "ALARM"),
        ([4.0], {"ComparisonOperator": "LessThanThreshold"}, "ALARM"),
        ([6.0, 1.0, 6.0], {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, "ALARM"),
        ([6.0, 1.0, 6.0], {"EvaluationPeriods": 3}, "OK"),
        ([None], {}, "INSUFFICIENT_DATA"),
        ([None], {"TreatMissingData": "ignore"}, None),
        ([None], {"TreatMissingData": "breaching"}, "ALARM"),
        ([None], {"TreatMissingData": "notBreaching"}, "OK"),
        ([6.0, None], {"EvaluationPeriods": 2, "TreatMissingData": "breaching"}, "ALARM"),
        ([6.0, None], {"EvaluationPeriods": 2, "TreatMissingData": "notBreaching"}, "OK"),
    ],
)
def test_judgement(values: Sequence[float | None], changes: dict[str, Any], state: str | None) -> None:
    settings = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0, "EvaluationPeriods": 1, **changes}
    assert judge(settings, values) == state
