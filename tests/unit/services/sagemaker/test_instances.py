"""Instance types as processors and memory."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.sagemaker.instances import InstanceType, capped, instance_type


@pytest.mark.parametrize(
    ("name", "cpus", "gibibytes"),
    [
        ("ml.t2.medium", 2, 4),
        ("ml.m4.xlarge", 4, 16),
        ("ml.m5.large", 2, 8),
        ("ml.c5.9xlarge", 36, 72),
        ("ml.r5.2xlarge", 8, 64),
    ],
)
def test_types_are_what_they_are_on_aws(name: str, cpus: int, gibibytes: int) -> None:
    shape = instance_type(name, "CreateTrainingJob")
    assert (shape.cpus, shape.memory_mib) == (cpus, gibibytes * 1024)


@pytest.mark.parametrize("name", ["ml.p3.2xlarge", "ml.g5.xlarge", "ml.trn1.2xlarge", "ml.inf1.xlarge"])
def test_accelerators_are_refused(name: str) -> None:
    with pytest.raises(ApiError, match="no GPU or accelerator"):
        instance_type(name, "CreateTrainingJob")


def test_a_machine_that_is_smaller_is_told_of() -> None:
    assert capped(InstanceType("tiny", 1, 1)) == []
    assert "ml.huge has 9999 vCPUs" in capped(InstanceType("ml.huge", 9999, 1))[0]
