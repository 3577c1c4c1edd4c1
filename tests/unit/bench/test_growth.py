"""The arithmetic of growth, and the records that it is measured with."""

from __future__ import annotations

from datetime import UTC, datetime

from bench import filling, growth
from bench.samples import Curve
from boatyard.services.sagemaker.training_jobs.records import TrainingJob


def test_growth_is_the_last_median_by_the_first() -> None:
    runs = [[1.0, 2.0, 9.0], [3.0, 3.0, 3.0], [4.0, 5.0, 6.0]]
    curve = Curve(key="k", title="t", unit="ms", of="records", sizes=[10, 1_000, 100_000], runs=runs)
    assert growth.growth(curve) == 2.5


def test_a_logarithmic_cost_is_five_times_more_with_100000_than_with_10() -> None:
    assert growth.logarithmic([10, 1_000, 100_000]) == 5
    assert growth.logarithmic([10, 1_000, 10_000]) == 4


def test_a_sample_tells_its_number_in_every_required_field() -> None:
    job = filling.sample(TrainingJob, 7, name="given")
    assert (job.name, job.arn, job.request, job.metrics) == ("given", "arn-000007", {}, ())
    assert job.created == datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC)
