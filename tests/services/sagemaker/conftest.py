"""What SageMaker's tests share: the algorithm's image in ECR, a role, and buckets."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.server import RunningServer, unique
from tests.services.sagemaker.image import push_algorithm

LIMIT = 300.0


@pytest.fixture(scope="session")
def sagemaker(client: Callable[..., Any]) -> Any:
    """boto3's SageMaker client."""
    return client("sagemaker")


@pytest.fixture(scope="session")
def image(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of the algorithm's image."""
    return push_algorithm(server, unique("algorithm"), tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def role(client: Callable[..., Any]) -> str:
    """A role that SageMaker may assume."""
    return make_role(client("iam"))


@pytest.fixture(scope="session")
def bucket(client: Callable[..., Any]) -> str:
    """A bucket with a channel at train/."""
    return make_bucket(client("s3"))


def make_role(iam: Any) -> str:
    """A new role for SageMaker."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    name = unique("sagemaker-role")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    return str(arn)


def make_bucket(s3: Any) -> str:
    """A new bucket with one object at train/."""
    name = unique("lab")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="train/iris.csv", Body=b"1,2,3\n")
    return name


def job_request(name: str, image: str, role: str, bucket: str, **hyperparameters: str) -> dict[str, Any]:
    """A CreateTrainingJob request for the algorithm."""
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/", "S3DataDistributionType": "FullyReplicated"}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}],
        },
        "RoleArn": role,
        "HyperParameters": hyperparameters,
        "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def eventually(ready: Callable[[], Any], timeout: float = LIMIT) -> Any:
    """What `ready` answers once it is true."""
    deadline = time.monotonic() + timeout
    while not (answer := ready()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
    return answer


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    """A training job's description once it has ended."""

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    found: dict[str, Any] = eventually(look)
    return found


def settled(sagemaker: Any, name: str) -> dict[str, Any]:
    """An endpoint's description once it neither comes up nor changes."""

    def look() -> dict[str, Any] | None:
        endpoint: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        return None if endpoint["EndpointStatus"] in ("Creating", "Updating") else endpoint

    found: dict[str, Any] = eventually(look)
    return found


def model_of(server: RunningServer, bucket: str, words: str) -> str:
    """The S3 URI of a model whose containers answer with `words`."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        info = tarfile.TarInfo("words")
        info.size = len(words)
        archive.addfile(info, io.BytesIO(words.encode()))
    key = f"{unique('model')}/model.tar.gz"
    server.client("s3").put_object(Bucket=bucket, Key=key, Body=content.getvalue())
    return f"s3://{bucket}/{key}"
