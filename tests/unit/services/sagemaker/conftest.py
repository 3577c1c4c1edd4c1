"""What SageMaker's unit tests share: a role, a bucket, an engine of threads and images that need no registry."""

from __future__ import annotations

import random
import socket
from typing import Any, cast

import pytest

from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.services.sagemaker import images
from boatyard.services.sagemaker.endpoints import keeper
from tests.unit.services.sagemaker.fake_engine import FakeEngine
from tests.unit.services.workloads import service_role

ACCOUNT = "000000000000"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/algorithm:latest"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def engine(started: Installation, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The installation's engine; the image `algorithm:NAME` is the program NAME."""
    fake = FakeEngine()
    fake.port = free_port()
    # For good: a workflow that goes on when its test has ended would start a real engine.
    started._engine = cast(Any, fake)
    monkeypatch.setattr(keeper, "PORT", fake.port)

    def pull(caller: Call, image: str) -> images.Image:
        name, tag = image.rsplit(":", 1)
        if tag == "missing":
            raise images.ImageUnavailable(f"Cannot find image URI: {image}")
        return images.Image(tag, f"{name}@{DIGEST}")

    monkeypatch.setattr(images, "pull", pull)
    monkeypatch.setattr(images, "resolve", lambda call, image: pull(call, image).resolved)
    return fake


def free_port() -> int:
    """A port that nobody listens on at any address, below the range that the system gives to others."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 32000")


@pytest.fixture
def role(call: Call) -> str:
    """The ARN of a role that SageMaker may assume."""
    return service_role(call, "sagemaker", "execution")


@pytest.fixture
def bucket(call: Call) -> str:
    """A bucket with a channel in it."""
    call.invoke("s3", "CreateBucket", Bucket="lab-data")
    call.invoke("s3", "PutObject", Bucket="lab-data", Key="train/iris.csv", Body=b"1,2,3\n")
    return "lab-data"


@pytest.fixture
def job_request(role: str, bucket: str) -> dict[str, Any]:
    """A training job with one channel, of the program `train`."""
    return {
        "TrainingJobName": "job",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE.replace("latest", "train"),
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
        },
        "RoleArn": role,
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
