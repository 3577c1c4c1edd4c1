"""What runs in containers comes back where an export is imported: endpoints, functions, jobs under way."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.server import RunningServer, unique
from tests.services.keeping.conftest import done
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

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def _function(server: RunningServer, name: str) -> None:
    role = server.client("iam").create_role(RoleName=unique("role"), AssumeRolePolicyDocument=json.dumps(TRUST))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", "def handler(event, context): return event['word'] * 2")
    server.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Handler="code.handler",
        Code={"ZipFile": content.getvalue()},
    )


def _invoke(server: RunningServer, name: str) -> object:
    answer = server.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"word": "boat"}))
    found: object = json.loads(answer["Payload"].read())
    return found


def _endpoint(server: RunningServer, image: str, role: str, bucket: str) -> str:
    name, sagemaker = unique("endpoint"), server.client("sagemaker")
    container = {"Image": image, "ModelDataUrl": model_of(server, bucket, "moved")}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return name


def _answer(server: RunningServer, endpoint: str) -> bytes | None:
    runtime = server.client("sagemaker-runtime")
    try:
        content: bytes = runtime.invoke_endpoint(EndpointName=endpoint, Body=b"row")["Body"].read()
    except runtime.exceptions.ClientError:
        return None
    return content


def test_workloads_come_back(scratch: Callable[..., RunningServer], other: RunningServer, tmp_path: Path) -> None:
    server, file = scratch(), tmp_path / "export.tar.gz"
    other.set(retention_unused_hours="0")
    (tmp_path / "image").mkdir()
    image = push_algorithm(server, unique("algorithm"), tmp_path / "image")
    role, bucket = make_role(server.client("iam")), make_bucket(server.client("s3"))
    endpoint = _endpoint(server, image, role, bucket)
    _function(server, "echo")
    assert _invoke(server, "echo") == "boatboat"
    described = settled(server.client("sagemaker"), endpoint)
    assert described["EndpointStatus"] == "InService", described.get("FailureReason")
    job = unique("job")
    request = job_request(job, image, role, bucket, mode="wait", words="again")
    server.client("sagemaker").create_training_job(**request)
    jobs = server.data_directory / "sagemaker" / "training-jobs"
    eventually(lambda: list(jobs.glob("*/checkpoints")))
    done(server, "export", str(file))
    server.stop()
    done(other, "import", str(file))
    other.start()
    assert eventually(lambda: _answer(other, endpoint)) == b"moved:row"
    assert _invoke(other, "echo") == "boatboat"
    # The job runs again from its beginning; the other server's goes on by itself and ends on its own.
    (folder,) = eventually(lambda: list((other.data_directory / "sagemaker" / "training-jobs").glob("*/checkpoints")))
    (folder / "release").touch()
    finished = ended(other.client("sagemaker"), job)
    assert finished["TrainingJobStatus"] == "Completed", finished.get("FailureReason")
    artifacts = finished["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    assert other.client("s3").head_object(Bucket=bucket, Key=artifacts)["ContentLength"] > 0
    _clean_up(other, endpoint)


def _clean_up(server: RunningServer, endpoint: str) -> None:
    """What is in use stays, with all that it stands on; what a deleted endpoint had goes."""
    done(server, "gc", "--yes")
    assert _answer(server, endpoint) == b"moved:row"
    assert _invoke(server, "echo") == "boatboat"
    sagemaker = server.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=endpoint)
    eventually(lambda: not sagemaker.list_endpoints()["Endpoints"])

    def removed() -> list[str]:
        told = json.loads(done(server, "gc", "--json", "--yes"))
        return [each["kind"] for each in told["garbage"] if each["removed"]]

    # The job's container, which stands on the image too, goes a moment after the job has ended.
    eventually(lambda: "images" in removed())
    assert _invoke(server, "echo") == "boatboat"
    eventually(lambda: not json.loads(done(server, "gc", "--json"))["garbage"])
