"""The later half of what the fuzzed server has: an image, models, jobs, a pipeline, and what is under way."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.server import REGION, RunningServer

_LAYER = b"\x1f\x8b" + b"not really a layer"


def fill(server: RunningServer, role: str, hints: dict[str, list[Any]]) -> list[str]:
    """Make them; `hints` learns their names. Their ARNs."""
    image = _image(server, hints)
    return [
        *_machines(server, role, image),
        *_under_way(server, hints),
        *_pipeline(server, role),
        *_repository(server, hints),
    ]


def _image(server: RunningServer, hints: dict[str, list[Any]]) -> str:
    ecr = server.client("ecr")
    name = "fuzz-repository"
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    described = []
    for content in (config, _LAYER):
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=name, uploadId=upload, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content
        )
        ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[digest])
        described.append({"mediaType": "x", "size": len(content), "digest": digest})
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    described[0]["mediaType"] = "application/vnd.docker.container.image.v1+json"
    described[1]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described[0], "layers": described[1:]}
    ecr.put_image(repositoryName=name, imageManifest=json.dumps(manifest), imageTag="latest")
    hints["imagemanifest"] = [json.dumps(manifest), json.dumps(manifest | {"layers": [{}]}), "{}", "x"]
    hints["imagetag"] = ["latest"]
    hints["layerdigest"] = hints["layerdigests"] = [str(each["digest"]) for each in described]
    hints["uploadid"] = [ecr.initiate_layer_upload(repositoryName=name)["uploadId"]]
    return f"{server.client('sts').get_caller_identity()['Account']}.dkr.ecr.{REGION}.amazonaws.com/{name}:latest"


def _machines(server: RunningServer, role: str, image: str) -> list[str]:
    sagemaker = server.client("sagemaker")
    arns = [
        sagemaker.create_model(ModelName="fuzz-model", ExecutionRoleArn=role, PrimaryContainer={"Image": image})[
            "ModelArn"
        ],
        sagemaker.create_endpoint_config(
            EndpointConfigName="fuzz-config",
            ProductionVariants=[
                {
                    "VariantName": "all",
                    "ModelName": "fuzz-model",
                    "InitialInstanceCount": 1,
                    "InstanceType": "ml.t2.medium",
                }
            ],
        )["EndpointConfigArn"],
        sagemaker.create_endpoint(EndpointName="fuzz-endpoint", EndpointConfigName="fuzz-config")["EndpointArn"],
        sagemaker.create_training_job(
            TrainingJobName="fuzz-job",
            RoleArn=role,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": "s3://fuzz-bucket/output"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )["TrainingJobArn"],
    ]
    return [str(arn) for arn in arns]


def _under_way(server: RunningServer, hints: dict[str, list[Any]]) -> list[str]:
    s3 = server.client("s3")
    upload = s3.create_multipart_upload(Bucket="fuzz-bucket", Key="key")["UploadId"]
    hints["uploadid"] = [*hints["uploadid"], upload, upload]
    hints["versionid"] = [s3.put_object(Bucket="fuzz-bucket", Key="key", Body=b"more")["VersionId"], "null"]
    kms = server.client("kms")
    hints["ciphertextblob"] = [kms.encrypt(KeyId="alias/fuzz", Plaintext=b"secret")["CiphertextBlob"]]
    server.client("cloudwatch").put_metric_alarm(
        AlarmName="fuzz-alarm", Namespace="fuzz", MetricName="metric", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    hints["alarmname"] = hints["alarmnames"] = ["fuzz-alarm"]
    functions = server.client("lambda")
    functions.create_alias(FunctionName="fuzz-function", Name="live", FunctionVersion="$LATEST")
    hints["qualifier"] = ["live", "$LATEST"]
    return []


def _repository(server: RunningServer, hints: dict[str, list[Any]]) -> list[str]:
    code = server.client("codecommit")
    commit = code.get_branch(repositoryName="fuzz-repository", branchName="main")["branch"]["commitId"]
    code.create_branch(repositoryName="fuzz-repository", branchName="other", commitId=commit)
    blob = code.get_file(repositoryName="fuzz-repository", filePath="file")["blobId"]
    for name in ("commitid", "parentcommitid", "beforecommitid", "aftercommitid"):
        hints[name] = [commit]
    for name in (
        "commitspecifier",
        "sourcecommitspecifier",
        "destinationcommitspecifier",
        "beforecommitspecifier",
        "aftercommitspecifier",
    ):
        hints[name] = [commit, "main", "other", "HEAD~1", "main:"]
    hints["blobid"] = [blob]
    hints["branchname"] = ["main", "other"]
    hints["targetbranch"] = hints["defaultbranchname"] = ["main", "other"]
    hints["folderpath"] = ["/", "", "folder"]
    return []


def _pipeline(server: RunningServer, role: str) -> list[str]:
    source: dict[str, Any] = {
        "name": "Source",
        "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "CodeCommit", "version": "1"},
        "configuration": {"RepositoryName": "fuzz-repository", "BranchName": "main", "PollForSourceChanges": "false"},
        "outputArtifacts": [{"name": "source"}],
    }
    approval: dict[str, Any] = {
        "name": "Ask",
        "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
    }
    pipeline: dict[str, Any] = {
        "name": "fuzz-pipeline",
        "roleArn": role,
        "artifactStore": {"type": "S3", "location": "fuzz-bucket"},
        "stages": [{"name": "Source", "actions": [source]}, {"name": "Approval", "actions": [approval]}],
    }
    server.client("codepipeline").create_pipeline(pipeline=pipeline)
    return []
