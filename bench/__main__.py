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
    on = session.machine()
    sections = results.read()
    for name in names or report.HEADINGS:
        sys.stdout.write(f"\n{report.HEADINGS[name]} ({'full' if full else 'short'} form)\n")
        began = time.monotonic()
        measured = importlib.import_module(f"bench.{name}").measure(begun)
        spent = time.monotonic() - began
        sections = results.keep(name, results.section(measured, on, full=full, seconds=spent))
        sys.stdout.write(f"\n{report.tables(sections[name])}\n")
    report.PAGE.write_text(report.page(report.PAGE.read_text(), sections))
    pictures = chart.draw(sections)
    sys.stdout.write(f"\n{report.summary(sections)}\n\n")
    for path in (results.FIGURES, report.PAGE, *pictures):
        sys.stdout.write(f"Written to {path.relative_to(session.ROOT)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
