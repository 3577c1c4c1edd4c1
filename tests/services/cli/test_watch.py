"""`boatyard watch` on a pipeline that really runs: a source in S3, then an approval that the test gives."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.server import ACCOUNT, RunningServer, unique

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "codepipeline.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def _action(category: str, provider: str, **more: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": provider, "actionTypeId": kind, "runOrder": 1, **more}


@pytest.fixture
def pipeline(server: RunningServer) -> str:
    """A pipeline that waits for an approval."""
    name, bucket = unique("watched"), unique("bucket")
    s3, iam = server.client("s3"), server.client("iam")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="source.zip", Body=b"PK\x05\x06" + bytes(18))
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=ALL)
    source = _action(
        "Source",
        "S3",
        outputArtifacts=[{"name": "Source"}],
        configuration={"S3Bucket": bucket, "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"},
    )
    server.client("codepipeline").create_pipeline(
        pipeline={
            "name": name,
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            "artifactStore": {"type": "S3", "location": bucket},
            "stages": [
                {"name": "Source", "actions": [source]},
                {"name": "Approve", "actions": [_action("Approval", "Manual")]},
            ],
        }
    )
    return name


def _token(client: Any, pipeline: str) -> str:
    """The token of the approval that waits."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for stage in client.get_pipeline_state(name=pipeline)["stageStates"]:
            assert stage.get("latestExecution", {}).get("status") != "Failed", stage
            for action in stage.get("actionStates", []):
                token = action.get("latestExecution", {}).get("token")
                if token:
                    return str(token)
        time.sleep(0.1)
    raise AssertionError(f"no approval waits in {pipeline}")


@pytest.mark.parametrize(("answer", "status", "code"), [("Approved", "Succeeded", 0), ("Rejected", "Failed", 1)])
def test_it_ends_with_the_execution(server: RunningServer, pipeline: str, answer: str, status: str, code: int) -> None:
    client = server.client("codepipeline")
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "boatyard.cli.main", "watch", pipeline],
        env=server.server_environment(),
        cwd=Path(__file__).parent.parent.parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        try:
            client.put_approval_result(
                pipelineName=pipeline,
                stageName="Approve",
                actionName="Manual",
                result={"summary": "seen", "status": answer},
                token=_token(client, pipeline),
            )
            assert watching.stdout is not None
            lines = watching.stdout.read().splitlines()
            assert watching.wait(120) == code
        finally:
            watching.kill()
    assert any(line.startswith("Source/S3 Succeeded") for line in lines)
    assert any(line.startswith(f"Approve/Manual {status}") for line in lines)
    assert lines[-1].endswith(status)
