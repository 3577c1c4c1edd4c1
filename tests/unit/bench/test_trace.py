"""How the time of a delivery is told apart, and how it is written down."""

from __future__ import annotations

import pytest

from bench import report
from bench.results import section
from bench.samples import Breakdown
from bench.session import machine
from bench.trace import BOATYARD, ENGINE, FUNCTIONS, KINDS, USER, WAITING, Claim, Stage, Trace, cut, rows, used_at


def test_what_several_claim_is_the_first_kinds_and_the_rest_is_told_by_the_servers_processor_time() -> None:
    claims = [
        Claim(FUNCTIONS, 2.0, 6.0),
        Claim(USER, 3.0, 5.0),
        Claim(ENGINE, 4.5, 5.5),
        Claim(USER, 20.0, 30.0),
    ]
    processor = [(0.0, 7.0), (2.0, 7.5), (6.0, 9.0), (10.0, 13.0)]
    found = cut(0.0, 8.0, claims, processor)
    assert found[USER] == pytest.approx(2.0)
    assert found[ENGINE] == pytest.approx(0.5)
    assert found[FUNCTIONS] == pytest.approx(1.5)
    # Half a second of the first two; all of the last two, in which it used a whole processor.
    assert found[BOATYARD] == pytest.approx(0.5 + 2.0)
    assert found[WAITING] == pytest.approx(1.5)
    assert sum(found.values()) == pytest.approx(8.0)


def test_processor_time_is_a_straight_line_between_two_looks_and_flat_outside() -> None:
    looks = [(10.0, 1.0), (12.0, 2.0)]
    assert [used_at(looks, moment) for moment in (10.0, 10.5, 12.0, 15.0)] == pytest.approx([1.0, 1.25, 2.0, 2.0])
    assert used_at(looks, 5.0) == 1.0


def test_a_trace_is_a_table_with_sums_on_the_page() -> None:
    seconds = [dict.fromkeys(KINDS, 0.25), {**dict.fromkeys(KINDS, 0.0), USER: 1.5}]
    stages = [
        Stage(name="Build", begin=0.0, end=1.5, seconds=seconds[0]),
        Stage(name="Train", begin=1.5, end=3.0, seconds=seconds[1]),
    ]
    table = rows(Trace(title="A push", seconds=3.0, stages=stages, claims=[]), {"Train": 1.25})
    assert table[0] == ["Build", *["0.25"] * len(KINDS), "1.50", ""]
    assert table[-1][:3] == ["**All**", "**1.75**", "**0.25**"]
    assert table[1][-1] == "1.25"
    assert table[-1][-2:] == ["**3.00**", "**1.25**"]
    measured = Breakdown(key="trace", title="A push", columns=[*KINDS, "all", "bare"], rows=table, note="Kinds.")
    text = report.tables(section([measured], machine(), full=False, seconds=1))
    assert "| Train | 1.50 | 0.00 |" in text
    assert "- Kinds." in text
