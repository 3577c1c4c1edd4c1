"""`boatyard doctor`: what this machine can do for boatyard, and what to do about what it cannot."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from boatyard.cli import servers

_MARKS = {"ok": ("ok", "green"), "notice": ("note", "yellow"), "problem": ("PROBLEM", "red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Look at everything that boatyard needs; exit status 1 when something does not work."""
    from dataclasses import asdict

    from boatyard.containers.doctor import examine

    problems = 0
    for finding in examine(servers.settings_for()):
        problems += finding.level == "problem"
        if as_json:
            typer.echo(json.dumps(asdict(finding)))
            continue
        mark, colour = _MARKS[finding.level]
        shown = typer.style(f"{mark:<8}", fg=colour) if sys.stdout.isatty() else f"{mark:<8}"
        typer.echo(f"{shown}{finding.subject}: {finding.text}")
        if finding.remedy:
            typer.echo(f"        -> {finding.remedy}")
    if problems:
        raise typer.Exit(1)
