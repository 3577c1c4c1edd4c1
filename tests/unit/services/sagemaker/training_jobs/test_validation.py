"""What CreateTrainingJob refuses, and that it names it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.sagemaker.training_jobs.validation import validate

SOURCE = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train/"}
REQUEST: dict[str, Any] = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::000000000000:role/execution",
    "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": SOURCE}}],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


def test_a_plain_request_is_taken() -> None:
    validate(copy.deepcopy(REQUEST))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("TrainingJobName", "under_score", "at 'trainingJobName' failed to satisfy constraint"),
        ("TrainingJobName", "../../etc", "at 'trainingJobName' failed to satisfy constraint"),
        ("RoleArn", "not-a-role-arn-at-all", "at 'roleArn' failed to satisfy constraint"),
        ("AlgorithmSpecification.TrainingInputMode", "Pipe", "TrainingInputMode Pipe"),
        ("AlgorithmSpecification.AlgorithmName", "xgboost", "AlgorithmSpecification.AlgorithmName"),
        ("ResourceConfig.InstanceCount", 2, "InstanceCount above 1"),
        ("ResourceConfig.InstanceType", "ml.p3.2xlarge", "no GPU"),
        ("VpcConfig", {"Subnets": ["s"], "SecurityGroupIds": ["g"]}, "VpcConfig"),
        ("EnableManagedSpotTraining", True, "EnableManagedSpotTraining"),
        ("InputDataConfig.0.ChannelName", "..", "is not a name for a folder"),
        ("InputDataConfig.0.RecordWrapperType", "RecordIO", "RecordWrapperType RecordIO"),
        ("InputDataConfig.0.DataSource.S3DataSource.S3DataDistributionType", "ShardedByS3Key", "ShardedByS3Key"),
        ("CheckpointConfig", {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/model"}, "CheckpointConfig.LocalPath"),
        ("CheckpointConfig", {"S3Uri": "s3://b/c", "LocalPath": "/tmp/../etc"}, "CheckpointConfig.LocalPath"),
    ],
)
def test_what_cannot_be_done_is_named(path: str, value: Any, said: str) -> None:
    request = copy.deepcopy(REQUEST)
    place: Any = request
    *folders, last = path.split(".")
    for folder in folders:
        place = place[int(folder)] if folder.isdigit() else place[folder]
    place[last] = value
    with pytest.raises(ApiError) as caught:
        validate(request)
    assert caught.value.code == "ValidationException"
    assert said in caught.value.message
