"""What was measured last: bench/results/figures.json, a section at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.samples import Breakdown, Measured
from bench.session import ROOT, Machine

DIRECTORY = ROOT / "bench" / "results"
FIGURES = DIRECTORY / "figures.json"


class Section(msgspec.Struct, kw_only=True):
    """One section's results: when, in which form, how many seconds it took, on what."""

    date: str
    form: str
    seconds: float
    machine: Machine
    measured: list[Measured]


def read(path: Path = FIGURES) -> dict[str, Section]:
    """What was measured last; nothing before the first time."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Section]) if path.exists() else {}


def keep(name: str, section: Section, path: Path = FIGURES) -> dict[str, Section]:
    """Write one section in place of its older one, and give all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = {**read(path), name: section}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(sections), indent=1) + b"\n")
    return sections


def section(measured: list[Measured], on: Machine, *, full: bool, seconds: float) -> Section:
    """What was measured now; figures are kept to five digits."""
    for each in measured:
        if isinstance(each, Breakdown):
            continue
        if isinstance(each.runs, dict):
            each.runs = {side: [_five_digits(run) for run in runs] for side, runs in each.runs.items()}
        else:
            each.runs = [[_five_digits(run) for run in runs] for runs in each.runs]
    return Section(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        form="full" if full else "short",
        seconds=round(seconds),
        machine=on,
        measured=measured,
    )


def _five_digits(value: float) -> float:
    return float(f"{value:.5g}")
