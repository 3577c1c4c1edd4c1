"""Builds whose commands plant links, pipes and odd names where the server looks for what they have made."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.bodies import whole
from boatyard.api.call import Call
from boatyard.api.installation import Installation
from tests.unit.services.codebuild.conftest import BuildEngine, build, contexts, project, run_in_place
from tests.unit.services.sagemaker.fake_engine import FakeContainer
from tests.unit.services.workloads import eventually

SPEC = """
version: 0.2
phases: {build: {commands: [echo made > made]}}
cache: {paths: [made]}
artifacts: {files: ["**/*"]}
"""
BUCKET = {"type": "S3", "location": "lab-builds", "name": "made", "packaging": "ZIP"}
SECRET = "the host's own"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the host that no build was given."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def run(call: Call, role: str, engine: BuildEngine, plant: Callable[[Path], object], **settings: Any) -> dict[str, Any]:
    """A build in which, when its commands have run, `plant` has its way with its folders."""

    def instead(container: FakeContainer) -> int:
        code = run_in_place(container)
        plant(container.root("/codebuild/output").parent)
        return code

    engine.instead = instead
    project(call, role, SPEC, **settings)
    return build(call)


def objects(call: Call) -> dict[str, bytes]:
    listing = call.invoke("s3", "ListObjectsV2", Bucket="lab-builds").get("Contents", [])
    return {
        entry["Key"]: whole(call.invoke("s3", "GetObject", Bucket="lab-builds", Key=entry["Key"])["Body"])
        for entry in listing
    }


def replaced(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


def test_a_link_in_the_caches_place_is_not_uploaded(call: Call, role: str, engine: BuildEngine, secret: Path) -> None:
    cache = {"type": "S3", "location": "lab-builds/cache"}
    done = run(call, role, engine, lambda root: replaced(root / "cache" / "new.tar", secret), cache=cache)
    assert done["buildStatus"] == "SUCCEEDED"
    assert objects(call) == {}


def test_folders_in_the_places_of_a_local_cache_do_not_stop_later_builds(
    call: Call, role: str, engine: BuildEngine, started: Installation
) -> None:
    cache = {"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]}

    def plant(_: Path) -> None:
        for folder in started.data_directory.glob("codebuild/projects/*/cache"):
            (folder / "new.tar").unlink()
            for name in ("new.tar", "cache.tar"):
                (folder / name / "in").mkdir(parents=True)

    assert run(call, role, engine, plant, cache=cache)["buildStatus"] == "SUCCEEDED"
    engine.instead = None
    assert build(call)["buildStatus"] == "SUCCEEDED"
    kept = next(started.data_directory.glob("codebuild/projects/*/cache/cache.tar"))
    assert kept.is_file()


LIES = {
    "no JSON": b"}\n",
    "another phase": b'{"time": 1, "event": "started", "phase": "QUEUED"}\n',
    "no time": b'{"time": 1e300, "event": "started", "phase": "BUILD"}\n',
    "no text": b'{"time": 1, "event": "exported", "variables": {"A": [1]}}\n',
    "a line without end": b"x" * 5_000_000,
    "too many lines": b'{"time": 1, "event": "started", "phase": "BUILD"}\n' * 2000,
}


@pytest.mark.parametrize("lie", [*LIES, "link", "device", "pipe"])
def test_a_progress_file_that_was_tampered_with_fails_the_build(
    call: Call, role: str, engine: BuildEngine, secret: Path, lie: str
) -> None:
    def instead(container: FakeContainer) -> int:
        path = container.root("/codebuild/output") / "progress.jsonl"
        path.unlink(missing_ok=True)
        if lie in LIES:
            path.write_bytes(LIES[lie])
        elif lie == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(secret if lie == "link" else Path("/dev/zero"))
        return 0

    engine.instead = instead
    project(call, role, SPEC)
    done = build(call)
    assert done["buildStatus"] == "FAILED"
    assert SECRET not in json.dumps(contexts(done))


def test_artifacts_lead_nowhere_and_pipes_are_left_out(
    call: Call, role: str, engine: BuildEngine, secret: Path
) -> None:
    def plant(root: Path) -> None:
        os.mkfifo(root / "src" / "pipe")
        (root / "src" / "folder").symlink_to(secret.parent)
        (root / "src" / "two\nlines").write_text("odd")

    assert run(call, role, engine, plant, artifacts=BUCKET)["buildStatus"] == "SUCCEEDED"
    with zipfile.ZipFile(io.BytesIO(objects(call)["made"])) as archive:
        assert sorted(archive.namelist()) == ["made", "two\nlines"]

    def instead(container: FakeContainer) -> int:
        code = run_in_place(container)
        replaced(container.root("/codebuild/src") / "made", secret)
        return code

    engine.instead = instead
    done = build(call)
    assert done["buildStatus"] == "FAILED"
    assert "leads out of the source" in contexts(done)["UPLOAD_ARTIFACTS"][2]


def test_a_name_that_is_no_text_fails_the_upload_and_deep_folders_are_removed(
    call: Call, role: str, engine: BuildEngine, started: Installation
) -> None:
    def plant(root: Path) -> None:
        (root / "src" / "\udcff").write_text("odd")
        folder = os.open(root / "output", os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=folder)
            inner = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = inner
        os.close(folder)

    done = run(call, role, engine, plant, artifacts=BUCKET)
    assert done["buildStatus"] == "FAILED"
    assert "is not UTF-8" in contexts(done)["UPLOAD_ARTIFACTS"][2]
    eventually(lambda: not list((started.data_directory / "codebuild" / "builds").iterdir()))
