"""Boatyard's side of a push to Prod: the blueprint's stacks, real git pushes, and the pipeline that they start."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench import trace
from bench.watching import Watching
from boatyard.demo.show import Show

POLL_SECONDS = 0.2
SETTLE_SECONDS = 2.0
ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


class Silent(Show):
    """In place of the demonstration's show: prints nothing."""

    def heading(self, text: str) -> None:
        """A step begins."""

    def line(self, text: str) -> None:
        """A line of what happens."""


class Deliveries:
    """A new server with the blueprint's stacks and data, removed at the end."""

    def __init__(self, blueprint: Path) -> None:
        """`blueprint`: the algorithm and the data to deliver."""
        self._blueprint = blueprint
        self.execution = ""
        """The id of the last delivery's execution."""
        self.window = (0.0, 0.0)
        """When the last delivery began and ended, in seconds since 1970."""

    def __enter__(self) -> Deliveries:
        from boatyard.cli import servers, up
        from boatyard.demo import delivery, stacks
        from boatyard.demo.lab import Lab

        up.start_in_background(servers.settings_for())
        self.lab = Lab(servers.require_running(), blueprint=self._blueprint)
        self._show = Silent()
        stacks.create_stacks(self.lab, self._show)
        delivery.upload_data(self.lab, self._show)
        return self

    def __exit__(self, *_: object) -> None:
        from boatyard.cli import reset

        reset.reset(yes=True)

    def push(self) -> float:
        """Commit and push what the blueprint holds now; the seconds from before the commit until Prod serves it."""
        from boatyard.demo import delivery

        began = time.time()
        commit = delivery.push(self.lab, self._show)
        return self._followed(commit, began)

    def retrain(self) -> float:
        """Upload the blueprint's training data; the seconds from before the upload until Prod serves its model."""
        content = (self._blueprint / "data" / "train" / "iris.csv").read_bytes()
        began = time.time()
        put = self.lab.client("s3").put_object(Bucket=self.lab.data_bucket, Key="train/iris.csv", Body=content)
        return self._followed(put["VersionId"], began)

    def traced(self, title: str, deliver: Callable[[], float]) -> trace.Trace:
        """Deliver, and where the time went."""
        with Watching(self.lab.server.settings.data_directory, self.lab.server.pid) as watching:
            deliver()
            time.sleep(SETTLE_SECONDS)  # until the last lines of the functions are in their logs
        return trace.read(title, self.lab, self.execution, *self.window, watching)

    def _followed(self, revision: str, began: float) -> float:
        """The seconds from a moment until the pipeline's record says that the execution has ended."""
        from boatyard.demo import delivery

        self.execution = delivery.find_execution(self.lab, revision)
        client = self.lab.client("codepipeline")
        while True:
            # Seldom, because who asks takes processor time from what is measured; the record has the exact moment.
            time.sleep(POLL_SECONDS)
            recent = client.list_pipeline_executions(pipelineName=self.lab.pipeline)["pipelineExecutionSummaries"]
            summary = next(each for each in recent if each["pipelineExecutionId"] == self.execution)
            if summary["status"] in ENDED:
                break
        if summary["status"] != "Succeeded":
            raise SystemExit(f"The execution {self.execution} is {summary['status']}: the delivery was not measured.")
        self.window = (began, float(summary["lastUpdateTime"].timestamp()))
        return self.window[1] - began
