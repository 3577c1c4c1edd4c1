"""What a training job leaves behind: model.tar.gz, output.tar.gz and checkpoints, brought to S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from boatyard.api.call import Call
from boatyard.containers.foreign_files import opened_folder, walk
from boatyard.services.sagemaker import archives, s3_locations, s3_transfer
from boatyard.services.sagemaker.training_jobs.layout import OptMl
from boatyard.services.sagemaker.training_jobs.records import TrainingJob

OUTPUT_DATA = ("output", "data")
TENSORS = ("output", "tensors")


def artifacts_uri(job: TrainingJob) -> str:
    """ModelArtifacts.S3ModelArtifacts: S3OutputPath/JOB/output/model.tar.gz, or the folder when not compressed."""
    name = "model/" if _plain(job.request) else "model.tar.gz"
    return s3_locations.join(job.request["OutputDataConfig"]["S3OutputPath"], job.name, "output", name)


def upload(call: Call, job: TrainingJob, root: Path, *, model: bool) -> None:
    """Brings the model (when asked for) and the output data to S3 as the job's role."""
    if model:
        _upload(call, job, root, ("model",), "model")
    with opened_folder(root, *OUTPUT_DATA) as folder:
        anything = folder is not None and bool(next(walk(folder))[1])
    if anything:
        _upload(call, job, root, OUTPUT_DATA, "output")
    hook = job.request.get("DebugHookConfig")
    if hook:
        bucket, prefix = s3_locations.parse(
            s3_locations.join(hook["S3OutputPath"], job.name, "debug-output", ""), "DebugHookConfig.S3OutputPath"
        )
        with opened_folder(root, *TENSORS) as folder:
            if folder is not None:
                s3_transfer.upload_tree(call, folder, bucket, prefix)


def packing_directory(root: Path) -> Path:
    """Where a job's archives are packed: beside its /opt/ml, where the container cannot plant anything."""
    return root.with_name(f"{root.name}-results")


def _upload(call: Call, job: TrainingJob, root: Path, below: tuple[str, ...], name: str) -> None:
    output = job.request["OutputDataConfig"]
    uri = s3_locations.join(output["S3OutputPath"], job.name, "output", name)
    bucket, key = s3_locations.parse(uri, "S3OutputPath")
    kms_key = output.get("KmsKeyId") or None
    with opened_folder(root, *below) as folder:
        if _plain(job.request):
            if folder is not None:
                s3_transfer.upload_tree(call, folder, bucket, key + "/", kms_key)
            return
        archive = packing_directory(root) / f"{name}.tar.gz"
        archive.parent.mkdir(exist_ok=True, mode=0o700)
        archives.pack(folder, archive)
    s3_transfer.upload_file(call, archive, bucket, key + ".tar.gz", kms_key)
    archive.unlink()


def _plain(request: dict[str, Any]) -> bool:
    return bool(request["OutputDataConfig"].get("CompressionType", "GZIP") == "NONE")


class Checkpoints:
    """Keeps the checkpoint folder and its place in S3 in step."""

    def __init__(self, job: TrainingJob, root: Path) -> None:
        given = job.request.get("CheckpointConfig")
        self._root = root
        self._directory = OptMl(root).checkpoints
        self._known: dict[str, tuple[int, int]] = {}
        self._place: tuple[str, str] | None = None
        if given:
            bucket, prefix = s3_locations.parse(given["S3Uri"], "CheckpointConfig.S3Uri")
            self._place = bucket, prefix.rstrip("/") + "/" if prefix else ""

    def restore(self, call: Call) -> int:
        """Brings what an earlier job saved to the folder; answers how many files."""
        if self._place is None:
            return 0
        bucket, prefix = self._place
        count = 0
        for key in s3_transfer.keys(call, bucket, prefix):
            path = s3_locations.relative_path(key, prefix)
            if path is not None:
                s3_transfer.download(call, bucket, key, self._directory / path)
                count += 1
        return count

    def save(self, call: Call) -> None:
        """Brings files that are new or changed to S3."""
        if self._place is not None:
            with opened_folder(self._root, "checkpoints") as folder:
                if folder is not None:
                    s3_transfer.upload_tree(call, folder, *self._place, known=self._known)

    @property
    def wanted(self) -> bool:
        """Whether the job has a CheckpointConfig."""
        return self._place is not None
