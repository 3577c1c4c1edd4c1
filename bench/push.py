"""Push to Prod: seconds from a commit until the endpoint of Prod serves it."""

from __future__ import annotations

import shutil
import time
from typing import Any

from bench.samples import BOATYARD, Comparison, Goal, Measured
from bench.session import Session, resident_mebibytes

# key: what it is, unit, goal (None: none was set)
FIGURES: dict[str, tuple[str, str, float | None]] = {
    "code_change": ("Push of a code change until Prod serves it, without the training itself", "s", 30),
    "unchanged": ("Push of an unchanged commit until Prod serves it, without the training itself", "s", 20),
    "training": ("The training itself (the job's status Training)", "s", None),
    "busy_memory": ("Resident memory of the server after all deliveries, three endpoints in service", "MiB", None),
}


def measure(session: Session) -> list[Measured]:
    """Deliveries of the blueprint: its stacks, real git pushes, and the pipeline that they start."""
    samples = _deliveries(session)
    return [
        Comparison(
            key=key,
            title=title,
            unit=unit,
            runs={BOATYARD: samples[key]},
            goals=[] if goal is None else [Goal(value=goal)],
        )
        for key, (title, unit, goal) in FIGURES.items()
    ]


def _deliveries(session: Session) -> dict[str, list[float]]:
    """Seconds from a push until Prod serves: of code changes, then of commits that change nothing."""
    from boatyard.cli import reset, servers, up
    from boatyard.demo import delivery, stacks
    from boatyard.demo.lab import Lab, blueprint_directory
    from boatyard.demo.show import Show

    samples: dict[str, list[float]] = {"code_change": [], "unchanged": [], "training": [], "busy_memory": []}
    copy = session.room("push") / "blueprint"
    shutil.copytree(blueprint_directory(), copy)
    up.start_in_background(servers.settings_for())
    try:
        lab, show = Lab(servers.require_running(), blueprint=copy), Show()
        stacks.create_stacks(lab, show)
        delivery.upload_data(lab, show)
        deliver(lab, show)
        predictor = copy / "algorithm" / "decision_tree" / "predictor.py"
        for run in range(session.runs):
            predictor.write_text(predictor.read_text() + f"\n# Change {run}.\n")
            spent, training = deliver(lab, show)
            samples["code_change"].append(spent - training)
            samples["training"].append(training)
        for _ in range(session.runs):
            spent, training = deliver(lab, show)
            samples["unchanged"].append(spent - training)
            samples["training"].append(training)
        samples["busy_memory"].append(resident_mebibytes(lab.server.pid))
    finally:
        reset.reset(yes=True)
    return samples


def deliver(lab: Any, show: Any) -> tuple[float, float]:
    """Push once and follow the pipeline to its end: seconds of all of it, and of the training in it."""
    from boatyard.demo import delivery

    began = time.monotonic()
    commit = delivery.push(lab, show)
    delivery.follow(lab, show, delivery.find_execution(lab, commit))
    spent = time.monotonic() - began
    training = training_seconds(lab)
    show.line(f"push to Prod: {spent:.1f} s, of which the training was {training:.1f} s")
    return spent, training


def training_seconds(lab: Any) -> float:
    """How long the newest training job was in the secondary status Training."""
    client = lab.client("sagemaker")
    jobs = client.list_training_jobs(
        NameContains=lab.prefix, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["TrainingJobSummaries"]
    job = client.describe_training_job(TrainingJobName=jobs[0]["TrainingJobName"])
    for each in job["SecondaryStatusTransitions"]:
        if each["Status"] == "Training":
            return float((each["EndTime"] - each["StartTime"]).total_seconds())
    raise LookupError(f"{job['TrainingJobName']} was never in the status Training")
