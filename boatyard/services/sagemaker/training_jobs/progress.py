"""How far a training job is: its secondary statuses, its description and the events of its changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from boatyard.api import events
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import tags
from boatyard.services.sagemaker.training_jobs.records import JOBS, FinalMetric, TrainingJob, Transition
from boatyard.state.database import Transaction

END_STATES = ("Completed", "Failed", "Stopped")
_ECHOED = (
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "CheckpointConfig",
    "DebugHookConfig",
    "ProfilerConfig",
    "Environment",
)


def move(
    installation: Installation,
    tx: Transaction,
    job: TrainingJob,
    secondary: str,
    message: str,
    *,
    status: str | None = None,
    **changes: Any,
) -> TrainingJob:
    """Gives a job its next secondary status (and status), with the time and the event of it."""
    moment = now()
    earlier = list(job.transitions)
    if earlier and earlier[-1].ended is None:
        earlier[-1] = msgspec.structs.replace(earlier[-1], ended=moment)
    ended = status in END_STATES
    following = Transition(status=secondary, started=moment, message=message, ended=moment if ended else None)
    if secondary == "Training" and job.started is None:
        changes.setdefault("started", moment)
    moved = msgspec.structs.replace(
        job,
        status=status or job.status,
        secondary_status=secondary,
        modified=moment,
        ended=moment if ended else None,
        transitions=(*earlier, following),
        **changes,
    )
    JOBS.put(tx, moved)
    emit_change(installation, tx, moved)
    return moved


def description(job: TrainingJob) -> dict[str, Any]:
    """What DescribeTrainingJob answers."""
    request = job.request
    described: dict[str, Any] = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary_status,
        "ModelArtifacts": {"S3ModelArtifacts": job.model_artifacts or ""},
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "SecondaryStatusTransitions": [_transition(each) for each in job.transitions],
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        "EnableInterContainerTrafficEncryption": request.get("EnableInterContainerTrafficEncryption", False),
        "EnableManagedSpotTraining": False,
        "ProfilingStatus": "Disabled",
        **{name: request[name] for name in _ECHOED if name in request},
        # As AWS answers it: clients such as the SageMaker SDK read the key without asking whether it is there.
        "OutputDataConfig": {"KmsKeyId": "", **request["OutputDataConfig"]},
    }
    if job.failure_reason:
        described["FailureReason"] = job.failure_reason
    if job.metrics:
        described["FinalMetricDataList"] = [_metric(metric) for metric in job.metrics]
    if job.started:
        described["TrainingStartTime"] = job.started
    if job.ended:
        described["TrainingEndTime"] = job.ended
        seconds = max(1, round((job.ended - (job.started or job.created)).total_seconds()))
        described["TrainingTimeInSeconds"] = described["BillableTimeInSeconds"] = seconds
    return described


def emit_change(installation: Installation, tx: Transaction, job: TrainingJob) -> None:
    """Tells EventBridge: "SageMaker Training Job State Change", with the description as its detail."""
    detail = {name: _plain(value) for name, value in description(job).items()}
    detail["Tags"] = tags.get(tx, job.arn)
    events.emit(
        installation,
        tx,
        source="aws.sagemaker",
        detail_type="SageMaker Training Job State Change",
        detail=detail,
        account=job.account,
        region=job.region,
        resources=[job.arn],
    )


def _transition(each: Transition) -> dict[str, Any]:
    told: dict[str, Any] = {"Status": each.status, "StartTime": each.started, "StatusMessage": each.message}
    if each.ended:
        told["EndTime"] = each.ended
    return told


def _metric(metric: FinalMetric) -> dict[str, Any]:
    return {"MetricName": metric.name, "Value": metric.value, "Timestamp": metric.timestamp}


def _plain(value: Any) -> Any:
    """A description's value as events carry it: times in milliseconds since 1970."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
