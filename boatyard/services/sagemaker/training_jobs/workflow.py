"""What happens after CreateTrainingJob: the job's story from the download of its data to its end."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import msgspec

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import Countdown
from boatyard.containers.errors import EngineError
from boatyard.containers.foreign_files import NotAFolder, remove_tree
from boatyard.containers.specification import UNKNOWN_CODE, Exit
from boatyard.services.sagemaker import images, roles
from boatyard.services.sagemaker.container_end import EndWatcher
from boatyard.services.sagemaker.instances import capped, instance_type
from boatyard.services.sagemaker.training_jobs import channels, container, outcome, progress, results
from boatyard.services.sagemaker.training_jobs.channels import DataUnavailable
from boatyard.services.sagemaker.training_jobs.job_log import GROUP, JobLog, stream_name
from boatyard.services.sagemaker.training_jobs.layout import OptMl
from boatyard.services.sagemaker.training_jobs.records import IN_PROGRESS, JOBS, TrainingJob
from boatyard.workflows.registry import workflow
from boatyard.workflows.work import Work

log = logging.getLogger(__name__)
STOP_GRACE_SECONDS = 120
_CHECKPOINT_SECONDS = 10.0


class _JobFailed(Exception):
    """The job ends as Failed; the text is its FailureReason."""


def _broken(installation: Installation, args: list[Any], error: BaseException) -> None:
    """Tells the job that boatyard itself failed."""
    account, region, name = args
    with installation.database.transaction() as tx:
        job = JOBS.get(tx, account, region, name)
        if job is not None and job.status in IN_PROGRESS:
            reason = f"InternalServerError: {type(error).__name__}: {error}. The server's log has the details."
            progress.move(
                installation,
                tx,
                job,
                "Failed",
                "Training job failed",
                status="Failed",
                failure_reason=reason[: outcome.REASON_LIMIT],
            )


@workflow("sagemaker.training_job", on_failure=_broken)
def run_training_job(work: Work, account: str, region: str, name: str) -> None:
    """Downloads, trains, uploads, and tells how it went."""
    with work.installation.database.reading() as rx:
        job = JOBS.get(rx, account, region, name)
    if job is None:
        return
    run = _Run(work, job)
    if job.status in IN_PROGRESS:
        try:
            run.story()
        except _JobFailed as failure:
            run.fail(str(failure))
        except ApiError as error:
            run.fail(f"ClientError: {error.message}")
    work.step("clean up", run.clean_up)


class _Run:
    """One job's run; every method that is a step may be run again after a crash."""

    def __init__(self, work: Work, job: TrainingJob) -> None:
        self.work = work
        self.installation = work.installation
        self.job = job
        self.root = container.directory(work.installation, job)
        self.checkpoints = results.Checkpoints(job, self.root)

    def story(self) -> None:
        self.work.step("downloading", self.move, "Downloading", "Downloading input data")
        self.work.step("download", self.guarded, self.download)
        image = self.work.step("image", self.guarded, self.pull)
        if self.stopping():
            self.end("Stopped", "Training job stopped", "Stopped")
            return
        self.work.step("training", self.move, "Training", "Training image download completed. Training in progress.")
        self.raise_failed(self.work.step("start", self.start, image["image"]))
        ended = self.train()
        self.raise_failed(ended["failure"])
        self.work.step("uploading", self.move, "Uploading", "Uploading generated training model", True)
        self.raise_failed(self.work.step("upload", self.upload, True))
        artifacts = {"model_artifacts": results.artifacts_uri(self.job)}
        if ended["why"] == "stop":
            self.end("Stopped", "Training job stopped", "Stopped", **artifacts)
        elif ended["why"] == "time":
            limit = self.job.request["StoppingCondition"]["MaxRuntimeInSeconds"]
            message = f"Training job runtime exceeded MaxRuntimeInSeconds provided ({limit})"
            self.end("MaxRuntimeExceeded", message, "Stopped", **artifacts)
        else:
            self.end("Completed", "Training job completed", "Completed", **artifacts)

    def guarded(self, function: Any) -> dict[str, Any]:
        """Runs a step that may fail for the user's reasons; raises _JobFailed with what it said."""
        try:
            return function(self.role()) or {}
        except (DataUnavailable, images.ImageUnavailable) as error:
            raise _JobFailed(f"ClientError: {error}") from None
        except ApiError as error:
            raise _JobFailed(f"ClientError: {error.message}") from None
        except OSError as error:
            raise _JobFailed(f"InternalServerError: the job's data could not be written: {error}") from None

    def download(self, call: Call) -> dict[str, Any]:
        opt_ml = OptMl(self.root)
        opt_ml.prepare(self.job.request)
        channels.download_all(call, self.job.request, opt_ml)
        self.checkpoints.restore(call)
        return {}

    def pull(self, call: Call) -> dict[str, Any]:
        image = images.pull(call, self.job.request["AlgorithmSpecification"]["TrainingImage"])
        self.change(image_digest=image.resolved)
        return {"image": image.id}

    def start(self, image: str) -> str | None:
        """Starts the container; answers the reason when there is nothing in the image to start."""
        detail = ""
        for attempt in range(3):
            try:
                container.start(self.installation, self.job, image)
            except EngineError as error:
                detail = str(error)
                if "executable file" in detail or "no such file" in detail.lower() or "permission denied" in detail:
                    name = self.job.request["AlgorithmSpecification"]["TrainingImage"]
                    return outcome.no_train(name, detail)
                log.warning("The container of %s did not start (attempt %d): %s", self.job.name, attempt + 1, error)
                time.sleep(1)
            else:
                return None
        return f"InternalServerError: the container engine could not start the container: {detail}"

    def train(self) -> dict[str, Any]:
        """Waits for the container's end, the user's wish to stop, or the time limit; then tells how it ended."""
        installation, name = self.installation, container.container_name(self.job)
        key = ("sagemaker", "training-job", self.job.arn)
        watcher = EndWatcher(installation.engine, name, lambda: installation.workflows.notify(key)).start()
        call = self.role()
        job_log = JobLog(call, installation.engine, self.job, name, self.notices())
        try:
            why = self.work.step("wait", self.wait, watcher, key, call)
            if why != "end":
                self.work.step("stop", self.stop)
                self.work.wait(key, ready=lambda: watcher.over, poll=1.0)
        except BaseException:
            watcher.abandon()
            job_log.abandon()
            raise
        job_log.finish()
        return self.work.step("ended", self.ended, why, watcher.exit, job_log)

    def wait(self, watcher: EndWatcher, key: tuple[str, str, str], call: Call) -> str:
        started = self.load().started or self.job.created
        limit = timedelta(seconds=self.job.request["StoppingCondition"]["MaxRuntimeInSeconds"])
        deadline = Countdown(started + limit)
        while not watcher.over:
            if self.stopping():
                return "stop"
            left = deadline.left
            if left <= 0:
                return "time"
            if self.checkpoints.wanted:
                left = min(left, _CHECKPOINT_SECONDS)
            self.work.wait(key, ready=lambda: watcher.over or self.stopping(), timeout=left)
            self.save_checkpoints(call)
        return "stop" if self.stopping() else "end"

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after 120 seconds. AWS: StopTrainingJob."""
        while True:
            try:
                found = self.installation.engine.find(container.container_name(self.job))
                if found is not None:
                    found.stop(STOP_GRACE_SECONDS)
                return
            except EngineError as error:
                log.info("The container of %s could not be stopped yet: %s", self.job.name, error)
                self.work.check()
                time.sleep(1)

    def ended(self, why: str, end: Exit | None, job_log: JobLog) -> dict[str, Any]:
        """Keeps the final metrics, and says why the job failed, if it did."""
        self.change(metrics=job_log.final_metrics)
        if end is None:
            return {"why": why, "failure": outcome.REMOVED}
        if end.code == UNKNOWN_CODE:
            return {"why": why, "failure": outcome.UNWATCHED}
        if why != "end" or end.code == 0:
            return {"why": why, "failure": None}
        self.upload(False)
        shape = instance_type(self.job.request["ResourceConfig"]["InstanceType"], "CreateTrainingJob")
        reason = outcome.failure_reason(
            code=end.code,
            out_of_memory=end.out_of_memory,
            failure=OptMl(self.root).failure(),
            log=job_log.tail,
            memory_mib=shape.memory_mib,
            group=GROUP,
            stream=stream_name(self.job),
        )
        return {"why": why, "failure": reason}

    def upload(self, model: bool) -> str | None:
        """Brings the results to S3; answers the reason when that fails."""
        output = self.job.request["OutputDataConfig"]["S3OutputPath"]
        try:
            call = self.role()
            self.checkpoints.save(call)
            results.upload(call, self.job, self.root, model=model)
        except ApiError as error:
            return f"ClientError: The results could not be written to {output}: {error.code}: {error.message}"
        except NotAFolder as error:
            return f"AlgorithmError: The results could not be packed: in /opt/ml, {error}. It is a link or a file now"
        except OSError as error:
            return f"InternalServerError: The results could not be packed: {error}"
        return None

    def clean_up(self) -> None:
        try:
            container.remove(self.installation, self.job)
        except EngineError as error:
            log.warning("The container of the training job %s was not removed: %s", self.job.name, error)
        remove_tree(self.root)
        remove_tree(results.packing_directory(self.root))

    def load(self) -> TrainingJob:
        with self.installation.database.reading() as rx:
            found = JOBS.get(rx, self.job.account, self.job.region, self.job.name)
        return found or self.job

    def stopping(self) -> bool:
        return self.load().status == "Stopping"

    def change(self, **changes: Any) -> None:
        key = (self.job.account, self.job.region, self.job.name)
        with self.installation.database.transaction() as tx:
            JOBS.update(tx, key, lambda job: msgspec.structs.replace(job, **changes))

    def move(self, secondary: str, message: str, even_stopping: bool = False) -> None:
        with self.installation.database.transaction() as tx:
            job = JOBS.get(tx, self.job.account, self.job.region, self.job.name)
            if job is None or job.secondary_status == secondary or (job.status == "Stopping" and not even_stopping):
                return
            progress.move(self.installation, tx, job, secondary, message)

    def end(self, secondary: str, message: str, status: str, **changes: Any) -> None:
        with self.installation.database.transaction() as tx:
            job = JOBS.get(tx, self.job.account, self.job.region, self.job.name)
            if job is not None and job.status in IN_PROGRESS:
                progress.move(self.installation, tx, job, secondary, message, status=status, **changes)

    def fail(self, reason: str) -> None:
        self.end("Failed", "Training job failed", "Failed", failure_reason=reason[: outcome.REASON_LIMIT])

    def role(self) -> Call:
        return roles.assume(self.installation, self.job.account, self.job.region, self.job.request["RoleArn"])

    def raise_failed(self, reason: str | None) -> None:
        if reason:
            raise _JobFailed(reason)

    def save_checkpoints(self, call: Call) -> None:
        try:
            self.checkpoints.save(call)
        except (ApiError, OSError) as error:
            log.warning("Checkpoints of %s were not written, which is tried again: %s", self.job.name, error)

    def notices(self) -> list[str]:
        """What the user should know of how the job runs here; the first lines of its log."""
        request = self.job.request
        shape = instance_type(request["ResourceConfig"]["InstanceType"], "CreateTrainingJob")
        default = request["AlgorithmSpecification"]["TrainingInputMode"]
        fast = [
            c["ChannelName"] for c in request.get("InputDataConfig", []) if c.get("InputMode", default) == "FastFile"
        ]
        told = [f"boatyard: the channels {', '.join(fast)} ask for FastFile and are given as File."] if fast else []
        if not request.get("ProfilerConfig", {"DisableProfiler": True}).get("DisableProfiler"):
            told.append("boatyard: there is no profiler here; nothing is collected for ProfilerConfig.")
        return told + capped(shape)
