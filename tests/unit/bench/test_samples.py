"""What is done with measured figures: medians, ratios, goals, tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import report, results
from bench.__main__ import measure
from bench.samples import Comparison, Curve, Goal, Measured, alternate, percentile, ratio, reached
from bench.session import Machine, Session

RATE = Comparison(
    key="get",
    title="GET",
    unit="requests/s",
    runs={"boatyard": [900.0, 1000.0, 5000.0], "moto": [90.0, 100.0, 110.0]},
    goals=[Goal(value=10, at_least=True, against="moto"), Goal(value=2000, at_least=True)],
    more_is_better=True,
)
CURVE = Curve(key="list", title="List", unit="ms", of="objects", sizes=[10, 1000], runs=[[1.0, 2.0, 3.0], [2.0, 2.0]])
ON = Machine(processors=2, processor="P", memory_mib=2048, system="S", kernel="6.1", python="3.11")


def test_a_goal_is_held_against_the_medians() -> None:
    assert ratio(RATE, "moto") == 10
    assert [reached(RATE, goal) for goal in RATE.goals] == [(10.0, True), (1000.0, False)]
    assert reached(RATE, Goal(value=999)) == (1000.0, False)


def test_sides_are_measured_in_turn_and_warm_ups_left_out() -> None:
    asked: list[str] = []

    def side(name: str) -> float:
        asked.append(name)
        return float(len(asked))

    found = alternate({"a": lambda: side("a"), "b": lambda: side("b")}, runs=2)
    assert asked == ["a", "b", "a", "b", "a", "b"]
    assert found == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_percentiles_are_values_that_were_seen() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, part) for part in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.5) == 7


def test_results_are_kept_a_section_at_a_time_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    results.keep("s3", results.section([RATE], ON, full=False, seconds=3), path)
    results.keep("growth", results.section([CURVE], ON, full=True, seconds=4), path)
    found = results.read(path)
    assert found["s3"].measured == [RATE]
    assert found["growth"].measured == [CURVE]
    text = report.page(f"Before.\n{report.begin('s3')}\nold\n{report.END}\nAfter.\n", found)
    assert "| GET | boatyard | 1,000 requests/s | 900 to 5,000, 3 |  | at least 2000 requests/s: **missed** |" in text
    assert "|  | moto | 100 requests/s | 90.0 to 110, 3 | 10.0 | at least 10 times: met |" in text
    assert "old" not in text
    assert text.startswith("Before.\n")
    assert text.endswith("\nAfter.\n")
    row = "| List, by objects | 2.00 ms (1.00 to 3.00) | 2.00 ms (2.00 to 2.00) | 3 |"
    assert row in report.tables(found["growth"])
    assert "met     GET: 10.0 of moto (goal at least 10)" in report.summary(found)


def test_a_section_whose_peer_fails_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Session) -> list[Measured]:
        raise SystemExit("moto answered 500")

    kept: dict[str, results.Section] = {}
    monkeypatch.setattr("bench.s3.measure", fail)
    monkeypatch.setattr("bench.control_plane.measure", lambda _: [RATE])
    monkeypatch.setattr(results, "keep", lambda name, section: kept.update({name: section}))
    session = Session(full=False, directory=tmp_path)
    assert measure("s3", session) == "S3: moto answered 500"
    assert measure("control_plane", session) == ""
    assert kept["control_plane"].measured == [RATE]
    assert "moto answered 500" in capsys.readouterr().out
