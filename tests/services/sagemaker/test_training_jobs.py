"""Training jobs in real containers, through boto3."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import unique
from tests.services.sagemaker.conftest import ended, job_request

GROUP = "/aws/sagemaker/TrainingJobs"


def test_a_job_trains_and_everything_it_leaves_is_there(
    client: Callable[..., Any], sagemaker: Any, image: str, role: str, bucket: str
) -> None:
    name = unique("learn")
    sagemaker.create_training_job(**job_request(name, image, role, bucket, words="learnt"))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [each["Status"] for each in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert job["FinalMetricDataList"][0]["MetricName"] == "accuracy"
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(0.75)
    start, end = job["CreationTime"] - timedelta(minutes=5), job["TrainingEndTime"] + timedelta(minutes=5)
    found = client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="accuracy",
        Dimensions=[{"Name": "TrainingJobName", "Value": name}],
        StartTime=start,
        EndTime=end,
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert max(point["Maximum"] for point in found) == 0.75
    s3 = client("s3")
    packed = s3.get_object(Bucket=bucket, Key=f"models/{name}/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.extractfile("words")
        assert member is not None
        assert member.read() == b"learnt"
    s3.head_object(Bucket=bucket, Key=f"models/{name}/output/output.tar.gz")
    streams = client("logs").describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/algo-1-")
    stream = streams["logStreams"][0]["logStreamName"]
    events = client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
    assert [event["message"] for event in events][-3:] == ["files iris.csv", "accuracy=0.5;", "accuracy=0.75;"]


def test_a_failure_file_of_two_megabytes_is_cut(sagemaker: Any, image: str, role: str, bucket: str) -> None:
    name = unique("fail")
    sagemaker.create_training_job(**job_request(name, image, role, bucket, mode="fail"))
    job = ended(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: no column named species xxx")
    assert job["FailureReason"].endswith(", exit code: 3")
    assert len(job["FailureReason"]) == 1024


def test_an_image_without_train_is_named(sagemaker: Any, image: str, role: str, bucket: str) -> None:
    name = unique("no-train")
    request = job_request(name, image, role, bucket)
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["train"]
    sagemaker.create_training_job(**request)
    assert "has no executable `train` on its PATH" in ended(sagemaker, name)["FailureReason"]


def test_a_missing_image_is_named(sagemaker: Any, image: str, role: str, bucket: str) -> None:
    name = unique("no-image")
    missing = image.replace(":latest", ":missing")
    sagemaker.create_training_job(**job_request(name, missing, role, bucket))
    assert ended(sagemaker, name)["FailureReason"].startswith(f"ClientError: Cannot find image URI: {missing}")


def test_stopping_sends_sigterm_and_keeps_the_model(
    client: Callable[..., Any], sagemaker: Any, image: str, role: str, bucket: str
) -> None:
    from tests.services.sagemaker.conftest import eventually

    name = unique("stop")
    sagemaker.create_training_job(**job_request(name, image, role, bucket, mode="wait", words="so far"))

    def waiting() -> bool:
        found = client("logs").filter_log_events(logGroupName=GROUP, logStreamNamePrefix=name)["events"]
        return any(event["message"] == "mode wait" for event in found)

    def logged() -> bool:
        try:
            return waiting()
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False

    eventually(logged)
    sagemaker.stop_training_job(TrainingJobName=name)
    job = ended(sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    client("s3").head_object(Bucket=bucket, Key=f"models/{name}/output/model.tar.gz")


def test_bad_requests_have_awss_errors(sagemaker: Any, image: str, role: str, bucket: str) -> None:
    request = job_request("under_score", image, role, bucket)
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "at 'trainingJobName' failed to satisfy constraint" in caught.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match=r"Could not assume role arn:aws:iam::000000000000:role/nobody"):
        sagemaker.create_training_job(
            **job_request(unique("x"), image, "arn:aws:iam::000000000000:role/nobody", bucket)
        )
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName="nothing")
