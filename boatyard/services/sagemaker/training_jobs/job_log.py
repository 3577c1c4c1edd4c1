"""A training job's log on its way to CloudWatch Logs, and the metrics that are read from it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.containers.engine import Engine
from boatyard.containers.specification import LogLine
from boatyard.services.sagemaker.container_logs import ShippedLog
from boatyard.services.sagemaker.training_jobs.metrics import MetricDefinitions, datum
from boatyard.services.sagemaker.training_jobs.records import FinalMetric, TrainingJob

log = logging.getLogger(__name__)
GROUP = "/aws/sagemaker/TrainingJobs"
NAMESPACE = "/aws/sagemaker/TrainingJobs"
_METRICS_INTERVAL = 0.5  # seconds
_METRICS_BATCH = 500


def stream_name(job: TrainingJob) -> str:
    """JOB/algo-1-EPOCH, the same after every restart."""
    return f"{job.name}/algo-1-{int(job.created.timestamp())}"


class JobLog:
    """Follows a job's container; ships lines and metrics that were not shipped by an earlier server."""

    def __init__(self, call: Call, engine: Engine, job: TrainingJob, container: str, notices: Sequence[str]) -> None:
        self._definitions = MetricDefinitions(job.request["AlgorithmSpecification"].get("MetricDefinitions", []))
        self._publisher = MetricPublisher(call, job.name)
        self._final: dict[str, FinalMetric] = {}
        self._log = ShippedLog(call, engine, container, GROUP, stream_name(job), notices=notices, on_line=self._line)

    @property
    def final_metrics(self) -> tuple[FinalMetric, ...]:
        """The last value of every metric that the log has given so far."""
        return tuple(self._final.values())

    @property
    def tail(self) -> list[str]:
        """The last lines of the log."""
        return self._log.tail

    def finish(self) -> None:
        """Ships the rest, once the container has ended."""
        self._log.finish()
        self._publisher.close()

    def abandon(self) -> None:
        """Leaves the log where it is: a later server goes on."""
        self._log.abandon()
        self._publisher.close()

    def _line(self, line: LogLine, new: bool) -> None:
        for name, value in self._definitions.found_in(line.text):
            self._final[name] = FinalMetric(name=name, value=value, timestamp=line.timestamp)
            if new:
                self._publisher.put(name, value, line.timestamp)


class MetricPublisher:
    """Writes a job's metrics to CloudWatch in batches, in the background."""

    def __init__(self, call: Call, job: str) -> None:
        self._call = call
        self._job = job
        self._lock = threading.Lock()
        self._waiting: list[dict[str, Any]] = []
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, name: str, value: float, timestamp: datetime) -> None:
        """Queues one value."""
        with self._lock:
            self._waiting.append(datum(name, value, timestamp, self._job))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"metrics of {self._job}", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Writes what is left."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        while not self._closing.wait(_METRICS_INTERVAL):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            data, self._waiting = self._waiting, []
        for start in range(0, len(data), _METRICS_BATCH):
            try:
                self._call.invoke(
                    "cloudwatch", "PutMetricData", Namespace=NAMESPACE, MetricData=data[start : start + _METRICS_BATCH]
                )
            except ApiError as error:
                log.warning("Metrics of the training job %s did not reach CloudWatch: %s", self._job, error)
            except (OSError, sqlite3.Error) as error:
                log.warning("Metrics of the training job %s wait: %s", self._job, error)
                with self._lock:
                    self._waiting[:0] = data[start:]
                return
