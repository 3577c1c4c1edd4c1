"""Uploads data, pushes the algorithm with git, and follows the pipeline that the push starts."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from typing import Any

from botocore.exceptions import ClientError

from boatyard.cli.watch import Row, rows_of, table
from boatyard.demo.lab import DATA, DemoFailed, Lab
from boatyard.demo.show import Show

ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")
LONGEST_SECONDS = 1200.0
START_SECONDS = 60.0


def upload_data(lab: Lab, show: Show) -> None:
    """Smoke-test, validation and training data; what is there already is left as it is."""
    s3 = lab.client("s3")
    for name in DATA:
        path, key = lab.blueprint / "data" / name / "iris.csv", f"{name}/iris.csv"
        content = path.read_bytes()
        if name == "train" and exists(s3, lab.data_bucket, key):
            show.line(f"s3://{lab.data_bucket}/{key}  is there")
            continue
        if etag(s3, lab.data_bucket, key) != hashlib.md5(content, usedforsecurity=False).hexdigest():
            s3.put_object(Bucket=lab.data_bucket, Key=key, Body=content)
        show.line(f"s3://{lab.data_bucket}/{key}  {len(content.splitlines())} rows")


def etag(s3: Any, bucket: str, key: str) -> str | None:
    """An object's ETag, None when there is none."""
    try:
        return str(s3.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise


def exists(s3: Any, bucket: str, key: str) -> bool:
    """Whether there is such an object."""
    return etag(s3, bucket, key) is not None


def push(lab: Lab, show: Show) -> str:
    """Commit the algorithm and push it; the commit's id. A second time the commit is an empty one."""
    if not (lab.work_tree / ".git").is_dir():
        shutil.rmtree(lab.work_tree, ignore_errors=True)
        lab.work_tree.parent.mkdir(parents=True, exist_ok=True)
        _git(lab, "clone", "--quiet", lab.clone_url, str(lab.work_tree), inside=False)
    _git(lab, "remote", "set-url", "origin", lab.clone_url)
    _git(lab, "checkout", "--quiet", "-B", "main")
    shutil.copytree(lab.blueprint / "algorithm", lab.work_tree, dirs_exist_ok=True)
    _git(lab, "add", "--all")
    message = "Bring the algorithm" if _git(lab, "status", "--porcelain") else "Run again, nothing changed"
    _git(lab, "commit", "--quiet", "--allow-empty", "--message", message)
    commit = _git(lab, "rev-parse", "HEAD")
    show.line(f"$ git push origin main    # {commit[:10]} {message}")
    _git(lab, "push", "--quiet", "--force", "origin", "main")
    return commit


def _git(lab: Lab, *arguments: str, inside: bool = True) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=lab.work_tree if inside else None,
        env=lab.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DemoFailed(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def find_execution(lab: Lab, revision: str) -> str:
    """The execution that a commit or an object version has started. DemoFailed when none starts."""
    client = lab.client("codepipeline")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        recent = client.list_pipeline_executions(pipelineName=lab.pipeline, maxResults=20)
        for summary in recent["pipelineExecutionSummaries"]:
            if any(each.get("revisionId") == revision for each in summary.get("sourceRevisions", [])):
                return str(summary["pipelineExecutionId"])
        time.sleep(0.05)
    raise DemoFailed(
        f"No execution of {lab.pipeline} has started for {revision} within {START_SECONDS:.0f} s. See: "
        f"aws codepipeline list-pipeline-executions --pipeline-name {lab.pipeline}"
    )


def follow(lab: Lab, show: Show, execution: str) -> list[Row]:
    """Show an execution until it ends; its actions. DemoFailed when it does not succeed."""
    client = lab.client("codepipeline")
    deadline = time.monotonic() + LONGEST_SECONDS
    shown: dict[tuple[str, str], str] = {}
    if show.live:
        from rich.live import Live

        with Live(console=show.console, auto_refresh=False) as live:
            while True:
                summary = _summary(client, lab, execution)
                rows = rows_of(client, lab.pipeline, execution)
                live.update(table(lab.pipeline, summary, rows), refresh=True)
                if _over(summary, deadline):
                    break
                time.sleep(0.2)
    else:
        while True:
            summary = _summary(client, lab, execution)
            rows = rows_of(client, lab.pipeline, execution)
            for row in rows:
                if row.status and shown.get((row.stage, row.action)) != row.status:
                    shown[row.stage, row.action] = row.status
                    spent = "" if row.status == "InProgress" else f"  {row.seconds:.1f} s"
                    show.line(f"{row.stage:<18} {row.action:<14} {row.status}{spent}")
            if _over(summary, deadline):
                break
            time.sleep(0.2)
    if summary["status"] != "Succeeded":
        raise DemoFailed(_why(lab, execution, summary["status"], rows))
    return rows


def _summary(client: Any, lab: Lab, execution: str) -> dict[str, Any]:
    found = client.get_pipeline_execution(pipelineName=lab.pipeline, pipelineExecutionId=execution)
    return dict(found["pipelineExecution"])


def _over(summary: dict[str, Any], deadline: float) -> bool:
    return summary["status"] in ENDED or time.monotonic() > deadline


def _why(lab: Lab, execution: str, status: str, rows: list[Row]) -> str:
    failed = [f"{row.stage}/{row.action}: {row.text}" for row in rows if row.status == "Failed"]
    return (
        f"The execution {execution} of {lab.pipeline} is {status}. {' '.join(failed)} "
        f"'boatyard watch {lab.pipeline}' shows it, 'boatyard logs' the logs of builds, functions and jobs."
    )


def full_test_accuracy(lab: Lab, execution: str) -> str:
    """The accuracy that the full test has measured."""
    client = lab.client("codepipeline")
    found = client.list_action_executions(
        pipelineName=lab.pipeline, filter={"pipelineExecutionId": execution}, maxResults=100
    )
    for detail in found["actionExecutionDetails"]:
        if detail["actionName"] == "FullTest":
            return str(detail.get("output", {}).get("outputVariables", {}).get("Accuracy", "unknown"))
    return "unknown"
