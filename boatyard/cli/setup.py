"""`boatyard setup`: an engine that works on this machine, and the environments that containers run in."""

from __future__ import annotations

import sys
import time

import typer

from boatyard.cli import servers


def setup() -> None:
    """Find or install a container engine and build what containers run in; quick when all is there."""
    from boatyard.containers.setup import setup as steps

    started = time.monotonic()
    if sys.stderr.isatty():
        _with_spinner()
    else:
        for line in steps(servers.settings_for()):
            typer.echo(line)
    typer.echo(f"Ready after {time.monotonic() - started:.0f} s. 'boatyard up' starts the server.")


def _with_spinner() -> None:
    from rich.console import Console

    from boatyard.containers.setup import setup as steps

    console = Console(stderr=True, highlight=False)
    with console.status("Looking at this machine ...") as spinner:
        for line in steps(servers.settings_for()):
            console.print(line, markup=False)
            spinner.update(line.replace("[", r"\["))
