"""The Lambda invoke action: calls a function with a job, waits for its report, calls again when it asks for that."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from boatyard.api import json_text
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import Countdown, now
from boatyard.services.codepipeline import job_event, naming, wakeups
from boatyard.services.codepipeline.actions.run import ActionAbandoned, ActionFailed, ActionRun, Outcome
from boatyard.services.codepipeline.records import EXECUTIONS, JOBS, Job
from boatyard.state.database import DatabaseClosed

log = logging.getLogger(__name__)
WHOLE_TIMEOUT = 24 * 3600.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0


def run(action: ActionRun) -> Outcome:
    """Calls the function until it reports an end.

    Follows CodePipeline's user guide, "Invoke an AWS Lambda function in a pipeline" and "AWS Lambda invoke action
    reference". Each call is a job of its own; a continuation token leads to another job.
    """
    pause = FIRST_PAUSE
    whole = Countdown(action.action.started + timedelta(seconds=action.timeout(WHOLE_TIMEOUT)))
    job = _latest_job(action) or _new_job(action, None)
    while True:
        if job.status == "InProgress":
            _call_in_background(action, job)
            job = _wait_for_report(action, job)
        if job.status == "Failed":
            raise ActionFailed(job.error_code or "JobFailed", job.error_message or "The function reported failure")
        if job.continuation is None:
            return Outcome(
                summary=job.summary or action.action.summary, variables=job.variables, revision=_revision(job)
            )
        _pause(action, job, pause, whole)
        pause = min(LONGEST_PAUSE, pause * 1.5)
        job = _new_job(action, job)


def _revision(job: Job) -> dict[str, Any] | None:
    return None if job.revision is None else {name: value for name, value in job.revision.items() if value}


def _latest_job(action: ActionRun) -> Job | None:
    with action.installation.database.reading() as rx:
        found = JOBS.select(rx, {"action_execution": action.action.id})
    return max(found, key=lambda job: job.created) if found else None


def _new_job(action: ActionRun, before: Job | None) -> Job:
    """The next call's job, by its time too the later one, whatever the clock says."""
    moment = now() if before is None else max(now(), before.created + timedelta(microseconds=1))
    record = action.action
    job = Job(
        account=record.account,
        region=record.region,
        id=naming.new_id(),
        pipeline=record.pipeline,
        execution=record.execution,
        action_execution=record.id,
        created=moment,
        given_token=None if before is None else before.continuation,
    )
    with action.installation.database.transaction() as tx:
        JOBS.insert(tx, job)
    return job


def _wait_for_report(action: ActionRun, job: Job) -> Job:
    """The job once it was reported; the failure of a function that never reports."""
    name = action.configuration["FunctionName"]

    def reported() -> Job | None:
        with action.installation.database.reading() as rx:
            found = JOBS.get(rx, job.account, job.region, job.id)
        if found is None:
            raise ActionAbandoned
        return found if found.status != "InProgress" else None

    begun = (job.created - action.action.started).total_seconds()
    patience = action.timeout(action.installation.settings.lambda_action_timeout_seconds)
    done = action.wait(reported, min(begun + patience, WHOLE_TIMEOUT))
    if done is None:
        raise ActionFailed(
            "JobFailed",
            f"The AWS Lambda function {name} failed to return a result. Check the function to verify that it has "
            "permission to call the PutJobSuccessResult action and that it made a call to PutJobSuccessResult. "
            f"Its output is in the log group {log_group(name)}.",
        )
    return done


def _pause(action: ActionRun, job: Job, seconds: float, whole: Countdown) -> None:
    """Waits before the next call: shortly, and no longer than till a job or an endpoint changes its state."""
    changes = {"summary": job.summary, "percent": job.percent, "external_id": job.external_id}
    action.update(**{name: value for name, value in changes.items() if value is not None})
    elapsed = (now() - action.action.started).total_seconds()
    if whole.left < 0:
        hours = action.timeout(WHOLE_TIMEOUT) / 3600
        raise ActionFailed("JobFailed", f"The function asked to be called again for more than {hours:.1f} hours.")
    action.wait(
        lambda: wakeups.changed_since(action.installation, job.created),
        elapsed + seconds,
        wakeups.CONTINUATION_KEY,
    )


def log_group(function: str) -> str:
    """The log group of a function named by name or ARN."""
    return f"/aws/lambda/{function.split(':')[6] if function.startswith('arn:') else function.split(':')[0]}"


def _call_in_background(action: ActionRun, job: Job) -> None:
    """Calls the function in a thread of its own: its report may come long before it returns."""
    record, installation = action.action, action.installation
    name = record.configuration["FunctionName"]
    with installation.database.reading() as rx:
        execution = EXECUTIONS.get(rx, record.account, record.region, record.execution)
    if execution is None:
        raise ActionAbandoned
    keys = job_event.artifact_credentials(installation, record, execution)
    event = job_event.event(installation, job, record, keys)
    thread = threading.Thread(target=_call_function, args=(action, job, name, event), name=f"job {job.id}", daemon=True)
    thread.start()


def _call_function(action: ActionRun, job: Job, name: str, event: dict[str, Any]) -> None:
    try:
        answer = action.role_call().invoke(
            "lambda", "Invoke", FunctionName=name, InvocationType="RequestResponse", Payload=json.dumps(event).encode()
        )
        if "FunctionError" in answer:
            _fail(action, job, "JobFailed", _function_error(name, _payload(answer.get("Payload"))))
    except ApiError as error:
        code = "PermissionError" if "AccessDenied" in error.code else "ConfigurationError"
        _fail(action, job, code, f"The function {name} could not be called: {error.message} ({error.code})")
    except DatabaseClosed:
        log.info("The server stops; the job %s is taken up at its next start", job.id)
    except Exception as error:
        if action.installation.workflows.stopping:
            log.info("The server stops; the job %s is taken up at its next start", job.id)
            return
        log.exception("The function %s could not be called for the job %s", name, job.id)
        _fail(action, job, "SystemUnavailable", f"The function {name} could not be called: {error}")


def _payload(payload: Any) -> bytes:
    if payload is None:
        return b""
    if isinstance(payload, bytes):
        return payload
    return bytes(payload.read()) if hasattr(payload, "read") else b"".join(payload)


def _function_error(name: str, payload: bytes) -> str:
    """The message of a function that ended with an error, and where its output is."""
    try:
        error = json_text.read(payload)
        kind, text = error.get("errorType"), error.get("errorMessage")
        said = f"{kind}: {text}" if kind else str(text)
    except (ValueError, AttributeError):
        said = payload.decode(errors="replace")[:1000]
    return f"The function {name} ended with an error. {said} Its output is in the log group {log_group(name)}."


def _fail(action: ActionRun, job: Job, code: str, message: str) -> None:
    """Records the failure of a job unless the function had reported before it ended."""
    with action.installation.database.transaction() as tx:
        present = JOBS.get(tx, job.account, job.region, job.id)
        if present is None or present.status != "InProgress":
            return
        JOBS.put(tx, replace(present, status="Failed", error_code=code, error_message=message[:5000]))
        key = naming.action_key(job.action_execution)
        tx.after_commit(lambda: action.installation.workflows.notify(key))
