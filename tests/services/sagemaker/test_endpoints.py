"""Endpoints whose containers really serve, through boto3."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import eventually, model_of, settled


@pytest.fixture(scope="module")
def config(server: RunningServer, sagemaker: Any, image: str, role: str, bucket: str) -> Callable[[str], str]:
    """Makes an endpoint configuration with one container that answers with the given words; its name."""

    def make(words: str) -> str:
        name = unique("config")
        container = {"Image": image, "ModelDataUrl": model_of(server, bucket, words)}
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
        variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.t2.medium"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant | {"InitialInstanceCount": 1}]
        )
        return name

    return make


@pytest.fixture(scope="module")
def endpoint(sagemaker: Any, config: Callable[[str], str]) -> Iterator[str]:
    """An endpoint in service."""
    name = unique("endpoint")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config("first"))
    described = settled(sagemaker, name)
    assert described["EndpointStatus"] == "InService", described.get("FailureReason")
    yield name
    sagemaker.delete_endpoint(EndpointName=name)

    def gone() -> bool:
        return not sagemaker.list_endpoints(NameContains=name)["Endpoints"]

    eventually(gone)


def test_requests_reach_the_container_and_answers_come_back(
    client: Callable[..., Any], endpoint: str, role: str
) -> None:
    runtime = client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=b"row", ContentType="text/csv", Accept="text/csv")
    assert answer["Body"].read() == b"first:row"
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "all"
    assert runtime.invoke_endpoint(EndpointName=endpoint, Body=b"role")["Body"].read() == f"first:{role}".encode()
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"415")
    response: dict[str, Any] = {**caught.value.response}
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 415
    assert response["OriginalMessage"] == "first:415"
    with pytest.raises(ClientError, match="ValidationError"):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"x" * (6 * 1024 * 1024 + 1))
    with pytest.raises(ClientError, match="Endpoint nothing of account 000000000000 not found"):
        runtime.invoke_endpoint(EndpointName="nothing", Body=b"row")


def test_an_update_answers_every_request(
    client: Callable[..., Any], sagemaker: Any, endpoint: str, config: Callable[[str], str]
) -> None:
    answers: Counter[str] = Counter()
    done = threading.Event()

    runtime = client("sagemaker-runtime")

    def ask() -> None:
        while not done.is_set():
            try:
                answers[runtime.invoke_endpoint(EndpointName=endpoint, Body=b"row")["Body"].read().decode()] += 1
            except ClientError as error:
                answers[str(error)] += 1

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for asker in askers:
        asker.start()
    eventually(lambda: answers["first:row"])
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config("second"))
    eventually(lambda: answers["second:row"] > 10)
    done.set()
    for asker in askers:
        asker.join(120)
    assert not any(asker.is_alive() for asker in askers)
    assert set(answers) == {"first:row", "second:row"}
    assert settled(sagemaker, endpoint)["EndpointStatus"] == "InService"


def test_a_container_that_ends_fails_the_endpoint_at_once(sagemaker: Any, config: Callable[[str], str]) -> None:
    name = unique("broken")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config("broken"))
    described = settled(sagemaker, name)
    assert described["EndpointStatus"] == "Failed"
    assert "it ended with exit code 1" in described["FailureReason"]
    assert described["FailureReason"].endswith("ImportError: no module named flask")
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_container_that_dies_is_started_again(client: Callable[..., Any], endpoint: str) -> None:
    runtime = client("sagemaker-runtime")
    with pytest.raises(ClientError):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"die")

    def answered() -> bool:
        try:
            return bool(runtime.invoke_endpoint(EndpointName=endpoint, Body=b"row")["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] != "ServiceUnavailable":
                raise
            return False

    eventually(answered)


def test_what_containers_log_is_to_be_had(client: Callable[..., Any], endpoint: str) -> None:
    logs = client("logs")

    def logged() -> list[str]:
        events = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
        return [event["message"] for event in events if event["message"].startswith("serving ")]

    assert eventually(logged)


def test_invocations_are_counted(client: Callable[..., Any], endpoint: str) -> None:
    client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"row")
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "all"}]

    def names() -> set[str]:
        found = client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)["Metrics"]
        return {metric["MetricName"] for metric in found}

    eventually(lambda: {"Invocations", "ModelLatency", "Invocation4XXErrors", "Invocation5XXErrors"} <= names())
