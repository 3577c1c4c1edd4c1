"""`boatyard doctor`: what this machine can do for boatyard, and what to do about what it cannot."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from boatyard.cli import servers

if TYPE_CHECKING:
    from boatyard.containers.doctor import Finding

_MARKS = {"ok": ("ok", "green"), "notice": ("note", "yellow"), "problem": ("PROBLEM", "red")}


def _server() -> Iterator[Finding]:
    """Whether the server runs, or could."""
    from boatyard.containers.doctor import Finding
    from boatyard.gateway.server import CannotStart, listening_socket

    found = servers.find_running()
    if found is not None:
        if found.answers():
            yield Finding("ok", "server", f"runs on {found.url}")
        else:
            log = found.settings.data_directory / "logs" / "server.log"
            yield Finding(
                "problem",
                "server",
                f"process {found.pid} does not answer on {found.url}",
                f"Read {log}; 'boatyard down' and 'boatyard up' start it anew.",
            )
        return
    settings = servers.settings_for()
    try:
        listening_socket("127.0.0.1", settings.port).close()
        yield Finding("ok", "server", f"is down; port {settings.port} is free")
    except CannotStart as error:
        yield Finding("problem", "server", str(error), "Then start it with 'boatyard up'.")


def _verified() -> Iterator[Finding]:
    """Everything that is kept, read and compared; what is fine is counted, what is not is named."""
    from boatyard.cli.progress import Progress
    from boatyard.cli.tasks import run
    from boatyard.containers.doctor import Finding

    count = size = 0
    with Progress() as progress:
        progress.say("Reading everything that is kept")
        for looked in run("verify"):
            count, size = count + 1, size + looked["size"]
            progress.count(count, size)
            if looked["level"] != "ok":
                yield Finding(looked["level"], looked["subject"], looked["text"], looked["remedy"])
    yield Finding("ok", "verified", f"{count} things were looked at, {size / (1 << 20):.1f} MiB were read")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all data instead, and compare it with what was written.")
    ] = False,
) -> None:
    """Look at everything that boatyard needs; exit status 1 when something does not work."""
    from dataclasses import asdict

    from boatyard.containers.doctor import examine

    problems = 0
    for finding in _verified() if verify else chain(_server(), examine(servers.settings_for())):
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
