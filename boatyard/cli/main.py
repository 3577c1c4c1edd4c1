"""The `boatyard` command. Its parts import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from boatyard.cli import demo, doctor, down, env, export, gc, logs, permissions, reset, setup, status, up, watch
from boatyard.cli.failures import explained

app = typer.Typer(
    name="boatyard",
    help="Runs AWS's bring-your-own-algorithm delivery pipeline for real on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from boatyard import __version__

        typer.echo(f"boatyard {__version__}")
        raise typer.Exit


@app.callback()
def choose(
    data_directory: Annotated[
        Path | None, typer.Option(help="Where state is kept (also BOATYARD_DATA_DIRECTORY).", show_default=False)
    ] = None,
    configuration: Annotated[
        Path | None, typer.Option(help="The TOML file of settings (also BOATYARD_CONFIGURATION).", show_default=False)
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Settings that hold for every command; all of them can also be set by BOATYARD_<NAME> or in the file."""
    # The server's process gets them the same way.
    if data_directory is not None:
        os.environ["BOATYARD_DATA_DIRECTORY"] = str(data_directory.absolute())
    if configuration is not None:
        os.environ["BOATYARD_CONFIGURATION"] = str(configuration.absolute())


_COMMANDS = (
    (setup.setup, "Find or install a container engine, build the environments."),
    (demo.demo, "Set everything up and carry the algorithm from commit to production."),
    (up.up, "Start the server."),
    (down.down, "Stop the server."),
    (status.status, "Tell whether the server runs and what it has."),
    (doctor.doctor, "Look at everything that boatyard needs."),
    (env.env, 'Print what AWS clients need: eval "$(boatyard env)".'),
    (watch.watch, "Show a pipeline live."),
    (logs.logs, "Print the logs of what runs, or of the server."),
    (permissions.permissions, "Tell what roles used, were denied and never needed."),
    (gc.gc, "Tell what takes up room, and remove what nothing needs."),
    (export.export, "Write everything into one file."),
    (export.import_, "Fill an empty data directory from such a file."),
    (reset.reset, "Remove everything, after asking."),
)
for function, short_help in _COMMANDS:
    app.command(function.__name__.rstrip("_"), short_help=short_help)(function)


def main() -> None:
    """The entry point: what goes wrong is told in a sentence, with a way out, and exit status 1."""
    try:
        app()
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        sys.exit(130)
    except Exception as error:
        text = explained(error)
        if text is None:
            raise
        sys.stderr.write(f"boatyard: {text}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
