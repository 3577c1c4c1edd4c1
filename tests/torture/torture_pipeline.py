"""The long form: the blueprint's pipeline with the server killed in every execution (`make torture`).

TORTURE_ROUNDS says how many executions (20), TORTURE_SEED which random moments.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.torture import checks
from tests.torture.lab import STAGES, TortureLab, TrappedServer

ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "20"))
SEED = int(os.environ.get("TORTURE_SEED", "0")) or random.randrange(1, 2**31)
COMMITS = 400
"""An execution has about as many transactions."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TortureLab]:
    directory = tmp_path_factory.mktemp("torture")
    server = TrappedServer(directory / "data", authorization="enforce")
    server.start()
    try:
        made = TortureLab(server, directory)
        made.bring_up()
        yield made
    finally:
        server.fault.unlink(missing_ok=True)
        server.discard()


def at_rest(lab: TortureLab) -> checks.Present:
    """What is left when the server was told to stop; it runs again afterwards."""
    lab.server.stop()
    found = checks.present(lab.server.data_directory, lab.engine())
    orphans = checks.orphaned_blobs(lab.server.data_directory)
    found.files.update(f"orphan {checks.steady(path)}" for path in orphans)
    lab.server.start()
    return found


def one_round(lab: TortureLab, number: int, dice: random.Random, kill: str, lasts: float) -> list[str]:
    """One execution with deaths; what is wrong afterwards. `lasts`: seconds that it takes when left alone."""
    before = checks.done(lab)
    mark = f"r{number}"
    lab.mark(mark)
    lab.deaths = 0
    told = ""
    if kill == "commit":
        plan = {"commit": dice.randrange(1, COMMITS), "when": dice.choice(["before", "after"])}
        told = str(plan)
        lab.server.dies(**plan)
    commit = lab.push()
    execution = lab.execution_of(commit)
    started = time.monotonic()
    moments = sorted(dice.uniform(0, lasts) for _ in range({"time": 1, "twice": 2}.get(kill, 0)))
    told = told or f"after {moments}"

    def strike() -> None:
        if moments and time.monotonic() - started > moments[0]:
            moments.pop(0)
            lab.server.kill()
            lab.server.start()
            lab.deaths += 1

    status = lab.follow(execution, strike)
    lab.server.fault.unlink(missing_ok=True)
    spent = time.monotonic() - started
    print(f"round {number} {kill} {told}: {status} in {spent:.0f} s, {lab.deaths} deaths", flush=True)
    if status != "Succeeded":
        return [f"the execution is {status}: {lab.story(execution)}"]
    wrong = []
    for stage in STAGES:
        lab.patiently(lambda stage=stage: lab.ask(stage))  # type: ignore[misc]
    wrong += checks.work_faults(lab, before, checks.done(lab))
    wrong += checks.not_kept(lab, commit)
    return wrong + lab.settled(lambda: log_faults(lab, number))


def log_faults(lab: TortureLab, number: int) -> list[str]:
    return checks.log_faults(lab, f"r{number}") + (checks.end_faults(lab, f"r{number - 1}") if number else [])


def test_executions_end_as_they_would_have(lab: TortureLab) -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    faults: dict[str, list[str]] = {}
    lasts = 0.0
    for number in (0, 1):
        began = time.monotonic()
        wrong = one_round(lab, number, dice, "none", 0)
        lasts = time.monotonic() - began
        assert wrong == [], wrong
    clean = at_rest(lab)
    print(f"at rest: {clean}")
    for number in range(2, ROUNDS + 2):
        kill = dice.choice(["commit", "commit", "time", "twice"])
        wrong = one_round(lab, number, dice, kill, lasts)
        left = at_rest(lab).beyond(clean)
        if left:
            wrong.append(f"left over: {left}")
        if wrong:
            faults[f"{number} {kill}"] = wrong
            print(f"  WRONG {wrong}", flush=True)
    assert faults == {}
