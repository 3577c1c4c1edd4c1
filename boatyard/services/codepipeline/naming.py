"""How things of CodePipeline are named: ARNs, wake-up keys, artifact keys."""

from __future__ import annotations

import secrets
import string
import uuid

_LETTERS = string.ascii_letters + string.digits
Key = tuple[str, ...]


def pipeline_arn(account: str, region: str, name: str) -> str:
    """The ARN of a pipeline."""
    return f"arn:aws:codepipeline:{region}:{account}:{name}"


def execution_key(execution: str) -> Key:
    """The wake-up key of whoever waits for something to happen to an execution."""
    return ("codepipeline", "execution", execution)


def action_key(action_execution: str) -> Key:
    """The wake-up key of a running action: a job's result, an approval, a stop."""
    return ("codepipeline", "action", action_execution)


def pipeline_key(account: str, region: str, name: str) -> Key:
    """The wake-up key of whoever waits for a stage of a pipeline to open."""
    return ("codepipeline", "pipeline", pipeline_arn(account, region, name))


def artifact_key(pipeline: str, artifact: str, extension: str = "") -> str:
    """A new key in the artifact bucket: PIPELINE(20)/ARTIFACT(10)/seven random characters."""
    chosen = "".join(secrets.choice(_LETTERS) for _ in range(7))
    return f"{pipeline[:20]}/{artifact[:10]}/{chosen}{extension}"


def new_id() -> str:
    """A new execution, action execution or job id."""
    return str(uuid.uuid4())
