"""What SageMaker has on disk: what of it is needed, and what becomes of jobs that were under way elsewhere."""

from __future__ import annotations

import msgspec

from boatyard.services.sagemaker.training_jobs.records import IN_PROGRESS, JOBS
from boatyard.state.database import Transaction
from boatyard.workflows.records import forget_steps


def moved(tx: Transaction) -> None:
    """After an import: training jobs that were under way begin again, for their containers are on another machine."""
    for job in JOBS.select(tx, {"status": IN_PROGRESS}):
        forget_steps(tx, job.arn)
        JOBS.put(tx, msgspec.structs.replace(job, started=None, ended=None, metrics=()))
