"""The CodeCommit source action: the newest commit of a branch, zipped into the artifact store."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from boatyard.api import exports
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import iso, now
from boatyard.services.codepipeline.actions import artifact_files
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun, Outcome


def run(action: ActionRun) -> Outcome:
    """Takes a commit as the source.

    Follows CodePipeline's user guide, "CodeCommit source action reference".
    """
    repository = action.configuration["RepositoryName"]
    branch = action.configuration["BranchName"]
    commit_id = action.overrides.get("COMMIT_ID") or _head(action, repository, branch)
    try:
        commit = action.call.invoke("codecommit", "GetCommit", repositoryName=repository, commitId=commit_id)["commit"]
    except ApiError as error:
        raise _failure(error, repository, branch) from error
    _store(action, repository, branch, commit_id)
    message = commit.get("message", "").strip()
    return Outcome(
        summary=message or None,
        variables={
            "RepositoryName": repository,
            "BranchName": branch,
            "CommitId": commit_id,
            "CommitMessage": message,
            "AuthorDate": _date(commit.get("author")),
            "CommitterDate": _date(commit.get("committer")),
        },
        revision={
            "name": action.action.outputs[0]["name"],
            "revisionId": commit_id,
            "revisionSummary": message[:2048] or commit_id,
            "created": _date(commit.get("committer")),
        },
    )


def _head(action: ActionRun, repository: str, branch: str) -> str:
    try:
        answer = action.call.invoke("codecommit", "GetBranch", repositoryName=repository, branchName=branch)
    except ApiError as error:
        raise _failure(error, repository, branch) from error
    return str(answer["branch"]["commitId"])


def _date(person: dict[str, Any] | None) -> str:
    """A commit's date, which CodeCommit gives as git has it (seconds and an offset), as ISO 8601 in UTC."""
    seconds = str((person or {}).get("date", "")).partition(" ")[0]
    return iso(datetime.fromtimestamp(int(seconds), UTC)) if seconds.isdigit() else iso(now())


def _store(action: ActionRun, repository: str, branch: str, commit_id: str) -> None:
    """Writes the artifact: the tree's zip, or for CODEBUILD_CLONE_REF what a build needs to clone it."""
    output = action.action.outputs[0]
    if action.configuration.get("OutputArtifactFormat", "CODE_ZIP") == "CODEBUILD_CLONE_REF":
        raise ActionFailed(
            "ConfigurationError",
            "boatyard does not support the OutputArtifactFormat CODEBUILD_CLONE_REF: use CODE_ZIP, and give the "
            "build project the repository as a source of its own where it needs the history.",
        )
    with tempfile.TemporaryDirectory(prefix="boatyard-source-") as directory:
        try:
            pieces = exports.get("codecommit.archive")(action.call, repository, commit_id)
            body = artifact_files.write(Path(directory) / "source.zip", pieces)
        except ApiError as error:
            raise _failure(error, repository, branch) from error
        action.call.invoke(
            "s3",
            "PutObject",
            Bucket=output["bucket"],
            Key=output["key"],
            Body=body,
            ContentType="application/zip",
            **action.encryption(),
        )


def _failure(error: ApiError, repository: str, branch: str) -> ActionFailed:
    if error.code == "BranchDoesNotExistException":
        return ActionFailed(
            "ConfigurationError",
            f"No branch {branch} found in Repository: {repository}. Push a commit to that branch, and the pipeline "
            "starts again by itself.",
        )
    if error.code == "RepositoryDoesNotExistException":
        return ActionFailed("ConfigurationError", f"The repository {repository} does not exist: {error.message}")
    code = "PermissionError" if "AccessDenied" in error.code else "JobFailed"
    return ActionFailed(
        code,
        "The service role or action role doesn't have the permissions required to access the AWS CodeCommit "
        f"repository named {repository}: {error.message} ({error.code}). Update the IAM role permissions, and then "
        "try again.",
    )
