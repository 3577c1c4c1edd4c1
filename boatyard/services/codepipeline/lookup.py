"""Finding what a request names, with the errors that CodePipeline words for what is not there."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.codepipeline.records import EXECUTIONS, PIPELINES, Execution, Pipeline
from boatyard.state.database import Reader


def pipeline(call: Call, rx: Reader, name: str) -> Pipeline:
    """The pipeline of that name in the caller's account and region; PipelineNotFoundException."""
    found = PIPELINES.get(rx, call.account, call.region, name)
    if found is None:
        raise ApiError(
            "PipelineNotFoundException", f"Account '{call.account}' does not have a pipeline with name '{name}'"
        )
    return found


def execution(call: Call, rx: Reader, name: str, execution_id: str, code: str) -> Execution:
    """An execution of that pipeline; `code` is the operation's error for one that is not there."""
    found = EXECUTIONS.get(rx, call.account, call.region, execution_id)
    if found is None or found.pipeline != name:
        raise ApiError(code, f"Pipeline execution '{execution_id}' of the pipeline '{name}' does not exist")
    return found


def stage(declaration: dict[str, Any], name: str) -> dict[str, Any]:
    """A stage of a declaration; StageNotFoundException."""
    for found in declaration["stages"]:
        if found["name"] == name:
            return dict(found)
    raise ApiError(
        "StageNotFoundException", f"Pipeline '{declaration['name']}' does not have a stage with name '{name}'"
    )
