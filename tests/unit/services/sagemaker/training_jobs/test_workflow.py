"""Training jobs from creation to their end, with an engine whose containers are threads."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from typing import Any

import pytest

from boatyard.api.bodies import whole
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.containers.specification import Exit
from tests.unit.services.sagemaker.fake_engine import FakeContainer, FakeEngine
from tests.unit.services.workloads import eventually


def described(call: Call, name: str = "job") -> dict[str, Any]:
    return call.invoke("sagemaker", "DescribeTrainingJob", TrainingJobName=name)


def finished(call: Call, name: str = "job") -> dict[str, Any]:
    """The job's description once it has ended and is cleaned up."""
    eventually(lambda: described(call, name)["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"))
    arn = described(call, name)["TrainingJobArn"]
    eventually(lambda: not call.installation.workflows.running(arn))
    return described(call, name)


def train(container: FakeContainer) -> int:
    """An algorithm that works."""
    root = container.root()
    rows = (root / "input/data/training/iris.csv").read_text()
    hyperparameters = json.loads((root / "input/config/hyperparameters.json").read_text())
    container.print(f"rows {rows.strip()} depth {hyperparameters.get('depth')}")
    container.print("accuracy=0.5")
    container.print("accuracy=0.75")
    (root / "model/tree.txt").write_text("a tree")
    (root / "output/data/report.txt").write_text("a report")
    return 0


def test_a_job_trains_uploads_and_completes(call: Call, engine: FakeEngine, job_request: dict[str, Any]) -> None:
    engine.programs["train"] = train
    call.invoke("sagemaker", "CreateTrainingJob", **job_request, HyperParameters={"depth": "3"})
    job = finished(call)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    statuses = [each["Status"] for each in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all("EndTime" in each for each in job["SecondaryStatusTransitions"])
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("accuracy", 0.75)]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://lab-data/models/job/output/model.tar.gz"
    assert job["OutputDataConfig"]["KmsKeyId"] == ""
    body = call.invoke("s3", "GetObject", Bucket="lab-data", Key="models/job/output/model.tar.gz")["Body"]
    with tarfile.open(fileobj=io.BytesIO(whole(body))) as archive:
        assert archive.getnames() == ["tree.txt"]
    call.invoke("s3", "HeadObject", Bucket="lab-data", Key="models/job/output/output.tar.gz")
    assert engine.made == {}
    specification = engine.started[0]
    assert specification.command == ["train"]
    assert specification.environment["TRAINING_JOB_NAME"] == "job"
    assert specification.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].startswith("/v2/credentials/")
    log = call.invoke("logs", "FilterLogEvents", logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    assert "rows 1,2,3 depth 3" in [event["message"] for event in log]


def test_a_failure_file_is_the_reason(call: Call, engine: FakeEngine, job_request: dict[str, Any]) -> None:
    def fail(container: FakeContainer) -> int:
        (container.root() / "output/failure").write_text("no column named species")
        return 3

    engine.programs["train"] = fail
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    job = finished(call)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no column named species, exit code: 3"
    listing = call.invoke("s3", "ListObjectsV2", Bucket="lab-data", Prefix="models/")
    assert listing["KeyCount"] == 0


def test_out_of_memory_and_the_end_of_the_log_are_told(
    call: Call, engine: FakeEngine, job_request: dict[str, Any]
) -> None:
    def swell(container: FakeContainer) -> Exit:
        container.print("loading everything")
        return Exit(137, out_of_memory=True)

    engine.programs["train"] = swell
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    reason = finished(call)["FailureReason"]
    assert "used all of its 8192 MiB of memory" in reason
    assert reason.endswith("loading everything")


def test_an_image_without_train_is_said_so(call: Call, engine: FakeEngine, job_request: dict[str, Any]) -> None:
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    assert "has no executable `train`" in finished(call)["FailureReason"]


def test_a_missing_image_is_named(call: Call, engine: FakeEngine, job_request: dict[str, Any]) -> None:
    image = job_request["AlgorithmSpecification"]["TrainingImage"].replace(":train", ":missing")
    job_request["AlgorithmSpecification"]["TrainingImage"] = image
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    assert finished(call)["FailureReason"] == f"ClientError: Cannot find image URI: {image}"


@pytest.mark.parametrize("uri", ["s3://lab-data/nothing-here/", "s3://no-such-bucket/train/"])
def test_an_empty_channel_is_named(call: Call, engine: FakeEngine, job_request: dict[str, Any], uri: str) -> None:
    job_request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = uri
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    reason = finished(call)["FailureReason"]
    assert reason.startswith(f'ClientError: No S3 objects found under S3 URL "{uri}"')


def test_a_manifest_names_its_objects(call: Call, engine: FakeEngine, job_request: dict[str, Any]) -> None:
    call.invoke("s3", "PutObject", Bucket="lab-data", Key="more/deep/b.csv", Body=b"b")
    manifest = json.dumps([{"prefix": "s3://lab-data/"}, "train/iris.csv", "more/deep/b.csv"]).encode()
    call.invoke("s3", "PutObject", Bucket="lab-data", Key="manifest.json", Body=manifest)
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://lab-data/manifest.json"}
    job_request["InputDataConfig"][0]["DataSource"]["S3DataSource"] = source
    found: list[str] = []

    def look(container: FakeContainer) -> int:
        folder = container.root() / "input/data/training"
        found.extend(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
        return 0

    engine.programs["train"] = look
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    assert finished(call)["TrainingJobStatus"] == "Completed"
    assert found == ["more/deep/b.csv", "train/iris.csv"]


def test_stopping_ends_the_container_and_keeps_its_model(
    call: Call, engine: FakeEngine, job_request: dict[str, Any]
) -> None:
    running = threading.Event()

    def endless(container: FakeContainer) -> int:
        running.set()
        container.stopped.wait(60)
        (container.root() / "model/partial").write_text("so far")
        return 143

    engine.programs["train"] = endless
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    assert running.wait(60)
    call.invoke("sagemaker", "StopTrainingJob", TrainingJobName="job")
    job = finished(call)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in [each["Status"] for each in job["SecondaryStatusTransitions"]]
    call.invoke("s3", "HeadObject", Bucket="lab-data", Key="models/job/output/model.tar.gz")
    with pytest.raises(ApiError, match="is in status Stopped"):
        call.invoke("sagemaker", "StopTrainingJob", TrainingJobName="job")


def test_the_time_limit_stops_the_job(call: Call, engine: FakeEngine, job_request: dict[str, Any]) -> None:
    def endless(container: FakeContainer) -> int:
        container.stopped.wait(60)
        return 143

    engine.programs["train"] = endless
    job_request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1}
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    job = finished(call)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_an_engine_that_does_not_answer_is_no_end_of_the_job(
    call: Call, engine: FakeEngine, job_request: dict[str, Any]
) -> None:
    running = threading.Event()
    go_on = threading.Event()

    def slow(container: FakeContainer) -> int:
        running.set()
        go_on.wait(60)
        return train(container)

    engine.programs["train"] = slow
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    assert running.wait(60)
    engine.down.set()
    go_on.set()
    container = next(iter(engine.made.values()))
    assert container.ended.wait(60)
    assert described(call)["TrainingJobStatus"] == "InProgress"
    engine.down.clear()
    job = finished(call)
    assert job["TrainingJobStatus"] == "Completed"
    assert job["FinalMetricDataList"][0]["Value"] == 0.75
    events = call.invoke("logs", "FilterLogEvents", logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    assert [event["message"] for event in events].count("accuracy=0.75") == 1


def test_checkpoints_are_restored_and_saved(call: Call, engine: FakeEngine, job_request: dict[str, Any]) -> None:
    call.invoke("s3", "PutObject", Bucket="lab-data", Key="checkpoints/epoch-1", Body=b"one")

    def go_on(container: FakeContainer) -> int:
        folder = container.root() / "checkpoints"
        (folder / "epoch-2").write_text((folder / "epoch-1").read_text() + " two")
        (folder / "link").symlink_to("/etc/hostname")
        return 0

    engine.programs["train"] = go_on
    job_request["CheckpointConfig"] = {"S3Uri": "s3://lab-data/checkpoints/"}
    call.invoke("sagemaker", "CreateTrainingJob", **job_request)
    assert finished(call)["TrainingJobStatus"] == "Completed"
    saved = call.invoke("s3", "ListObjectsV2", Bucket="lab-data", Prefix="checkpoints/")["Contents"]
    assert [entry["Key"] for entry in saved] == ["checkpoints/epoch-1", "checkpoints/epoch-2"]
