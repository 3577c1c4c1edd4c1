"""What is under way when the server or the container engine's service is killed goes on to its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import (
    ended,
    eventually,
    job_request,
    make_bucket,
    make_role,
    model_of,
    settled,
)
from tests.services.sagemaker.image import push_algorithm

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that these tests may kill."""
    running = RunningServer(tmp_path_factory.mktemp("crashes") / "data").start()
    yield running
    running.discard()


@pytest.fixture(scope="module")
def place(own: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """An image, a role and a bucket on that server."""
    image = push_algorithm(own, unique("algorithm"), tmp_path_factory.mktemp("image"))
    return image, make_role(own.client("iam")), make_bucket(own.client("s3"))


def running_job(own: RunningServer, place: tuple[str, str, str]) -> tuple[str, Path]:
    """A job that trains until its release file is there; its name and that file."""
    name = unique("job")
    own.client("sagemaker").create_training_job(**job_request(name, *place, mode="wait", words="kept"))

    def waiting() -> bool:
        try:
            found = own.client("logs").filter_log_events(logGroupName=GROUP, logStreamNamePrefix=name)["events"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False
        return any(event["message"] == "mode wait" for event in found)

    eventually(waiting)

    def only_folder() -> Path | None:
        # The job before may still be cleaning up.
        folders = list((own.data_directory / "sagemaker" / "training-jobs").iterdir())
        return folders[0] if len(folders) == 1 else None

    folder: Path = eventually(only_folder)
    return name, folder / "checkpoints" / "release"


def messages(own: RunningServer, name: str) -> list[str]:
    """What the job has logged."""
    found = own.client("logs").filter_log_events(logGroupName=GROUP, logStreamNamePrefix=name)["events"]
    return [event["message"] for event in found if not event["message"].startswith("boatyard:")]


def engine_processes(own: RunningServer) -> list[int]:
    """The processes of the server's own podman service."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                command = (path / "cmdline").read_bytes().split(b"\0")
                environment = (path / "environ").read_bytes()
            except OSError:
                continue
            ours = str(own.data_directory).encode() in b" ".join(command) + environment
            if ours and b"podman" in command[0] and b"service" in command:
                found.append(int(path.name))
    return found


WHOLE = ["mode wait", "files iris.csv", "accuracy=0.5;", "accuracy=0.75;"]


def completed(own: RunningServer, name: str) -> dict[str, Any]:
    job = ended(own.client("sagemaker"), name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(0.75)
    assert messages(own, name) == WHOLE
    return job


def test_a_killed_engine_service_does_not_fail_the_job(own: RunningServer, place: tuple[str, str, str]) -> None:
    name, release = running_job(own, place)
    killed = engine_processes(own)
    assert killed
    for process in killed:
        os.kill(process, signal.SIGKILL)
    release.touch()
    completed(own, name)


def test_a_killed_server_takes_its_job_up_again(own: RunningServer, place: tuple[str, str, str]) -> None:
    name, release = running_job(own, place)
    own.kill()
    release.touch()
    own.start()
    completed(own, name)


def test_a_killed_server_takes_its_endpoints_up_again(own: RunningServer, place: tuple[str, str, str]) -> None:
    image, role, bucket = place
    sagemaker, name = own.client("sagemaker"), unique("endpoint")
    container = {"Image": image, "ModelDataUrl": model_of(own, bucket, "lasting")}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert settled(sagemaker, name)["EndpointStatus"] == "InService"
    own.kill()
    own.start()

    def answered() -> bytes:
        try:
            body: bytes = own.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=b"row")["Body"].read()
            return body
        except ClientError as error:
            if error.response["Error"]["Code"] != "ServiceUnavailable":
                raise
            return b""

    assert eventually(answered) == b"lasting:row"
