"""`boatyard export` and `boatyard import`: all of a data directory in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from boatyard.cli import servers
from boatyard.cli.progress import Progress


def export(
    file: Annotated[Path, typer.Argument(help="The file to write, such as boatyard.tar.gz.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace the file if it exists.")] = False,
) -> None:
    """Write all that the data directory holds into one file, of one moment, while the server runs or not.

    The file holds every secret (keys, data, code): its mode is 600, and whoever can read it can read everything.
    """
    from boatyard.keeping.export import export as write

    found = servers.find_running()
    settings = found.settings if found is not None else servers.settings_for()
    port = found.port if found is not None else settings.port
    with Progress() as progress:
        size = write(settings, file.absolute(), replace=yes, port=port, say=progress.say, moved=progress.moved)
    typer.echo(
        f"Wrote {file} ({size / (1 << 20):.1f} MiB). It holds all data, keys and passwords: keep it to yourself."
    )
    typer.echo(f"'boatyard import {file.name}' puts it into an empty data directory, here or on another machine.")


def import_(
    file: Annotated[Path, typer.Argument(help="The file that 'boatyard export' has written.")],
) -> None:
    """Fill an empty data directory with what an export holds; everything is checked before anything is put in place."""
    from boatyard.keeping.importing import import_file

    settings = servers.settings_for()
    with Progress() as progress:
        head = import_file(settings, file.absolute(), say=progress.say, moved=progress.moved)
    typer.echo(f"Imported the export of {head.created} into {settings.data_directory}.")
    if head.port != settings.port:
        typer.echo(
            f"Its server had the port {head.port}, this one has {settings.port}: addresses that were written down "
            "(clone URLs in stacks' outputs) name the old one. BOATYARD_PORT keeps it."
        )
    typer.echo("'boatyard setup' builds what containers run in, where it is missing; 'boatyard up' starts the server.")
