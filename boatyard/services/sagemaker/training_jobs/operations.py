"""The API of training jobs: create, describe, list and stop."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import constraints, quotas, roles, tags
from boatyard.services.sagemaker.listing import listed
from boatyard.services.sagemaker.naming import resource_arn
from boatyard.services.sagemaker.training_jobs import progress
from boatyard.services.sagemaker.training_jobs.records import IN_PROGRESS, JOBS, TrainingJob, Transition
from boatyard.services.sagemaker.training_jobs.validation import DEFAULT_MAX_RUNTIME, validate
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists


def create_training_job(call: Call, params: Params) -> dict[str, Any]:
    """Starts a training job: its container is run to its end with the argument `train`. AWS: CreateTrainingJob."""
    validate(params)
    given = tags.checked(params)
    roles.assume(call.installation, call.account, call.region, params["RoleArn"])
    arn = resource_arn(call, "training-job", params["TrainingJobName"])
    job = _new(call, params, arn)
    with call.installation.database.transaction() as tx:
        try:
            JOBS.insert(tx, job)
        except AlreadyExists:
            raise ApiError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({arn})",
            ) from None
        running = {"account": call.account, "region": call.region, "status": IN_PROGRESS}
        quotas.TRAINING.check(call.installation, JOBS.count(tx, running) - 1)
        tags.put(tx, arn, given)
        call.installation.workflows.start(
            tx, "sagemaker.training_job", id=arn, args=[job.account, job.region, job.name]
        )
        progress.emit_change(call.installation, tx, job)
    return {"TrainingJobArn": arn}


def describe_training_job(call: Call, params: Params) -> dict[str, Any]:
    """Tells everything about a training job. AWS: DescribeTrainingJob."""
    constraints.check("DescribeTrainingJob", params)
    with call.installation.database.reading() as rx:
        return progress.description(_require(rx, call, params["TrainingJobName"]))


def list_training_jobs(call: Call, params: Params) -> dict[str, Any]:
    """Lists training jobs, filtered and sorted. AWS: ListTrainingJobs."""
    constraints.check("ListTrainingJobs", params)
    if params.get("WarmPoolStatusEquals") or params.get("TrainingPlanArnEquals"):
        return {"TrainingJobSummaries": []}  # no job here ever has a warm pool or a training plan
    return listed(call, params, JOBS, _summary, "TrainingJobSummaries")


def stop_training_job(call: Call, params: Params) -> None:
    """Stops a training job: SIGTERM, then SIGKILL after 120 seconds; what it saved is uploaded.

    AWS: StopTrainingJob.
    """
    constraints.check("StopTrainingJob", params)
    with call.installation.database.transaction() as tx:
        job = _require(tx, call, params["TrainingJobName"])
        if job.status == "Stopping":
            return
        if job.status not in IN_PROGRESS:
            raise ApiError(
                "ValidationException",
                f"The request was rejected because the training job is in status {job.status}.",
            )
        progress.move(call.installation, tx, job, "Stopping", "Stopping the training job", status="Stopping")
        tx.after_commit(lambda: call.installation.workflows.notify(("sagemaker", "training-job", job.arn)))


def _new(call: Call, params: Params, arn: str) -> TrainingJob:
    moment = now()
    request = {name: value for name, value in params.items() if name not in ("Tags", "TrainingJobName")}
    request.setdefault("StoppingCondition", {}).setdefault("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)
    return TrainingJob(
        account=call.account,
        region=call.region,
        name=params["TrainingJobName"],
        arn=arn,
        request=request,
        status="InProgress",
        secondary_status="Starting",
        created=moment,
        modified=moment,
        transitions=(Transition(status="Starting", started=moment, message="Starting the training job"),),
    )


def _require(rx: Reader, call: Call, name: str) -> TrainingJob:
    job = JOBS.get(rx, call.account, call.region, name)
    if job is None:
        raise ApiError("ValidationException", "Requested resource not found.")
    return job


def _summary(job: TrainingJob) -> dict[str, Any]:
    summary = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary_status,
    }
    if job.ended:
        summary["TrainingEndTime"] = job.ended
    return summary
