"""Push to Prod against the bare commands: seconds until Prod serves a change, with boatyard and bare.sh."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import trace, trace_chart
from bench.bare import Bare
from bench.deliveries import Deliveries
from bench.samples import BOATYARD, Breakdown, Comparison, Goal, Measured, alternate
from bench.session import Session, resident_mebibytes

BARE = "bare podman"
TRANSFERRED = "bare podman, image pushed and pulled"
COLD, WARM = Goal(value=1.15, against=BARE), Goal(value=1.5, against=BARE)
SHORT_RUNS = 1
NOTE = (
    "The bare side is [bench/bare.sh](../bench/bare.sh): podman build, podman run train, podman run serve three times, "
    "curl, on a podman set up as boatyard's. It does no more than that: no git, no registry between the build and what "
    "runs the image, no S3, no functions, no logs kept, no roles."
)
COLD_NOTE = (
    "First push: both sides begin with the base image and nothing else, no layer, no image, no function that runs. The "
    "third side is the second with what CodeBuild, ECR and SageMaker ask for: the image compressed, stored, and "
    f"fetched into a second storage. The short form makes each delivery {SHORT_RUNS} time, the full form five times."
)
TRACE_NOTE = (
    "Where boatyard's time goes, from one run each of recorded history ([trace.json](../bench/results/trace.json), "
    "[picture](../bench/results/trace.png)); what several claim at once is the first column's. "
    + "; ".join(f"{kind}: {meaning}" for kind, meaning in trace.MEANING.items())
    + "."
)


class Traced(NamedTuple):
    """The trace of a delivery, and how long the same stages took with the bare commands."""

    trace: trace.Trace
    bare: dict[str, float]


class Sides(NamedTuple):
    """Both sides, with what they deliver."""

    blueprint: Blueprint
    boatyard: Deliveries
    bare: Bare


@contextmanager
def _sides(session: Session) -> Iterator[Sides]:
    """A new server with the stacks, and a new podman; nothing delivered yet."""
    room = session.room("push")
    blueprint = Blueprint(room / "blueprint")
    with Deliveries(blueprint.path) as boatyard, Bare(room / "bare", blueprint.path) as bare:
        yield Sides(blueprint, boatyard, bare)


def measure(session: Session) -> list[Measured]:
    """First pushes, each of new sides; then the other three deliveries with the last of these sides."""
    cold: dict[str, list[float]] = {BOATYARD: [], BARE: [], TRANSFERRED: []}
    runs = session.runs if session.full else SHORT_RUNS
    for _ in range(runs - 1):
        with _sides(session) as sides:
            _first(session, sides, cold)
    with _sides(session) as sides:
        traced = [_first(session, sides, cold)]
        blueprint, boatyard, bare = sides
        session.say("code change")
        code = _warm(session, sides, blueprint.change_code, boatyard.push, runs - 1, 1)
        blueprint.change_code()
        changed = boatyard.traced("A code change", boatyard.push)
        code[BOATYARD].append(changed.seconds)
        code[BARE].append(bare.deliver())
        traced.append(Traced(changed, bare.stages))
        session.say("unchanged push")
        unchanged = _warm(session, sides, lambda: None, boatyard.push, runs)
        session.say("new data")
        data = _warm(session, sides, blueprint.change_data, boatyard.retrain, runs)
        memory = resident_mebibytes(boatyard.lab.server.pid)
    trace_chart.write([each.trace for each in traced])
    return [
        _compared("first_push", "First push, nothing kept", cold, COLD, f"{COLD_NOTE} {NOTE}"),
        _compared("code_change", "Push of a code change", code, WARM),
        _compared("unchanged", "Push of an unchanged commit", unchanged, WARM),
        _compared("new_data", "Training again on new data", data, WARM),
        Comparison(
            key="busy_memory",
            title="Resident memory of the server after these deliveries, three endpoints in service",
            unit="MiB",
            runs={BOATYARD: [memory]},
        ),
        *(_broken_down(number, each) for number, each in enumerate(traced)),
    ]


def _compared(key: str, title: str, runs: dict[str, list[float]], goal: Goal, note: str = "") -> Comparison:
    return Comparison(key=key, title=title, unit="s", runs=runs, goals=[goal], note=note)


def _broken_down(number: int, traced: Traced) -> Breakdown:
    return Breakdown(
        key=f"trace_{number}",
        title=f"{traced.trace.title}, seconds",
        columns=[*trace.KINDS, "all", BARE],
        rows=trace.rows(traced.trace, traced.bare),
        note=TRACE_NOTE,
    )


def _first(session: Session, sides: Sides, found: dict[str, list[float]]) -> Traced:
    """A first push with each side, no warm-up, for nothing may be warm; its trace."""

    def keep(side: str, spent: float) -> None:
        found[side].append(spent)
        session.say(f"first push, {side}: {spent:.4g}")

    traced = sides.boatyard.traced("A first push", sides.boatyard.push)
    keep(BOATYARD, traced.seconds)
    bare = sides.bare.deliver()
    keep(BARE, bare)
    stages = sides.bare.stages
    keep(TRANSFERRED, bare + sides.bare.transfer())
    return Traced(traced, stages)


def _warm(
    session: Session,
    sides: Sides,
    change: Callable[[], None],
    own: Callable[[], float],
    runs: int,
    warm_up: int = 0,
) -> dict[str, list[float]]:
    """Both sides in turn, each time after a change that both deliver."""

    def changed(deliver: Callable[[], float]) -> Callable[[], float]:
        def run() -> float:
            change()
            return deliver()

        return run

    return alternate({BOATYARD: changed(own), BARE: changed(sides.bare.deliver)}, runs, warm_up, session.say)


class Blueprint:
    """A copy of the blueprint whose code and data can be changed."""

    def __init__(self, path: Path) -> None:
        from boatyard.demo.lab import blueprint_directory

        self.path = path
        self._changes = 0
        shutil.copytree(blueprint_directory(), path)

    def change_code(self) -> None:
        """A further comment in the predictor."""
        self._changes += 1
        predictor = self.path / "algorithm" / "decision_tree" / "predictor.py"
        predictor.write_text(f"{predictor.read_text()}\n# Change {self._changes}.\n")

    def change_data(self) -> None:
        """A further row of training data, one that is there already."""
        rows = self.path / "data" / "train" / "iris.csv"
        lines = rows.read_text().splitlines()
        rows.write_text("\n".join([*lines, lines[len(lines) % 100]]) + "\n")
