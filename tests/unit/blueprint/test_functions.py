"""The blueprint's four functions: what they ask of SageMaker, and what they tell the pipeline."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.unit.blueprint.conftest import job, refusal

Load = Callable[..., ModuleType]
Clients = dict[str, MagicMock]
JOB = "12345678-aaaa-bbbb-cccc-1234567890ab"
TRAIN = {"PREFIX": "p", "ALGORITHM_ROLE": "arn:role", "MODEL_BUCKET": "models", "INSTANCE_TYPE": "ml.m5.large"}
DEPLOY = {"PREFIX": "p", "ALGORITHM_ROLE": "arn:role", "INSTANCE_TYPE": "ml.t2.medium"}
ARTIFACT = {"location": {"s3Location": {"bucketName": "artifacts", "objectKey": "p/data/x"}}}


def failure(clients: Clients) -> str:
    """The message of the failure that was reported; nothing else was."""
    clients["codepipeline"].put_job_success_result.assert_not_called()
    call = clients["codepipeline"].put_job_failure_result.call_args
    assert call.kwargs["jobId"] == JOB
    return str(call.kwargs["failureDetails"]["message"])


def success(clients: Clients) -> dict[str, Any]:
    """What was reported as success; no failure was."""
    clients["codepipeline"].put_job_failure_result.assert_not_called()
    return dict(clients["codepipeline"].put_job_success_result.call_args.kwargs)


def test_train_starts_a_job_on_the_artifact(load: Load, clients: Clients) -> None:
    train = load("train", **TRAIN)
    train.handler(job({"image": "image:1", "execution": "abcdef0123"}, inputArtifacts=[ARTIFACT]), None)
    request = clients["sagemaker"].create_training_job.call_args.kwargs
    assert request["TrainingJobName"] == "p-abcdef01-12345678"
    assert request["AlgorithmSpecification"]["TrainingImage"] == "image:1"
    channel = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert channel["S3Uri"] == "s3://artifacts/p/data/x"
    assert success(clients)["outputVariables"] == {"TrainingJob": "p-abcdef01-12345678"}


def test_train_called_twice_starts_once(load: Load, clients: Clients) -> None:
    train = load("train", **TRAIN)

    class ResourceInUseError(Exception):
        pass

    clients["sagemaker"].exceptions.ResourceInUse = ResourceInUseError
    clients["sagemaker"].create_training_job.side_effect = ResourceInUseError()
    train.handler(job({"image": "image:1", "execution": "abcdef0123"}, inputArtifacts=[ARTIFACT]), None)
    assert success(clients)["outputVariables"] == {"TrainingJob": "p-abcdef01-12345678"}


def test_train_reports_a_refusal(load: Load, clients: Clients) -> None:
    train = load("train", **TRAIN)
    clients["sagemaker"].exceptions.ResourceInUse = KeyError
    clients["sagemaker"].create_training_job.side_effect = refusal("ValidationException", "no such role")
    train.handler(job({"image": "image:1", "execution": "abcdef0123"}, inputArtifacts=[ARTIFACT]), None)
    assert "no such role" in failure(clients)


@pytest.mark.parametrize(("status", "again"), [("InProgress", True), ("Stopping", True), ("Completed", False)])
def test_status_of_training(load: Load, clients: Clients, status: str, again: bool) -> None:
    module = load("status")
    clients["sagemaker"].describe_training_job.return_value = {"TrainingJobStatus": status}
    module.handler(job({"trainingJob": "t"}), None)
    assert ("continuationToken" in success(clients)) is again


def test_status_of_a_failed_training_names_the_reason(load: Load, clients: Clients) -> None:
    module = load("status")
    clients["sagemaker"].describe_training_job.return_value = {
        "TrainingJobStatus": "Failed",
        "FailureReason": "AlgorithmError: no rows",
    }
    module.handler(job({"trainingJob": "t"}), None)
    assert "AlgorithmError: no rows" in failure(clients)


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating"])
def test_status_of_a_deployment_under_way(load: Load, clients: Clients, status: str) -> None:
    module = load("status")
    clients["sagemaker"].describe_endpoint.return_value = {"EndpointStatus": status, "EndpointConfigName": "old"}
    module.handler(job({"endpoint": "e", "endpointConfig": "new"}), None)
    assert json.loads(success(clients)["continuationToken"]) == {"endpoint": "e", "endpointConfig": "new"}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"EndpointStatus": "Failed", "EndpointConfigName": "new", "FailureReason": "no ping"}, "no ping"),
        ({"EndpointStatus": "InService", "EndpointConfigName": "old"}, "went back to old"),
    ],
)
def test_a_failed_deployment_is_a_failure(load: Load, clients: Clients, found: dict[str, str], message: str) -> None:
    module = load("status")
    clients["sagemaker"].describe_endpoint.return_value = found
    module.handler(job({"endpoint": "e", "endpointConfig": "new"}), None)
    assert message in failure(clients)


def test_a_finished_deployment_leaves_only_itself(load: Load, clients: Clients) -> None:
    module = load("status")
    sagemaker = clients["sagemaker"]
    sagemaker.describe_endpoint.return_value = {"EndpointStatus": "InService", "EndpointConfigName": "e-2"}
    pages = {
        "list_endpoint_configs": [{"EndpointConfigs": [{"EndpointConfigName": name} for name in ("e-1", "e-2")]}],
        "list_models": [{"Models": [{"ModelName": name} for name in ("e-1", "e-2", "other-e-1")]}],
    }
    sagemaker.get_paginator.side_effect = lambda name: MagicMock(paginate=lambda **_: pages[name])
    module.handler(job({"endpoint": "e", "endpointConfig": "e-2"}), None)
    assert "continuationToken" not in success(clients)
    sagemaker.delete_endpoint_config.assert_called_once_with(EndpointConfigName="e-1")
    sagemaker.delete_model.assert_called_once_with(ModelName="e-1")


TRAINED = {
    "AlgorithmSpecification": {"TrainingImage": "image:1"},
    "ModelArtifacts": {"S3ModelArtifacts": "s3://models/m.tar.gz"},
}


@pytest.mark.parametrize(
    ("found", "called"),
    [
        (None, "create_endpoint"),
        ({"EndpointStatus": "InService", "EndpointConfigName": "old"}, "update_endpoint"),
        ({"EndpointStatus": "Updating", "EndpointConfigName": "p-dev-12345678"}, None),
        (
            {
                "EndpointStatus": "Updating",
                "EndpointConfigName": "p-dev-before",
                "PendingDeploymentSummary": {"EndpointConfigName": "p-dev-12345678"},
            },
            None,
        ),
    ],
)
def test_deploy_creates_or_updates(
    load: Load, clients: Clients, found: dict[str, str] | None, called: str | None
) -> None:
    module = load("deploy", **DEPLOY)
    sagemaker = clients["sagemaker"]
    sagemaker.describe_training_job.return_value = TRAINED
    if found is None:
        sagemaker.describe_endpoint.side_effect = refusal("ValidationException", 'Could not find endpoint "p-dev".')
    else:
        sagemaker.describe_endpoint.return_value = found
    module.handler(job({"environment": "dev", "trainingJob": "t"}), None)
    for name in ("create_endpoint", "update_endpoint"):
        assert getattr(sagemaker, name).called is (name == called)
    assert success(clients)["outputVariables"] == {"Endpoint": "p-dev", "EndpointConfig": "p-dev-12345678"}


def test_deploy_makes_a_failed_endpoint_anew(load: Load, clients: Clients) -> None:
    module = load("deploy", **DEPLOY)
    sagemaker = clients["sagemaker"]
    sagemaker.describe_training_job.return_value = TRAINED
    sagemaker.describe_endpoint.return_value = {"EndpointStatus": "Failed", "EndpointConfigName": "old"}
    module.handler(job({"environment": "dev", "trainingJob": "t"}), None)
    sagemaker.delete_endpoint.assert_called_once_with(EndpointName="p-dev")
    sagemaker.create_endpoint.assert_called_once()
    assert success(clients)


def test_deploy_reports_a_refusal(load: Load, clients: Clients) -> None:
    module = load("deploy", **DEPLOY)
    clients["sagemaker"].describe_training_job.return_value = TRAINED
    clients["sagemaker"].create_model.side_effect = refusal("ValidationException", "Requested image not found")
    module.handler(job({"environment": "dev", "trainingJob": "t"}), None)
    assert "Requested image not found" in failure(clients)


def evaluate(load: Load, clients: Clients, answer: str, **parameters: Any) -> None:
    """Run the evaluate function against two rows and what the endpoint answers."""
    module = load("evaluate", DATA_BUCKET="data")
    rows = b"setosa,5.1,3.5,1.4,0.2\nvirginica,6.3,2.9,5.6,1.8\n"
    clients["s3"].get_object.return_value = {"Body": io.BytesIO(rows)}
    clients["sagemaker-runtime"].invoke_endpoint.return_value = {"Body": io.BytesIO(answer.encode())}
    module.handler(job({"endpoint": "e", "key": "k"} | parameters), None)


def test_the_labels_are_not_sent(load: Load, clients: Clients) -> None:
    evaluate(load, clients, "setosa\nvirginica\n", test="full", threshold=0.9)
    body = clients["sagemaker-runtime"].invoke_endpoint.call_args.kwargs["Body"]
    assert body == b"5.1,3.5,1.4,0.2\n6.3,2.9,5.6,1.8"
    assert success(clients)["outputVariables"] == {"Rows": "2", "Accuracy": "1.000"}


def test_the_full_test_stops_what_is_below_the_threshold(load: Load, clients: Clients) -> None:
    evaluate(load, clients, "setosa\nsetosa\n", test="full", threshold=0.9)
    assert "0.500" in failure(clients)


def test_the_smoke_test_wants_an_answer_for_every_row(load: Load, clients: Clients) -> None:
    evaluate(load, clients, "setosa\n", test="smoke")
    assert "2 rows were sent, 1 predictions" in failure(clients)


def test_the_smoke_test_does_not_judge(load: Load, clients: Clients) -> None:
    evaluate(load, clients, "setosa\nsetosa\n", test="smoke")
    assert success(clients)["outputVariables"]["Accuracy"] == "0.500"
