"""`make bench`: measures every section, or those that are named, and writes tables, pictures and JSON."""

from __future__ import annotations

import importlib
import os
import sys
import time

from bench import chart, report, results, session


def main(names: list[str]) -> None:
    """Measure the named sections, all without names; what is ready is written after each."""
    unknown = [name for name in names if name not in report.HEADINGS]
    if unknown:
        raise SystemExit(f"There is no section {', '.join(unknown)}. There are: {', '.join(report.HEADINGS)}.")
    full = os.environ.get("BENCH", "short") == "full"
    begun = session.begin(full)
    from boatyard.cli import setup

    setup.setup()
    failures = [told for name in names or report.HEADINGS if (told := measure(name, begun))]
    sections = results.read()
    report.PAGE.write_text(report.page(report.PAGE.read_text(), sections))
    pictures = chart.draw(sections)
    sys.stdout.write(f"\n{report.summary(sections)}\n\n")
    for path in (results.FIGURES, report.PAGE, *pictures):
        sys.stdout.write(f"Written to {path.relative_to(session.ROOT)}\n")
    if failures:
        raise SystemExit("\n".join(["", "Not measured, so that what is written of them is older:", *failures]))


def measure(name: str, begun: session.Session) -> str:
    """Measure one section and keep it; why it could not be, nothing when it could: the others are measured still."""
    form = "full" if begun.full else "short"
    sys.stdout.write(f"\n{report.HEADINGS[name]} ({form} form)\n")
    began = time.monotonic()
    try:
        measured = importlib.import_module(f"bench.{name}").measure(begun)
    except SystemExit as failure:
        sys.stdout.write(f"\n{failure}\n")
        return f"{report.HEADINGS[name]}: {failure}"
    spent = time.monotonic() - began
    section = results.section(measured, session.machine(), full=begun.full, seconds=spent)
    results.keep(name, section)
    sys.stdout.write(f"\n{report.tables(section)}\n")
    return ""


if __name__ == "__main__":
    main(sys.argv[1:])
