"""`boatyard down`: stops the server, and what serves until it is up again."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer

from boatyard.cli import servers
from boatyard.cli.failures import Failure

if TYPE_CHECKING:
    from boatyard.settings import Settings

_ENDS_WITHIN = 60.0
# What `boatyard up` starts again: nothing is lost by stopping it.
_REVIVED = frozenset({"endpoint", "notebook"})


def down(
    all_: Annotated[bool, typer.Option("--all", help="Stop running builds and training jobs too: they fail.")] = False,
) -> None:
    """Stop the server. Endpoints and notebooks come back with 'boatyard up'; builds and jobs go on and are taken up."""
    found = servers.find_running()
    if found is None:
        settings = servers.settings_for()
        typer.echo(f"No boatyard server is running on {settings.data_directory}.")
    else:
        settings = found.settings
        stop_server(found)
        typer.echo("boatyard is down.")
    if not settings.ephemeral and settings.data_directory.exists():
        _stop_containers(settings, everything=all_)


def stop_server(found: servers.Running) -> None:
    """End the process; Failure when it does not."""
    os.kill(found.pid, signal.SIGTERM)
    if not servers.wait_for_end(found.pid, _ENDS_WITHIN):
        raise Failure(
            f"The server (process {found.pid}) has not ended within {_ENDS_WITHIN:.0f} s."
            f" 'kill -9 {found.pid}' ends it; nothing that was answered is lost."
        )


def _stop_containers(settings: Settings, *, everything: bool) -> None:
    if not (settings.data_directory / "engine").exists():
        return
    from boatyard.containers.engine import Engine
    from boatyard.containers.errors import EngineError

    engine = Engine.from_settings(settings)
    try:
        running = [each for each in engine.containers() if each.running]
        kept = [] if everything else [each for each in running if each.labels.get("boatyard.kind") not in _REVIVED]
        stopped = [each for each in running if each not in kept]
        if stopped:
            typer.echo(f"Stopping {len(stopped)} containers ...")
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda each: each.stop(10), stopped))
        if kept:
            names = ", ".join(sorted(each.name for each in kept))
            typer.echo(f"Still running, and taken up by 'boatyard up': {names}. 'boatyard down --all' stops them.")
        else:
            engine.lower_networks()
            if engine.service is not None:
                engine.service.stop()
    except EngineError as error:
        typer.echo(f"The containers could not be looked at: {error}", err=True)
    finally:
        engine.close()
