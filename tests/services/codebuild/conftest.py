"""What CodeBuild's tests share: a role, a bucket, and builds that are run to their end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique

LIMIT = 240.0


class Builds:
    """Projects and builds on a server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.codebuild = server.client("codebuild")
        self.role = make_role(server.client("iam"))
        self.bucket = unique("builds")
        server.client("s3").create_bucket(Bucket=self.bucket)

    def project(self, spec: str, *, privileged: bool = False, **settings: Any) -> str:
        """A new project that runs a buildspec; its name."""
        name = unique("project")
        self.codebuild.create_project(
            **{
                "name": name,
                "serviceRole": self.role,
                "source": {"type": "NO_SOURCE", "buildspec": spec},
                "artifacts": {"type": "NO_ARTIFACTS"},
                "environment": {
                    "type": "LINUX_CONTAINER",
                    "image": "aws/codebuild/standard:7.0",
                    "computeType": "BUILD_GENERAL1_SMALL",
                    "privilegedMode": privileged,
                },
                **settings,
            }
        )
        return name

    def start(self, project: str, **overrides: Any) -> str:
        """A new build's id."""
        return str(self.codebuild.start_build(projectName=project, **overrides)["build"]["id"])

    def now(self, identity: str) -> dict[str, Any]:
        """A build as it is."""
        found: dict[str, Any] = self.codebuild.batch_get_builds(ids=[identity])["builds"][0]
        return found

    def ended(self, identity: str) -> dict[str, Any]:
        """A build once it has ended."""
        eventually(lambda: self.now(identity)["buildComplete"])
        return self.now(identity)

    def run(self, project: str, **overrides: Any) -> dict[str, Any]:
        """A build of a project, run to its end."""
        return self.ended(self.start(project, **overrides))

    def log(self, identity: str) -> list[str]:
        """What a build has logged."""
        project, _, stream = identity.partition(":")
        try:
            answer = self.server.client("logs").get_log_events(
                logGroupName=f"/aws/codebuild/{project}", logStreamName=stream, startFromHead=True
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        return [event["message"] for event in answer["events"]]


def make_role(iam: Any) -> str:
    """A new role for CodeBuild."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    name = unique("codebuild-role")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    return str(arn)


def contexts(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The phases' status and the message of their context."""
    return {
        each["phaseType"]: (each["phaseStatus"], each["contexts"][0]["message"])
        for each in found["phases"]
        if "contexts" in each
    }


def eventually(ready: Callable[[], Any], timeout: float = LIMIT) -> Any:
    """What `ready` answers once it is true."""
    deadline = time.monotonic() + timeout
    while not (answer := ready()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def builds(server: RunningServer) -> Builds:
    """Builds on the shared server."""
    return Builds(server)
