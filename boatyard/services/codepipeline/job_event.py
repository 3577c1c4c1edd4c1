"""The `CodePipeline.job` event that a function gets, and the credentials in it that reach its artifacts only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.identity import credentials
from boatyard.services.codepipeline import lifecycle, naming
from boatyard.services.codepipeline.actions.run import SERVICE
from boatyard.services.codepipeline.records import VERSIONS, ActionExecution, Execution, Job

_LIFETIME = timedelta(hours=1)


def artifact_credentials(installation: Installation, action: ActionExecution, execution: Execution) -> dict[str, str]:
    """Temporary credentials of the pipeline's role that reach only the action's own artifacts.

    Follows CodePipeline API Reference: AWSSessionCredentials.
    """
    with installation.database.reading() as rx:
        declaration = lifecycle.declaration_of(rx, execution)
    session = installation.service_call(SERVICE, action.account, action.region).assume(
        declaration["roleArn"],
        SERVICE,
        session_name=action.id.replace("-", ""),
        policy=json.dumps(artifact_policy(action), separators=(",", ":")),
        source_arn=naming.pipeline_arn(action.account, action.region, action.pipeline),
    )
    issued = credentials.issue(installation, session.principal, now() + _LIFETIME)
    return {
        "accessKeyId": issued.access_key_id,
        "secretAccessKey": issued.secret_access_key,
        "sessionToken": issued.session_token or "",
    }


def artifact_policy(action: ActionExecution) -> dict[str, Any]:
    """The session policy: read the inputs, write the outputs, use keys for both.

    Which key a function encrypts its output with is its own choice, so KMS is narrowed by the role alone.
    """
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*", "kms:Encrypt", "kms:DescribeKey"],
            "Resource": "*",
        }
    ]
    for artifacts, actions in (
        (action.inputs, ["s3:GetObject", "s3:GetObjectVersion"]),
        (action.outputs, ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]),
    ):
        if artifacts:
            objects = [f"arn:aws:s3:::{item['bucket']}/{item['key']}" for item in artifacts]
            statements.append({"Effect": "Allow", "Action": actions, "Resource": objects})
    return {"Version": "2012-10-17", "Statement": statements}


def details(
    installation: Installation, job: Job, action: ActionExecution, artifact_keys: dict[str, str]
) -> dict[str, Any]:
    """A job as GetJobDetails and the function's event share it."""
    data: dict[str, Any] = {
        "actionConfiguration": {"configuration": action.configuration},
        "inputArtifacts": [_artifact(item) for item in action.inputs],
        "outputArtifacts": [_artifact(item) for item in action.outputs],
        "artifactCredentials": artifact_keys,
    }
    if job.given_token is not None:
        data["continuationToken"] = job.given_token
    key = _encryption_key(installation, action)
    if key is not None:
        data["encryptionKey"] = key
    return {"id": job.id, "accountId": job.account, "data": data}


def event(
    installation: Installation, job: Job, action: ActionExecution, artifact_keys: dict[str, str]
) -> dict[str, Any]:
    """The event of the function.

    Follows CodePipeline's user guide, "Example JSON event" of "Invoke an AWS Lambda function in a pipeline".
    """
    return {"CodePipeline.job": details(installation, job, action, artifact_keys)}


def _encryption_key(installation: Installation, action: ActionExecution) -> dict[str, str] | None:
    with installation.database.reading() as rx:
        version = VERSIONS.get(rx, action.account, action.region, action.pipeline, action.version)
    if version is None:
        return None
    key = version.declaration["artifactStore"].get("encryptionKey")
    return None if key is None else {"id": key["id"], "type": key["type"]}


def _artifact(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "revision": item.get("revision"),
        "location": {"type": "S3", "s3Location": {"bucketName": item["bucket"], "objectKey": item["key"]}},
    }
