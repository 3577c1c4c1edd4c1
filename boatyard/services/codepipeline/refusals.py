"""Operations that boatyard's CodePipeline refuses with a reason of their own."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import OperationNotSupported


def poll_for_jobs(call: Call, params: Params) -> dict[str, Any]:
    """Refused: there are no custom actions whose workers could poll. CodePipeline API Reference: PollForJobs."""
    raise OperationNotSupported("codepipeline", "PollForJobs", "custom actions, of which there are none")


def put_webhook(call: Call, params: Params) -> dict[str, Any]:
    """Refused: nothing outside the machine reaches boatyard. CodePipeline API Reference: PutWebhook."""
    raise OperationNotSupported(
        "codepipeline", "PutWebhook", "webhooks; a CodeCommit source starts the pipeline at every push"
    )
