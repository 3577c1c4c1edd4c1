"""The results as tables, for docs/performance.md and for the terminal."""

from __future__ import annotations

from bench.results import Section
from bench.samples import BOATYARD, Breakdown, Comparison, Curve, Goal, median, ratio, reached
from bench.session import ROOT

PAGE = ROOT / "docs" / "performance.md"
# Section: its heading on the page. The order is the page's and that of a run.
HEADINGS = {
    "size": "Start and size",
    "push": "Push to Prod against the bare commands",
    "s3": "S3",
    "control_plane": "Control plane",
    "endpoint": "Endpoint",
    "functions": "Functions",
    "growth": "Growth",
}


def begin(name: str) -> str:
    """The mark before a section's tables."""
    return f"<!-- figures of {name}: written by make bench -->"


END = "<!-- end of figures -->"


def page(text: str, sections: dict[str, Section]) -> str:
    """The page with the present tables between its marks."""
    for name in HEADINGS:
        before, mark, rest = text.partition(begin(name))
        if mark:
            _, _, after = rest.partition(END)
            text = f"{before}{mark}\n\n{tables(sections.get(name))}\n\n{END}{after}"
    return text


def tables(section: Section | None) -> str:
    """A section's results as Markdown."""
    if section is None:
        return "Not measured yet."
    lines: list[str] = []
    comparisons = [each for each in section.measured if isinstance(each, Comparison)]
    if comparisons:
        latency = any(comparison.latency for comparison in comparisons)
        more = " p50, p99 |" if latency else ""
        lines += [f"| Figure | Side | Median | Least to most, runs |{more} boatyard / side | Goal |"]
        lines += [f"| --- | --- | --- | --- |{' --- |' if latency else ''} --- | --- |"]
        for comparison in comparisons:
            lines += _rows(comparison, latency=latency)
        lines.append("")
    lines += _curves([each for each in section.measured if isinstance(each, Curve)])
    for table in section.measured:
        if isinstance(table, Breakdown):
            lines += _breakdown(table)
    notes = dict.fromkeys(each.note for each in section.measured if each.note)
    lines += [f"- {note}" for note in notes] + ([""] if notes else [])
    on = section.machine
    lines.append(
        f"Measured on {section.date} in the {section.form} form ({section.seconds:.0f} s): {on.processors} processors "
        f"({on.processor}), {on.memory_mib / 1024:.0f} GiB, {on.system}, Linux {on.kernel}, Python {on.python}."
    )
    return "\n".join(lines)


def _rows(comparison: Comparison, *, latency: bool) -> list[str]:
    lines = []
    for side, runs in comparison.runs.items():
        own = side == BOATYARD
        goals = "; ".join(
            _goal(comparison, goal) for goal in comparison.goals if goal.against == (None if own else side)
        )
        found = comparison.latency.get(side)
        told = f" {', '.join(map(number, found))} ms |" if found else " |"
        lines.append(
            f"| {comparison.title if own else ''} | {side} | {number(median(runs))} {comparison.unit} | "
            f"{number(min(runs))} to {number(max(runs))}, {len(runs)} |{told if latency else ''} "
            f"{'' if own else number(ratio(comparison, side))} | {goals} |"
        )
    return lines


def _goal(comparison: Comparison, goal: Goal) -> str:
    _, well = reached(comparison, goal)
    unit = f" {comparison.unit}" if goal.against is None else " times" if goal.at_least else ""
    return f"{'at least' if goal.at_least else 'at most'} {goal.value:g}{unit}: {'met' if well else '**missed**'}"


def _curves(curves: list[Curve]) -> list[str]:
    """One table for all curves of the same sizes."""
    lines = []
    for sizes in dict.fromkeys(tuple(curve.sizes) for curve in curves):
        heads = "".join(f" {size:,} |" for size in sizes)
        lines += [f"| Figure: median (least to most) |{heads} runs |", "| --- |" + " --- |" * (len(sizes) + 1)]
        for curve in curves:
            if tuple(curve.sizes) == sizes:
                cells = "".join(
                    f" {number(median(runs))} {curve.unit} ({number(min(runs))} to {number(max(runs))}) |"
                    for runs in curve.runs
                )
                lines.append(f"| {curve.title}, by {curve.of} |{cells} {len(curve.runs[0])} |")
        lines.append("")
    return lines


def _breakdown(table: Breakdown) -> list[str]:
    head = [f"| {table.title} | {' | '.join(table.columns)} |", "| --- |" + " ---: |" * len(table.columns)]
    return [*head, *(f"| {' | '.join(row)} |" for row in table.rows), ""]


def number(value: float) -> str:
    """A figure with three digits that count, thousands set off."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 1 else 1 if abs(value) >= 10 else 2
    return f"{value:.3g}" if abs(value) < 0.1 else f"{value:.{digits}f}"


def summary(sections: dict[str, Section]) -> str:
    """Every goal with what was reached, a line each, for the terminal."""
    lines = []
    for name in HEADINGS:
        found = sections.get(name)
        for each in found.measured if found else []:
            if not isinstance(each, Comparison):
                continue
            for goal in each.goals:
                value, well = reached(each, goal)
                what = f"{each.title}: {number(value)}" + (f" of {goal.against}" if goal.against else f" {each.unit}")
                wanted = f"goal {'at least' if goal.at_least else 'at most'} {goal.value:g}"
                lines.append(f"{'met   ' if well else 'MISSED'}  {what} ({wanted})")
    return "\n".join(lines)
