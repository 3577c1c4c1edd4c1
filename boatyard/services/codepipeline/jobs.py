"""Jobs: what a function is told about its action, and what it reports back."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.names import check_pattern
from boatyard.api.timestamps import iso, now
from boatyard.services.codepipeline import job_event, naming
from boatyard.services.codepipeline.records import ACTIONS, EXECUTIONS, JOBS, Job
from boatyard.state.database import Reader

_MAXIMUM_VARIABLES = 122_880
_JOB_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def put_job_success_result(call: Call, params: Params) -> dict[str, Any]:
    """Reports success, or with a continuation token asks to be called again.

    CodePipeline API Reference: PutJobSuccessResult.
    """
    variables = params.get("outputVariables", {})
    for name in variables:
        check_pattern(name, r"[A-Za-z0-9@\-_]+", "outputVariables")
    if sum(len(name) + len(value) for name, value in variables.items()) > _MAXIMUM_VARIABLES:
        raise ApiError(
            "OutputVariablesSizeExceededException",
            f"The total size of the output variables exceeds the limit of {_MAXIMUM_VARIABLES} characters",
        )
    details, revision = params.get("executionDetails", {}), params.get("currentRevision")
    if revision is not None:
        revision = {
            "revisionId": revision["revision"],
            "revisionChangeIdentifier": revision["changeIdentifier"],
            "revisionSummary": revision.get("revisionSummary"),
            "created": iso(revision.get("created") or now()),
        }
    _report(
        call,
        params["jobId"],
        status="Succeeded",
        continuation=params.get("continuationToken"),
        summary=details.get("summary"),
        external_id=details.get("externalExecutionId"),
        percent=details.get("percentComplete"),
        variables=variables,
        revision=revision,
    )
    return {}


def put_job_failure_result(call: Call, params: Params) -> dict[str, Any]:
    """Reports failure. CodePipeline API Reference: PutJobFailureResult."""
    details = params["failureDetails"]
    _report(
        call,
        params["jobId"],
        status="Failed",
        external_id=details.get("externalExecutionId"),
        error_code=details["type"],
        error_message=details["message"],
    )
    return {}


def get_job_details(call: Call, params: Params) -> dict[str, Any]:
    """What a job is about, with fresh artifact credentials. CodePipeline API Reference: GetJobDetails."""
    with call.installation.database.reading() as rx:
        job = _job(call, rx, params["jobId"])
        action = ACTIONS.get(rx, job.account, job.region, job.action_execution)
        execution = EXECUTIONS.get(rx, job.account, job.region, job.execution)
    if action is None or execution is None:
        raise _not_found(job.id)
    credentials = job_event.artifact_credentials(call.installation, action, execution)
    details = job_event.details(call.installation, job, action, credentials)
    details["data"] = {
        "actionTypeId": action.declaration["actionTypeId"],
        "pipelineContext": {
            "pipelineName": action.pipeline,
            "stage": {"name": action.stage},
            "action": {"name": action.action, "actionExecutionId": action.id},
            "pipelineArn": naming.pipeline_arn(action.account, action.region, action.pipeline),
            "pipelineExecutionId": action.execution,
        },
        **{name: value for name, value in details["data"].items() if value is not None},
    }
    for artifact in (*details["data"]["inputArtifacts"], *details["data"]["outputArtifacts"]):
        if artifact["revision"] is None:
            del artifact["revision"]
    return {"jobDetails": details}


def _report(call: Call, job_id: str, **changes: Any) -> None:
    check_pattern(job_id, _JOB_ID, "jobId")
    with call.installation.database.transaction() as tx:
        job = _job(call, tx, job_id)
        action = ACTIONS.get(tx, job.account, job.region, job.action_execution)
        if job.status != "InProgress" or action is None or action.status != "InProgress":
            raise ApiError(
                "InvalidJobStateException",
                f"Cannot update the job {job_id}: it is not in progress any more",
            )
        JOBS.put(tx, replace(job, **changes))
        tx.after_commit(partial(call.installation.workflows.notify, naming.action_key(job.action_execution)))


def _job(call: Call, rx: Reader, job_id: str) -> Job:
    found = JOBS.get(rx, call.account, call.region, job_id)
    if found is None:
        raise _not_found(job_id)
    return found


def _not_found(job_id: str) -> ApiError:
    return ApiError("JobNotFoundException", f"No job found with job ID {job_id}")
