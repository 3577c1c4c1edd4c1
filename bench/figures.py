"""Measures boatyard's figures, prints them, and writes bench/results/figures.json and the table in docs/performance.md.

Run by `make bench`, as root, on a machine that does nothing else; takes about ten minutes. The deliveries are the
demonstration's own: the blueprint's stacks, real git pushes, and the pipeline that they start.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "figures.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by bench/figures.py -->", "<!-- end of figures -->"
START_RUNS, HELP_RUNS, DELIVERY_RUNS = 5, 10, 3
SETTLE_SECONDS = 5.0

Samples = dict[str, list[float]]

# key: what it is, unit, goal (None: none was set)
FIGURES: dict[str, tuple[str, str, float | None]] = {
    "help": ("`boatyard --help`", "s", 0.3),
    "ready": ("`boatyard up`, new data directory, until the server answers", "s", 1.5),
    "idle_memory": ("Resident memory of the idle server", "MiB", 150),
    "code_change": ("Push of a code change until Prod serves it, without the training itself", "s", 30),
    "unchanged": ("Push of an unchanged commit until Prod serves it, without the training itself", "s", 20),
    "training": ("The training itself (the job's status Training)", "s", None),
    "busy_memory": ("Resident memory of the server after all deliveries, three endpoints in service", "MiB", None),
}


def use_own_directory() -> Path:
    """Point all settings to a data directory and a port of the benchmark's own; where it is."""
    directory = ROOT / ".boatyard" / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.setdefault("BOATYARD_ENVIRONMENTS_DIRECTORY", str(ROOT / ".boatyard" / "environments"))
    os.environ["BOATYARD_DATA_DIRECTORY"] = str(directory / "data")
    os.environ["BOATYARD_CONFIGURATION"] = str(directory / "no-configuration.toml")
    os.environ["BOATYARD_PORT"] = str(port)
    return directory


def timed(function: Callable[[], object]) -> float:
    """How many seconds a call takes."""
    began = time.monotonic()
    function()
    return time.monotonic() - began


def resident_mebibytes(pid: int) -> float:
    """VmRSS of a process (proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} has no VmRSS")


def measure_help() -> list[float]:
    """Seconds of `boatyard --help`; the first run, which fills the disk cache, is left out."""
    command = [str(Path(sys.executable).parent / "boatyard"), "--help"]
    if not Path(command[0]).exists():
        command = [sys.executable, "-m", "boatyard.cli.main", "--help"]

    def once() -> None:
        subprocess.run(command, check=True, capture_output=True)

    once()
    return [timed(once) for _ in range(HELP_RUNS)]


def measure_starts(samples: Samples) -> None:
    """Seconds until a new server is ready, and what it holds in memory when it idles."""
    from boatyard.cli import reset, servers, up

    for run in range(START_RUNS + 1):
        spent = timed(lambda: up.start_in_background(servers.settings_for()))
        found = servers.require_running()
        if not found.answers():
            raise SystemExit("The server says that it is ready and does not answer.")
        if run:
            samples["ready"].append(spent)
            time.sleep(SETTLE_SECONDS)
            samples["idle_memory"].append(resident_mebibytes(found.pid))
        reset.reset(yes=True)


def measure_deliveries(directory: Path, samples: Samples) -> None:
    """Seconds from a push until Prod serves: of code changes, then of commits that change nothing."""
    from boatyard.cli import reset, servers, up
    from boatyard.demo import delivery, stacks
    from boatyard.demo.lab import Lab, blueprint_directory
    from boatyard.demo.show import Show

    copy = directory / "blueprint"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(blueprint_directory(), copy)
    up.start_in_background(servers.settings_for())
    try:
        lab, show = Lab(servers.require_running(), blueprint=copy), Show()
        stacks.create_stacks(lab, show)
        delivery.upload_data(lab, show)
        deliver(lab, show)
        predictor = copy / "algorithm" / "decision_tree" / "predictor.py"
        for run in range(DELIVERY_RUNS):
            predictor.write_text(predictor.read_text() + f"\n# Change {run}.\n")
            spent, training = deliver(lab, show)
            samples["code_change"].append(spent - training)
            samples["training"].append(training)
        for _ in range(DELIVERY_RUNS):
            spent, training = deliver(lab, show)
            samples["unchanged"].append(spent - training)
            samples["training"].append(training)
        samples["busy_memory"].append(resident_mebibytes(lab.server.pid))
    finally:
        reset.reset(yes=True)


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


def machine() -> dict[str, Any]:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    return {
        "processors": os.cpu_count(),
        "memory_mib": memory,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def result(samples: Samples) -> dict[str, Any]:
    """What is written: the machine, the day, and each figure's median with all its runs."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "figures": {
            key: {"median": round(statistics.median(runs), 3), "runs": [round(run, 3) for run in runs]}
            for key, runs in samples.items()
            if runs
        },
    }


def table(measured: dict[str, Any] | None) -> str:
    """The figures as Markdown, those that were not measured said to be so."""
    lines = ["| Figure | Goal | Median | Least to most, runs |", "| --- | --- | --- | --- |"]
    figures = measured["figures"] if measured else {}
    for key, (text, unit, goal) in FIGURES.items():
        wanted = f"{goal:g} {unit}" if goal is not None else ""
        found = figures.get(key)
        if found is None:
            lines.append(f"| {text} | {wanted} | not measured yet | |")
            continue
        runs = found["runs"]
        spread = f"{_number(min(runs), unit)} to {_number(max(runs), unit)}, {len(runs)}"
        lines.append(f"| {text} | {wanted} | {_number(found['median'], unit)} {unit} | {spread} |")
    if measured:
        on = measured["machine"]
        lines += [
            "",
            f"Measured on {measured['date']}: {on['processors']} processors, {on['memory_mib'] / 1024:.0f} GiB, "
            f"{on['system']}, Python {on['python']}.",
        ]
    return "\n".join(lines)


def _number(value: float, unit: str) -> str:
    return f"{value:.0f}" if unit == "MiB" else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def page(text: str, measured: dict[str, Any] | None) -> str:
    """The page with the present table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(measured)}\n\n{END}{after}"


def read() -> dict[str, Any] | None:
    """What was measured last, None before the first time."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else None


def main() -> None:
    """Measure all of it."""
    directory = use_own_directory()
    samples: Samples = {key: [] for key in FIGURES}
    from boatyard.cli import setup

    setup.setup()
    samples["help"] = measure_help()
    measure_starts(samples)
    measure_deliveries(directory, samples)
    measured = result(samples)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(measured, indent=2) + "\n")
    PAGE.write_text(page(PAGE.read_text(), measured))
    sys.stdout.write(f"\n{table(measured)}\n\nWritten to {RESULTS.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}.\n")


if __name__ == "__main__":
    main()
