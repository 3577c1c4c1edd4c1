"""The results as pictures: every comparison's sides beside boatyard's, and the curves of growth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.report import HEADINGS, number
from bench.results import DIRECTORY, Section
from bench.samples import BOATYARD, Comparison, Curve, median

CHART, CURVES = DIRECTORY / "chart.png", DIRECTORY / "growth.png"
COLORS = {
    BOATYARD: "#0b6e99",
    "moto": "#d08c1d",
    "ministack": "#7a5195",
    "nginx": "#5a8f3d",
    "bare podman": "#444444",
    "podman run": "#444444",
    "bare podman, image pushed and pulled": "#999999",
    "container": "#b03a5b",
}
OTHER = "#c8a2c8"


def draw(sections: dict[str, Section]) -> list[Path]:
    """Write the pictures; which were written."""
    import matplotlib as mpl

    mpl.use("Agg")
    compared = [
        (name, each)
        for name in HEADINGS
        for each in (sections[name].measured if name in sections else [])
        if isinstance(each, Comparison) and len(each.runs) > 1 and each.goals
    ]
    curves = [each for found in sections.values() for each in found.measured if isinstance(each, Curve)]
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    written = []
    if compared:
        _draw_comparisons(compared)
        written.append(CHART)
    if curves:
        _draw_curves(curves)
        written.append(CURVES)
    return written


def _draw_comparisons(compared: list[tuple[str, Comparison]]) -> None:
    """A row for each figure: the sides' medians on a logarithmic scale, boatyard's as 1, further right is better."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(12, 1.8 + 0.36 * len(compared)), layout="constrained")
    for row, (_, comparison) in enumerate(reversed(compared)):
        for side, runs in comparison.runs.items():
            ends = [_better(comparison, value) for value in (min(runs), median(runs), max(runs))]
            color = COLORS.get(side, OTHER)
            axes.plot([ends[0], ends[2]], [row, row], color=color, linewidth=2, alpha=0.5)
            own = side == BOATYARD
            axes.plot(ends[1], row, "o", color=color, markersize=9 if own else 6, zorder=3 if own else 4)
        for goal in comparison.goals:
            if goal.against in comparison.runs:
                axes.plot(_goal_place(comparison, goal.value, goal.against), row, "|", color="black", markersize=14)
    axes.set_yticks(range(len(compared)))
    axes.set_yticklabels([_plain(each.title) for _, each in reversed(compared)], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel(
        "times as good as boatyard's median; line: least to most; upright bar: where boatyard had to be for its goal"
    )
    axes.grid(axis="x", alpha=0.3)
    sides = dict.fromkeys(side for _, each in compared for side in each.runs)
    for side in sides:
        axes.plot([], [], "o", color=COLORS.get(side, OTHER), label=side)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    axes.set_ylim(-0.7, len(compared) - 0.3)
    figure.savefig(CHART, dpi=110)
    pyplot.close(figure)


def _better(comparison: Comparison, value: float) -> float:
    """How many times better than boatyard's median."""
    own = median(comparison.runs[BOATYARD])
    return value / own if comparison.more_is_better else own / value


def _goal_place(comparison: Comparison, value: float, against: str) -> float:
    """Where boatyard's median had to be at least, seen from where it is."""
    return _better(comparison, median(comparison.runs[against]) * value)


def _draw_curves(curves: list[Curve]) -> None:
    from matplotlib import pyplot

    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(4 * columns, 2.8 * rows), layout="constrained", squeeze=False
    )
    places: list[Any] = [place for row in grid for place in row]
    for axes, curve in zip(places, curves, strict=False):
        middles = [median(runs) for runs in curve.runs]
        below = [middle - min(runs) for middle, runs in zip(middles, curve.runs, strict=True)]
        above = [max(runs) - middle for middle, runs in zip(middles, curve.runs, strict=True)]
        axes.errorbar(curve.sizes, middles, yerr=[below, above], marker="o", color=COLORS[BOATYARD], capsize=3)
        for size, middle in zip(curve.sizes, middles, strict=True):
            axes.annotate(number(middle), (size, middle), textcoords="offset points", xytext=(4, 5), fontsize=8)
        axes.set_xscale("log")
        axes.set_ylim(0, max(max(runs) for runs in curve.runs) * 1.25 or 1)
        axes.set_title(_plain(curve.title), fontsize=9)
        axes.set_xlabel(curve.of, fontsize=8)
        axes.set_ylabel(curve.unit, fontsize=8)
        axes.grid(alpha=0.3)
    for axes in places[len(curves) :]:
        axes.set_visible(False)
    figure.savefig(CURVES, dpi=110)
    pyplot.close(figure)


def _plain(title: str) -> str:
    return title.replace("`", "")
