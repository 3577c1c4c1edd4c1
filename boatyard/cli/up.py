"""`boatyard up`: starts the server, in the background or in the foreground, to stay or for a test suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from boatyard.cli import servers
from boatyard.cli.failures import Failure

if TYPE_CHECKING:
    from boatyard.settings import Settings

_READY_WITHIN = 120.0


def up(
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in this terminal until Ctrl-C.")] = False,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="For tests: a new data directory that is thrown away at the end.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="The port on 127.0.0.1 (also BOATYARD_PORT).")] = None,
    account_id: Annotated[str | None, typer.Option(help="The AWS account id (also BOATYARD_ACCOUNT_ID).")] = None,
    region: Annotated[str | None, typer.Option(help="The region where none is named (also BOATYARD_REGION).")] = None,
) -> None:
    """Start the server; without --foreground it goes on in the background."""
    for name, value in (("PORT", port), ("ACCOUNT_ID", account_id), ("REGION", region)):
        if value is not None:
            os.environ[f"BOATYARD_{name}"] = str(value)
    settings = servers.settings_for()
    found = servers.find_running()
    if found is not None and found.answers() and (found.settings.ephemeral or not ephemeral):
        typer.echo(f"boatyard already runs on {found.url} (data in {found.settings.data_directory}).")
        return
    if ephemeral:
        settings = _use_new_directory(settings)
    if foreground:
        from boatyard.gateway.server import main

        main()
    start_in_background(settings)


def _use_new_directory(settings: Settings) -> Settings:
    """A directory of its own for a test suite's server; the commands that follow find it by a pointer."""
    pointer = servers.ephemeral_pointer(settings)
    directory = Path(tempfile.mkdtemp(prefix="boatyard-"))
    os.environ["BOATYARD_DATA_DIRECTORY"] = str(directory)
    os.environ["BOATYARD_EPHEMERAL"] = "true"
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.write_text(json.dumps({"data_directory": str(directory)}))
    return servers.settings_for()


def start_in_background(settings: Settings) -> None:
    """Start the server of a data directory and wait until it is ready; Failure with its own words if it does not."""
    directory = settings.data_directory
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "boatyard.gateway.server"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        if not _wait(process, directory):
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
            raise Failure(_why(said, process, directory))
    written = servers.read_status(directory) or {"port": settings.port}
    typer.echo(f"boatyard is ready on http://127.0.0.1:{written['port']} (data in {directory}).")
    typer.echo('To use it in this shell:  eval "$(boatyard env)"')


def _wait(process: subprocess.Popen[bytes], directory: Path) -> bool:
    started = time.monotonic()
    told = False
    while process.poll() is None:
        spent = time.monotonic() - started
        written = servers.read_status(directory)
        if written is not None and written["pid"] == process.pid:
            return True
        if spent > 1 and not told:
            told = True
            typer.echo("Starting ...", err=True)
        if spent > _READY_WITHIN:
            process.terminate()
            return False
        time.sleep(0.02)
    return False


def _why(said: str, process: subprocess.Popen[bytes], directory: Path) -> str:
    """The server's own words where it gave any, which name a way out; else where to look."""
    for line in reversed(said.splitlines()):
        if line.startswith("boatyard cannot start: "):
            return line.removeprefix("boatyard cannot start: ")
    log = directory / "logs" / "server.log"
    detail = f" It said: {said[-2000:]}" if said else ""
    ended = f"ended with status {process.poll()}" if process.poll() is not None else "was not ready in time"
    return f"The server {ended}.{detail} Its log is {log}; 'boatyard doctor' checks this machine."
