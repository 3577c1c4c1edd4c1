"""Training jobs that plant links, pipes and odd names where the server looks for their results."""

from __future__ import annotations

import io
import os
import shutil
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.bodies import whole
from boatyard.api.call import Call
from tests.unit.services.sagemaker.fake_engine import FakeContainer, FakeEngine
from tests.unit.services.sagemaker.training_jobs.test_workflow import finished

SECRET = "the host's own"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder of the host that no job was given, with what an attacker may want."""
    folder = tmp_path / "host"
    (folder / "data").mkdir(parents=True)
    (folder / "tensors").mkdir()
    for place in (folder, folder / "data", folder / "tensors"):
        (place / "secret").write_text(SECRET)
    (folder / "failure").write_text(SECRET)
    return folder


def run(call: Call, engine: FakeEngine, request: dict[str, Any], plant: Callable[[Path], object], code: int = 0) -> Any:
    """The description of a job whose container does `plant` with its /opt/ml and ends with `code`."""

    def program(container: FakeContainer) -> int:
        plant(container.root())
        return code

    engine.programs["train"] = program
    call.invoke("sagemaker", "CreateTrainingJob", **request)
    return finished(call)


def everything(call: Call) -> dict[str, bytes]:
    """All objects below models/ and checkpoints/, those of archives unpacked."""
    found = {}
    for entry in call.invoke("s3", "ListObjectsV2", Bucket="lab-data").get("Contents", []):
        content = whole(call.invoke("s3", "GetObject", Bucket="lab-data", Key=entry["Key"])["Body"])
        found[entry["Key"]] = content
        if entry["Key"].endswith(".tar.gz"):
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    found[f"{entry['Key']}!{member.name}"] = file.read() if file else member.type
    return found


def replace(path: Path, target: Path) -> None:
    shutil.rmtree(path)
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("below", "compression"),
    [
        ("model", "GZIP"),
        ("model", "NONE"),
        ("output", "GZIP"),
        ("output/data", "GZIP"),
        ("output/data", "NONE"),
        ("output/tensors", "GZIP"),
        ("checkpoints", "GZIP"),
    ],
)
def test_a_link_in_a_folders_place_is_not_followed(
    call: Call, engine: FakeEngine, job_request: dict[str, Any], host: Path, below: str, compression: str
) -> None:
    def plant(root: Path) -> None:
        (root / "model" / "mine").write_text("mine")
        (root / below).mkdir(exist_ok=True)
        replace(root / below, host)

    job_request["OutputDataConfig"]["CompressionType"] = compression
    job_request["CheckpointConfig"] = {"S3Uri": "s3://lab-data/checkpoints"}
    job_request["DebugHookConfig"] = {"S3OutputPath": "s3://lab-data/tensors"}
    job = run(call, engine, job_request, plant)
    assert job["TrainingJobStatus"] == "Failed"
    assert "is not a folder any more" in job["FailureReason"]
    assert SECRET.encode() not in everything(call).values()


def test_a_failure_file_behind_a_link_is_not_told(
    call: Call, engine: FakeEngine, job_request: dict[str, Any], host: Path
) -> None:
    job = run(call, engine, job_request, lambda root: replace(root / "output", host), code=3)
    assert job["TrainingJobStatus"] == "Failed"
    assert SECRET not in job["FailureReason"]


@pytest.mark.parametrize("name", ["model.tar.gz", "output.tar.gz"])
def test_what_is_packed_goes_to_no_place_that_the_container_chose(
    call: Call, engine: FakeEngine, job_request: dict[str, Any], host: Path, name: str
) -> None:
    def plant(root: Path) -> None:
        (root / "model" / "mine").write_text("mine")
        (root / "output" / "data" / "mine").write_text("mine")
        (root / name).symlink_to(host / "secret")

    assert run(call, engine, job_request, plant)["TrainingJobStatus"] == "Completed"
    assert (host / "secret").read_text() == SECRET
    assert everything(call)["models/job/output/output.tar.gz!mine"] == b"mine"


def test_links_pipes_sockets_and_odd_names_neither_lead_out_nor_hang(
    call: Call, engine: FakeEngine, job_request: dict[str, Any], host: Path
) -> None:
    def plant(root: Path) -> None:
        for folder in (root / "model", root / "output" / "data", root / "checkpoints"):
            (folder / "mine").write_text("mine")
            (folder / "link").symlink_to(host / "secret")
            (folder / "folder-link").symlink_to(host)
            (folder / "up").symlink_to("../../../../../../../../../../etc/shadow")
            os.mkfifo(folder / "pipe")
            (folder / "two\nlines").write_text("odd")
            os.link(folder / "mine", folder / "the same")
            with socket.socket(socket.AF_UNIX) as server:
                os.chdir(folder)  # a socket's path is short
                server.bind("socket")
        os.mkfifo(root / "output" / "failure")

    before = Path.cwd()
    job_request["CheckpointConfig"] = {"S3Uri": "s3://lab-data/checkpoints"}
    try:
        job = run(call, engine, job_request, plant)
    finally:
        os.chdir(before)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = everything(call)
    packed = {key.partition("!")[2]: content for key, content in found.items() if "model.tar.gz!" in key}
    assert packed == {
        "mine": b"mine",
        "the same": tarfile.LNKTYPE,
        "two\nlines": b"odd",
        "link": tarfile.SYMTYPE,
        "folder-link": tarfile.SYMTYPE,
        "up": tarfile.SYMTYPE,
    }
    kept = {key.removeprefix("checkpoints/") for key in found if key.startswith("checkpoints/")}
    assert kept == {"mine", "the same", "two\nlines"}
    assert SECRET.encode() not in found.values()


def test_folders_nested_without_end_fail_the_job_and_are_removed(
    call: Call, engine: FakeEngine, job_request: dict[str, Any]
) -> None:
    roots = []

    def plant(root: Path) -> None:
        roots.append(root)
        folder = os.open(root / "model", os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=folder)
            inner = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = inner
        os.close(folder)

    job = run(call, engine, job_request, plant)
    assert job["TrainingJobStatus"] == "Failed"
    assert "nested" in job["FailureReason"]
    assert not roots[0].exists()


def test_a_name_that_is_no_text_fails_the_upload_of_single_files(
    call: Call, engine: FakeEngine, job_request: dict[str, Any]
) -> None:
    job_request["OutputDataConfig"]["CompressionType"] = "NONE"
    job = run(call, engine, job_request, lambda root: (root / "model" / "\udcff").write_text("mine"))
    assert job["TrainingJobStatus"] == "Failed"
    assert "not UTF-8" in job["FailureReason"]
