"""Numbers read from a training job's log."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.sagemaker.training_jobs.metrics import MetricDefinitions, check

DEFINITIONS = MetricDefinitions(
    [
        {"Name": "validation:accuracy", "Regex": r"accuracy=([0-9\.]+)"},
        {"Name": "loss", "Regex": r"loss: (\S+)"},
    ]
)


def test_every_match_of_a_line_counts() -> None:
    found = list(DEFINITIONS.found_in("epoch 3 accuracy=0.93 loss: 1e-3 accuracy=0.95"))
    assert found == [("validation:accuracy", 0.93), ("validation:accuracy", 0.95), ("loss", 0.001)]


def test_what_is_no_number_is_no_metric() -> None:
    assert list(DEFINITIONS.found_in("loss: nan")) == []
    assert list(DEFINITIONS.found_in("loss: unknown")) == []


def test_a_broken_expression_is_refused_by_name() -> None:
    with pytest.raises(ApiError, match="metric 'broken' is not valid"):
        check({"Name": "broken", "Regex": "("})


def test_an_expression_without_end_is_given_up_and_the_others_go_on() -> None:
    definitions = MetricDefinitions([{"Name": "slow", "Regex": "(a|aa)+$"}, {"Name": "loss", "Regex": r"loss: (\S+)"}])
    line = "a" * 60 + "b loss: 1"
    assert list(definitions.found_in(line)) == [("loss", 1.0)]
    assert list(definitions.found_in("aaa loss: 2")) == [("loss", 2.0)]
