"""Builds that cannot succeed: AWS's phase and error, the reason in the log, and no image lost or half pushed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.conftest import until
from tests.server import ACCOUNT, REGION, unique

Clients = Callable[..., Any]
DOCKER = """
version: 0.2
phases:
  pre_build:
    commands:
      - $(aws ecr get-login --no-include-email --region $AWS_DEFAULT_REGION)
  build:
    commands:
      - docker build -t REGISTRY/NAME:latest .
  post_build:
    commands:
      - test "$CODEBUILD_BUILD_SUCCEEDING" = 1 && docker push REGISTRY/NAME:latest
"""
FAILS = """
version: 0.2
phases:
  pre_build:
    commands:
      - echo before
      - exit 3
    finally:
      - echo at last
  build:
    commands:
      - echo never reached
"""


@pytest.fixture(scope="module")
def project(client: Clients) -> str:
    """A project with a registry and a source bucket of the same name."""
    name = unique("wrong")
    trust = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    client("iam").attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    client("ecr").create_repository(repositoryName=name)
    client("s3").create_bucket(Bucket=name)
    client("codebuild").create_project(
        name=name,
        source={"type": "S3", "location": f"{name}/source.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "privilegedMode": True,
        },
        serviceRole=role,
    )
    return name


def build(client: Clients, project: str, **files: str) -> tuple[dict[str, Any], list[str]]:
    """Builds these files: the build once it has ended, and its log."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    client("s3").put_object(Bucket=project, Key="source.zip", Body=packed.getvalue())
    builds = client("codebuild")
    started = builds.start_build(projectName=project)["build"]["id"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = builds.batch_get_builds(ids=[started])["builds"][0]
        return found if found["buildComplete"] else None

    done: dict[str, Any] = until(ended, "the build")
    logs = client("logs").get_paginator("filter_log_events")
    stream = started.partition(":")[2]
    pages = logs.paginate(logGroupName=f"/aws/codebuild/{project}", logStreamNames=[stream])
    return done, [event["message"].rstrip("\n") for page in pages for event in page["events"]]


def failure(done: dict[str, Any]) -> tuple[str, str, str]:
    """The first phase that failed, with its context's code and message."""
    phase = next(each for each in done["phases"] if each.get("phaseStatus") == "FAILED")
    context = phase["contexts"][0]
    return phase["phaseType"], context["statusCode"], context["message"]


def test_a_buildspec_that_is_not_yaml_fails_before_any_command(client: Clients, project: str) -> None:
    done, log = build(client, project, buildspec_yml="version: 0.2\nphases: [build: {")
    assert done["buildStatus"] == "FAILED"
    phase, code, message = failure(done)
    assert (phase, code) == ("DOWNLOAD_SOURCE", "YAML_FILE_ERROR")
    assert "line 2" in message
    assert not any("Running command" in line for line in log)


def test_a_command_that_fails_ends_the_build_after_finally(client: Clients, project: str) -> None:
    done, log = build(client, project, buildspec_yml=FAILS)
    assert done["buildStatus"] == "FAILED"
    phase, code, message = failure(done)
    assert (phase, code) == ("PRE_BUILD", "COMMAND_EXECUTION_ERROR")
    assert message == "Error while executing command: exit 3. Reason: exit status 3"
    assert "at last" in log
    assert "never reached" not in log


def test_a_dockerfile_that_does_not_build_leaves_the_image_before(client: Clients, project: str) -> None:
    buildspec = DOCKER.replace("REGISTRY", f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com").replace("NAME", project)
    done, log = build(client, project, buildspec_yml=buildspec, Dockerfile="FROM debian:12\nRUN true\n")
    assert done["buildStatus"] == "SUCCEEDED", log

    def images() -> list[tuple[str, list[str]]]:
        found = client("ecr").describe_images(repositoryName=project)["imageDetails"]
        return [(image["imageDigest"], image["imageTags"]) for image in found]

    before = images()
    assert [tags for _, tags in before] == [["latest"]]
    done, log = build(client, project, buildspec_yml=buildspec, Dockerfile="FROM debian:12\nRUN no-such-program\n")
    assert done["buildStatus"] == "FAILED"
    assert failure(done)[:2] == ("BUILD", "COMMAND_EXECUTION_ERROR")
    assert any("no-such-program: not found" in line for line in log), log
    assert images() == before
