"""Metrics of invocations: added up by the minute in memory, written to CloudWatch in the background.

After "Amazon SageMaker Endpoint Invocation Metrics", namespace AWS/SageMaker.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation

log = logging.getLogger(__name__)
NAMESPACE = "AWS/SageMaker"
FLUSH_SECONDS = 5.0
_UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}
_BATCH = 500


@dataclass(slots=True)
class _Sum:
    count: int = 0
    total: float = 0.0
    least: float = field(default=float("inf"))
    most: float = field(default=float("-inf"))

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        # Not min and max: this is done for every metric of every prediction, and these are twice as quick.
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value

    def merge(self, other: _Sum) -> None:
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)


# (account, region, endpoint), variant, minute (seconds since 1970)
_Key = tuple[tuple[str, str, str], str, int]
_Sums = dict[_Key, dict[str, _Sum]]


class InvocationMetrics:
    """The sums of one running server."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._lock = threading.Lock()
        self._sums: _Sums = {}

    def add(self, endpoint: tuple[str, str, str], variant: str, instances: int, values: dict[str, float]) -> None:
        """Counts one invocation. `values` are its metrics; Invocations and InvocationsPerInstance are added."""
        key = (endpoint, variant, int(time.time() // 60 * 60))
        with self._lock:
            sums = self._sums.get(key)
            if sums is None:
                sums = self._sums[key] = defaultdict(_Sum)
            sums["Invocations"].add(1.0)
            sums["InvocationsPerInstance"].add(1.0 / max(1, instances))
            for name, value in values.items():
                sums[name].add(value)

    def flush(self) -> None:
        """Writes what has been added since the last time."""
        with self._lock:
            sums, self._sums = self._sums, {}
        try:
            self._write(sums)
        except (OSError, sqlite3.Error):
            # A full disk: the next time. What has gone already is counted twice then, rather than not at all.
            with self._lock:
                for key, later in self._sums.items():
                    kept = sums.setdefault(key, defaultdict(_Sum))
                    for name, total in later.items():
                        kept[name].merge(total)
                self._sums = sums
            raise

    def _write(self, sums: _Sums) -> None:
        places: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for ((account, region, endpoint), variant, minute), totals in sums.items():
            data = [_datum(endpoint, variant, minute, name, total) for name, total in totals.items()]
            places.setdefault((account, region), []).extend(data)
        for (account, region), data in places.items():
            call = self._installation.service_call("sagemaker.amazonaws.com", account, region)
            for start in range(0, len(data), _BATCH):
                try:
                    call.invoke(
                        "cloudwatch", "PutMetricData", Namespace=NAMESPACE, MetricData=data[start : start + _BATCH]
                    )
                except ApiError as error:
                    log.warning("Invocation metrics did not reach CloudWatch: %s", error)

    def forget(self) -> None:
        """Drops what has not been written."""
        with self._lock:
            self._sums = {}


def _datum(endpoint: str, variant: str, minute: int, name: str, total: _Sum) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        "Timestamp": datetime.fromtimestamp(minute, UTC),
        "StatisticValues": {
            "SampleCount": float(total.count),
            "Sum": total.total,
            "Minimum": total.least,
            "Maximum": total.most,
        },
        "Unit": _UNITS.get(name, "None"),
    }


def of(installation: Installation) -> InvocationMetrics:
    """The sums of a running server."""
    return installation.attached("sagemaker.invocation_metrics", lambda: InvocationMetrics(installation))
