"""Source actions: given revisions, and the ways out of what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError

from .conftest import Pipelines, Services, action, approval, declaration, until


def test_a_start_may_name_the_object_version(pipelines: Pipelines, services: Services) -> None:
    pipelines.create(approval())
    revision = {"actionName": "Fetch", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v0"}
    token = {"clientRequestToken": "once"}
    first = pipelines("StartPipelineExecution", name="line", sourceRevisions=[revision], **token)
    assert pipelines("StartPipelineExecution", name="line", **token) == first
    asked = [{"Bucket": "sources", "Key": "code.zip"}, {"Bucket": "sources", "Key": "code.zip", "VersionId": "v0"}]
    until(lambda: services.asked("s3", "HeadObject") == asked)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"sourceRevisions": [{"actionName": "Fetch", "revisionType": "COMMIT_ID", "revisionValue": "x"}]},
            "COMMIT_ID",
        ),
        (
            {"sourceRevisions": [{"actionName": "No", "revisionType": "COMMIT_ID", "revisionValue": "x"}]},
            "source action with the name 'No'",
        ),
        ({"variables": [{"name": "who", "value": "me"}]}, "does not declare the variable 'who'"),
    ],
)
def test_a_wrong_start_is_refused(pipelines: Pipelines, params: dict[str, Any], words: str) -> None:
    pipelines.create(approval())
    with pytest.raises(ApiError, match=words):
        pipelines("StartPipelineExecution", name="line", **params)


def test_a_bucket_without_versions_is_no_source(pipelines: Pipelines, services: Services) -> None:
    services.set("s3", "GetBucketVersioning", lambda call, params: {})
    pipelines.create(approval())
    pipelines.wait_for("Failed")
    error = pipelines.action("Source", "Fetch")["errorDetails"]
    assert error["code"] == "ConfigurationError"
    assert "put-bucket-versioning --bucket sources" in error["message"]


def test_a_branch_without_commits_says_to_push(pipelines: Pipelines, services: Services) -> None:
    def missing(call: Call, params: Params) -> dict[str, Any]:
        raise ApiError("BranchDoesNotExistException", "The specified branch does not exist")

    services.set("codecommit", "GetBranch", missing)
    settings = {"RepositoryName": "model", "BranchName": "main"}
    wanted = declaration(pipelines.role, approval())
    wanted["stages"][0]["actions"] = [
        action("Pull", "Source", "CodeCommit", settings, outputArtifacts=[{"name": "Code"}])
    ]
    pipelines("CreatePipeline", pipeline=wanted)
    pipelines.wait_for("Failed")
    message = pipelines.action("Source", "Pull")["errorDetails"]["message"]
    assert message.startswith("No branch main found in Repository: model.")
