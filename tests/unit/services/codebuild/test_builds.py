"""Builds from start to end, with the real agent in the place of a container."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.containers.specification import Exit
from boatyard.services.codebuild.builds import workflow
from tests.unit.services.codebuild.conftest import BuildEngine, build, contexts, finished, log_of, now_of, project
from tests.unit.services.sagemaker.fake_engine import FakeContainer
from tests.unit.services.workloads import eventually, zipped

HELLO = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo hello\n"


def test_a_build_runs_its_phases_and_leaves_nothing_behind(
    call: Call, role: str, engine: BuildEngine, started: Installation
) -> None:
    project(call, role, HELLO)
    done = build(call)
    assert done["buildStatus"] == "SUCCEEDED"
    assert [phase["phaseType"] for phase in done["phases"]] == [
        "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD",
        "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED",
    ]  # fmt: skip
    assert "hello" in log_of(call, done)
    eventually(lambda: not list((started.data_directory / "codebuild" / "builds").iterdir()))
    assert engine.made == {}
    assert engine.removed_networks == [engine.started[0].network]


def test_variables_of_the_start_win_over_the_projects_and_those_over_the_buildspecs(
    call: Call, role: str, engine: BuildEngine
) -> None:
    call.invoke("ssm", "PutParameter", Name="/lab/key", Value="very-secret", Type="SecureString")
    spec = """
version: 0.2
env:
  variables: {ONE: spec, TWO: spec, THREE: spec, VERSION: 3.10}
  parameter-store: {KEY: /lab/key}
  exported-variables: [ONE, TWO, THREE, VERSION]
phases:
  build:
    commands: ['echo "the key is $KEY"', 'echo $CODEBUILD_BUILD_NUMBER $CODEBUILD_INITIATOR']
"""
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "environmentVariables": [{"name": "TWO", "value": "project"}, {"name": "THREE", "value": "project"}],
    }
    project(call, role, spec, environment=environment)
    done = build(call, environmentVariablesOverride=[{"name": "THREE", "value": "start"}])
    exported = {each["name"]: each["value"] for each in done["exportedEnvironmentVariables"]}
    assert exported == {"ONE": "spec", "TWO": "project", "THREE": "start", "VERSION": "3.10"}
    assert "the key is ***" in log_of(call, done)
    assert "1 root" in log_of(call, done)
    assert "very-secret" not in str(engine.started[0])


def test_artifacts_go_where_project_and_buildspec_say(call: Call, role: str, engine: BuildEngine) -> None:
    spec = """
version: 0.2
phases:
  build:
    commands: [mkdir -p out/deep, echo a > out/a.txt, echo b > out/deep/b.txt, echo c > out/c.log, TAG=v7]
artifacts:
  files: ['**/*']
  exclude-paths: ['*.log']
  base-directory: out
  name: made-$TAG
  secondary-artifacts:
    flat: {files: [out/deep/b.txt], discard-paths: yes}
"""
    bucket = {"type": "S3", "location": "lab-builds"}
    project(
        call,
        role,
        spec,
        artifacts=bucket | {"path": "zips", "packaging": "ZIP", "name": "unused", "overrideArtifactName": True},
        secondaryArtifacts=[bucket | {"artifactIdentifier": "flat", "name": "second", "namespaceType": "BUILD_ID"}],
    )
    done = build(call)
    assert done["buildStatus"] == "SUCCEEDED", contexts(done)
    keys = [each["Key"] for each in call.invoke("s3", "ListObjectsV2", Bucket="lab-builds")["Contents"]]
    assert sorted(keys) == sorted([f"{done['id'].split(':')[1]}/second/b.txt", "zips/made-v7"])


def test_artifacts_that_are_not_there_fail_the_build(call: Call, role: str, engine: BuildEngine) -> None:
    spec = HELLO + "artifacts:\n  files: [absent]\n"
    project(call, role, spec, artifacts={"type": "S3", "location": "lab-builds"})
    done = build(call)
    assert done["buildStatus"] == "FAILED"
    assert contexts(done)["UPLOAD_ARTIFACTS"] == (
        "FAILED", "CLIENT_ERROR", "no matching artifact paths found: absent",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("version: 0.2\nphases: [\n", "The buildspec is not YAML at line 3"),
        (
            "version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b\n",
            "command 1 is not a text but a mapping",
        ),
        ("version: 0.2\nphases:\n  install:\n    runtime-versions: {java: 8}\n", "Unknown runtime java"),
    ],
)
def test_a_wrong_buildspec_fails_the_build_before_a_container_runs(
    call: Call, role: str, engine: BuildEngine, spec: str, said: str
) -> None:
    project(call, role, spec)
    done = build(call)
    assert done["buildStatus"] == "FAILED"
    status, code, message = contexts(done)["DOWNLOAD_SOURCE"]
    assert (status, code) == ("FAILED", "YAML_FILE_ERROR")
    assert said in message
    assert engine.started == []


def test_a_buildspec_may_be_an_object_in_s3(call: Call, role: str, engine: BuildEngine) -> None:
    call.invoke("s3", "PutObject", Bucket="lab-builds", Key="specs/a.yml", Body=HELLO.encode())
    project(call, role, "arn:aws:s3:::lab-builds/specs/a.yml")
    assert build(call)["buildStatus"] == "SUCCEEDED"
    failed = build(call, buildspecOverride="arn:aws:s3:::lab-builds/absent.yml")
    assert "NoSuchKey" in contexts(failed)["DOWNLOAD_SOURCE"][2]


def test_a_source_comes_from_s3_and_its_buildspec_may_change_while_it_runs(
    call: Call, role: str, engine: BuildEngine
) -> None:
    spec = "version: 0.2\nphases:\n  build:\n    commands: [cat words, echo broken > buildspec.yml]\n"
    call.invoke(
        "s3", "PutObject", Bucket="lab-builds", Key="s.zip", Body=zipped({"buildspec.yml": spec, "words": "from s3\n"})
    )
    project(call, role, spec, source={"type": "S3", "location": "lab-builds/s.zip"})
    done = build(call)
    assert done["buildStatus"] == "SUCCEEDED", contexts(done)
    assert "from s3" in log_of(call, done)
    call.invoke("s3", "PutObject", Bucket="lab-builds", Key="s.zip", Body=zipped({"../evil": "x"}))
    assert "leads out of it" in contexts(build(call))["DOWNLOAD_SOURCE"][2]


def test_a_cache_in_s3_reaches_the_next_build_until_it_is_invalidated(
    call: Call, role: str, engine: BuildEngine
) -> None:
    spec = (
        "version: 0.2\nphases:\n  build:\n    commands:\n"
        "      - if test -f kept/it; then echo warm; else echo cold; fi\n"
        "      - mkdir -p kept; touch kept/it\n"
        "cache:\n  paths: ['kept/**/*']\n"
    )
    project(call, role, spec, cache={"type": "S3", "location": "lab-builds/caches"})

    def temperature() -> list[str]:
        lines = log_of(call, build(call))
        return [line for line in lines if line in ("warm", "cold")]

    # Paths of a cache are absolute in a container; here each build has a directory of its own.
    assert temperature() == ["cold"]
    keys = [each["Key"] for each in call.invoke("s3", "ListObjectsV2", Bucket="lab-builds")["Contents"]]
    assert keys == ["caches/lab-0"]
    call.invoke("codebuild", "InvalidateProjectCache", projectName="lab")
    assert temperature() == ["cold"]
    keys = [each["Key"] for each in call.invoke("s3", "ListObjectsV2", Bucket="lab-builds")["Contents"]]
    assert keys == ["caches/lab-0", "caches/lab-1"]


def waiting(engine: BuildEngine) -> threading.Event:
    """Makes the builds' containers wait until they are stopped; set when one runs."""
    running = threading.Event()

    def program(container: FakeContainer) -> int:
        container.print("waiting")
        running.set()
        container.stopped.wait(120)
        return 143

    engine.instead = program
    return running


def test_a_build_is_stopped_and_says_so(call: Call, role: str, engine: BuildEngine) -> None:
    running = waiting(engine)
    project(call, role, HELLO)
    identity = call.invoke("codebuild", "StartBuild", projectName="lab")["build"]["id"]
    assert running.wait(120)
    second = call.invoke("codebuild", "StartBuild", projectName="lab")["build"]["id"]
    call.invoke("codebuild", "StopBuild", id=second)
    queued = finished(call, second)
    assert (queued["buildStatus"], contexts(queued)["QUEUED"][0]) == ("STOPPED", "STOPPED")
    call.invoke("codebuild", "StopBuild", id=identity)
    done = finished(call, identity)
    assert done["buildStatus"] == "STOPPED"
    assert "waiting" in log_of(call, done)
    eventually(lambda: engine.made == {})


@pytest.mark.usefixtures("started")
def test_a_build_that_takes_too_long_is_ended(
    call: Call, role: str, engine: BuildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "begun", lambda build: build.started - timedelta(hours=1))
    running = waiting(engine)
    project(call, role, HELLO)
    identity = call.invoke("codebuild", "StartBuild", projectName="lab", timeoutInMinutesOverride=5)["build"]["id"]
    assert running.wait(120)
    done = finished(call, identity)
    assert done["buildStatus"] == "TIMED_OUT"
    assert "timed out after 5 minutes" in str(contexts(done))


@pytest.mark.parametrize(
    ("exit_", "said"),
    [(Exit(137, out_of_memory=True), "was killed for using too much memory"), (Exit(9), "exit code 9")],
)
def test_a_container_that_dies_fails_the_build(
    call: Call, role: str, engine: BuildEngine, exit_: Exit, said: str
) -> None:
    engine.instead = lambda container: exit_
    project(call, role, HELLO)
    done = build(call)
    assert done["buildStatus"] == "FAILED"
    assert any(said in message for _, _, message in contexts(done).values())


def test_a_silent_engine_is_waited_for(call: Call, role: str, engine: BuildEngine, started: Installation) -> None:
    running, go = threading.Event(), threading.Event()

    def program(container: FakeContainer) -> int:
        running.set()
        go.wait(120)
        root = container.root("/codebuild/output")
        (root / "progress.jsonl").write_text(
            '{"time": 0, "event": "exported", "variables": {"A": "1"}, "artifact_names": {}}\n'
        )
        return 0

    engine.instead = program
    project(call, role, HELLO)
    identity = call.invoke("codebuild", "StartBuild", projectName="lab")["build"]["id"]
    assert running.wait(120)
    engine.down.set()
    go.set()
    assert not now_of(call, identity)["buildComplete"]
    engine.down.clear()
    done = finished(call, identity)
    assert done["buildStatus"] == "SUCCEEDED", contexts(done)
    assert done["exportedEnvironmentVariables"] == [{"name": "A", "value": "1"}]


def test_builds_that_ended_are_retried_and_deleted(call: Call, role: str, engine: BuildEngine) -> None:
    project(call, role, HELLO)
    done = build(call)
    again = call.invoke("codebuild", "RetryBuild", id=done["id"])["build"]
    assert again["buildNumber"] == 2
    assert finished(call, again["id"])["buildStatus"] == "SUCCEEDED"
    deleted = call.invoke("codebuild", "BatchDeleteBuilds", ids=[done["id"], "lab:absent"])
    assert deleted["buildsDeleted"] == [done["arn"]]
    assert deleted["buildsNotDeleted"][0]["id"] == "lab:absent"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "a/b"}, "Invalid project name"),
        ({"source": {"type": "GITHUB", "location": "x"}}, "does not support the source type GITHUB"),
        ({"source": {"type": "NO_SOURCE"}}, "a buildspec is required"),
        ({"cache": {"type": "S3"}}, "Invalid cache"),
        ({"cache": {"type": "LOCAL"}}, "at least one mode"),
        ({"serviceRole": "arn:aws:iam::1:role"}, "Invalid service role"),
        ({"vpcConfig": {"vpcId": "vpc-1"}}, "does not support vpcConfig"),
        ({"secondarySources": [{"type": "S3", "location": "b/k", "sourceIdentifier": "../x"}]}, "sourceIdentifier"),
        ({"artifacts": {"type": "S3"}}, "a location (the bucket) is required"),
    ],
)
def test_wrong_projects_are_refused(
    call: Call, role: str, started: Installation, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ApiError) as refused:
        project(call, role, HELLO, **given)
    assert refused.value.code == "InvalidInputException"
    assert said in refused.value.message


def test_names_that_are_not_there_or_there_twice(call: Call, role: str, started: Installation) -> None:
    with pytest.raises(ApiError, match="Project cannot be found: arn:aws:codebuild:us-east-1:000000000000:project/no"):
        call.invoke("codebuild", "StartBuild", projectName="no")
    project(call, role, HELLO)
    with pytest.raises(ApiError, match="Project already exists: arn:aws:codebuild") as twice:
        project(call, role, HELLO)
    assert twice.value.code == "ResourceAlreadyExistsException"
    assert call.invoke("codebuild", "BatchGetProjects", names=["lab", "no"])["projectsNotFound"] == ["no"]
