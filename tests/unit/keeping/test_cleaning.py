"""What each service names as garbage: nothing that is in use, and all that is not."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.api.keeping import Policy
from boatyard.api.timestamps import milliseconds, now
from boatyard.containers.errors import EngineError
from boatyard.keeping import cleaning
from boatyard.services.codebuild import keeping as codebuild
from boatyard.services.codebuild.builds.directories import project_digest
from boatyard.services.codebuild.records import BUILDS, PROJECTS, Build, Project
from boatyard.services.lambda_ import keeping as lambda_
from boatyard.services.lambda_.invocations.instance import Instance
from boatyard.services.lambda_.invocations.pool import pool_of
from boatyard.services.lambda_.packages import unpacked
from boatyard.services.lambda_.records import FUNCTIONS, LATEST, Function
from boatyard.services.logs.hooks import expire_events
from boatyard.services.sagemaker import keeping as sagemaker
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS, Endpoint, Fleet, Variant
from boatyard.services.sagemaker.training_jobs.container import container_name
from boatyard.services.sagemaker.training_jobs.records import JOBS, TrainingJob
from boatyard.settings import Settings

AT_ONCE = Policy(unused_seconds=-1, build_cache_seconds=24 * 3600, history_seconds=365 * 24 * 3600)


def _zip(text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", text)
    return content.getvalue()


def _age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


@pytest.fixture
def function(call: Call) -> Function:
    """A function whose code is unpacked."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = call.invoke("iam", "CreateRole", RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    call.invoke(
        "lambda",
        "CreateFunction",
        FunctionName="echo",
        Runtime="python3.11",
        Role=role,
        Handler="code.handler",
        Code={"ZipFile": _zip("first")},
    )
    found = _function(call.installation)
    unpacked(call.installation, [found.package])
    return found


def _function(installation: Installation) -> Function:
    with installation.database.reading() as rx:
        found = FUNCTIONS.get(rx, "000000000000", "us-east-1", "echo", LATEST)
    assert found is not None
    return found


def test_code_goes_when_neither_a_function_nor_an_instance_has_it(call: Call, function: Function) -> None:
    installation = call.installation
    assert list(lambda_.garbage(installation, AT_ONCE)) == []
    call.invoke("lambda", "UpdateFunctionCode", FunctionName="echo", ZipFile=_zip("second"))
    new = unpacked(installation, [_function(installation).package])
    running = Instance(installation, function)
    pool_of(installation)._by_function["echo"].add(running)
    assert list(lambda_.garbage(installation, AT_ONCE)) == [], "an instance runs it"
    pool_of(installation)._by_function["echo"].clear()
    (old,) = lambda_.garbage(installation, AT_ONCE)
    assert list(lambda_.garbage(installation, Policy(60, 60, 60))) == [], "it was used a moment ago"
    old.remove()
    assert list(new.parent.iterdir()) == [new]
    # The package itself is a blob that nothing refers to any more.
    for blob in installation.blobs.ids():
        _age(installation.blobs.path(blob), 7200)
    (package,) = [each for each in cleaning.garbage(installation) if each.kind == "files"]
    package.remove()
    assert unpacked(installation, [_function(installation).package]) == new
    assert list(installation.blobs.ids()) == [_function(installation).package.blob]


def _job(name: str, status: str) -> TrainingJob:
    return TrainingJob(
        account="0",
        region="r",
        name=name,
        arn=f"arn:{name}",
        request={},
        status=status,
        secondary_status=status,
        created=now(),
        modified=now(),
        image_digest=f"host/image@sha256:{name}",
    )


def test_folders_of_jobs_and_endpoints_that_are_no_more(installation: Installation) -> None:
    variant = Variant(
        name="v", position=0, generation=2, model_name="m", model={}, instance_type="t", weight=1.0, count=1,
        startup_seconds=1, image_id="sha256:id", resolved_image="host/image@sha256:served",
    )  # fmt: skip
    endpoint = Endpoint(
        account="0", region="r", name="e", arn="arn:e", uid="uid", config_name="c", status="InService",
        created=now(), modified=now(), fleet=Fleet(config_name="c", variants=(variant,)),
    )  # fmt: skip
    running, over = _job("running", "InProgress"), _job("over", "Completed")
    with installation.database.transaction() as tx:
        ENDPOINTS.put(tx, endpoint)
        JOBS.put(tx, running)
        JOBS.put(tx, over)
    base = installation.data_directory / "sagemaker"
    kept = [f"training-jobs/{container_name(running)}", "endpoints/uid/2-0"]
    left = [f"training-jobs/{container_name(over)}", "endpoints/uid/1-0", "endpoints/other", "notebook-instances/gone"]
    for name in (*kept, *left):
        (base / name).mkdir(parents=True)
    for each in sagemaker.garbage(installation, AT_ONCE):
        each.remove()
    assert all((base / name).exists() for name in kept)
    assert not any((base / name).exists() for name in left)
    with installation.database.reading() as rx:
        assert sagemaker.images_in_use(rx) == {"sha256:id", "sha256:served", "sha256:running"}


def test_caches_of_projects_that_nobody_builds_and_builds_of_long_ago(installation: Installation) -> None:
    day = timedelta(days=1)

    def build(project: str, identity: str, ended_ago: timedelta | None) -> Build:
        ended = None if ended_ago is None else now() - ended_ago
        return Build(
            account="0", region="r", id=f"{project}:{identity}", project=project, number=1, settings={},
            initiator="i", started=now() - 500 * day, ended=ended,
        )  # fmt: skip

    names = ("busy", "recent", "idle")
    builds = [build("busy", "now", None), build("recent", "r", day / 2), build("idle", "i", 2 * day)]
    builds.append(build("idle", "ancient", 400 * day))
    base = installation.data_directory / "codebuild"
    with installation.database.transaction() as tx:
        for each in builds:
            BUILDS.put(tx, each)
            (base / "builds" / each.uuid).mkdir(parents=True)
        for name in names:
            PROJECTS.put(tx, Project(account="0", region="r", name=name, settings={}, created=now(), modified=now()))
    caches = {name: base / "projects" / project_digest("0", "r", name) for name in (*names, "deleted")}
    for folder in caches.values():
        folder.mkdir(parents=True)
        _age(folder, 3 * 24 * 3600)
    for found in codebuild.garbage(installation, AT_ONCE):
        found.remove()
    assert [name for name, folder in caches.items() if folder.exists()] == ["busy", "recent"]
    assert [folder.name for folder in (base / "builds").iterdir()] == ["now"]
    with installation.database.reading() as rx:
        assert {each.id for each in BUILDS.select(rx)} == {"busy:now", "recent:r", "idle:i"}


def test_logs_without_a_retention_of_their_own_have_that_of_the_settings(settings: Settings) -> None:
    installation = Installation(settings.model_copy(update={"retention_logs_days": 2.0}))
    call = installation.root_call()
    old = milliseconds() - 3 * 24 * 3600 * 1000
    for group, retention in (("plain", None), ("longer", 30)):
        call.invoke("logs", "CreateLogGroup", logGroupName=group)
        call.invoke("logs", "CreateLogStream", logGroupName=group, logStreamName="s")
        if retention:
            call.invoke("logs", "PutRetentionPolicy", logGroupName=group, retentionInDays=retention)
        for at, message in ((old, "old"), (milliseconds(), "new")):
            line = {"timestamp": at, "message": message}
            call.invoke("logs", "PutLogEvents", logGroupName=group, logStreamName="s", logEvents=[line])
    assert expire_events(installation) == 1
    left = {
        group: [each["message"] for each in call.invoke("logs", "FilterLogEvents", logGroupName=group)["events"]]
        for group in ("plain", "longer")
    }
    assert left == {"plain": ["new"], "longer": ["old", "new"]}
    installation.close()


def test_the_database_gives_its_free_space_back(installation: Installation) -> None:
    with installation.database.transaction() as tx:
        tx.execute("CREATE TABLE filler (content BLOB)")
        for _ in range(400):
            tx.execute("INSERT INTO filler VALUES (zeroblob(10000))")
    with installation.database.transaction() as tx:
        tx.execute("DELETE FROM filler")
    installation.database.compact()
    assert installation.database.path.stat().st_size < 2 << 20
    with installation.database.transaction() as tx:
        tx.execute("DROP TABLE filler")


def test_a_service_that_fails_does_not_hinder_the_others(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = installation.blobs.path("ab" + "0" * 30)
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    _age(orphan, 7200)

    def fail(*_: object) -> None:
        raise OSError("a disk that fails")

    monkeypatch.setattr(sagemaker, "garbage", fail)
    cleaning.clean_when_due(installation)
    assert not orphan.exists()
    orphan.write_bytes(b"x")
    _age(orphan, 7200)
    cleaning.clean_when_due(installation)
    assert orphan.exists(), "once an hour is enough"
    _age(installation.data_directory / "cleaned", 3700)
    cleaning.clean_when_due(installation)
    assert not orphan.exists()


class Bridges:
    """An engine that counts how often its networks are tidied, and cannot always."""

    def __init__(self) -> None:
        self.tidied = threading.Semaphore(0)

    def tidy_networks(self) -> None:
        """Note it, and fail as where the machine refuses."""
        self.tidied.release()
        raise EngineError("`ip link del` failed")


def test_a_start_tidies_what_a_killed_server_left_of_networks(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Bridges()
    monkeypatch.setattr(Installation, "engine", engine)
    monkeypatch.setattr(Installation, "has_engine", False)
    cleaning.tidy_networks(installation)
    assert not engine.tidied.acquire(blocking=False), "no engine is started for it"
    monkeypatch.setattr(Installation, "has_engine", True)
    cleaning.start(installation)
    assert engine.tidied.acquire(timeout=120)
