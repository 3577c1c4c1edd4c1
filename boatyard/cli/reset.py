"""`boatyard reset`: removes everything that a data directory holds, after asking."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from boatyard.cli import servers
from boatyard.cli.down import stop_server
from boatyard.cli.failures import Failure

if TYPE_CHECKING:
    from boatyard.settings import Settings


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove all of it: resources, objects, repositories, images, logs and keys. The environments stay."""
    found = servers.find_running()
    settings = found.settings if found is not None else servers.settings_for()
    directory = settings.data_directory
    if found is None and not directory.exists():
        typer.echo(f"There is nothing in {directory}.")
        return
    if found is None and not any((directory / name).exists() for name in ("state.db", "importing")):
        raise Failure(f"{directory} holds no state.db: it is no data directory of boatyard, and nothing was removed.")
    if not yes:
        typer.confirm(f"Remove everything in {directory} ({_size(directory)})? This cannot be undone.", abort=True)
    if found is not None:
        stop_server(found)
    _remove(settings)
    typer.echo(f"Removed {directory}. 'boatyard up' begins anew.")


def _size(directory: Path) -> str:
    total = sum(each.lstat().st_size for each in directory.rglob("*") if each.is_file() and not each.is_symlink())
    return f"{total / (1 << 20):.0f} MiB"


def _remove(settings: Settings) -> None:
    if (settings.data_directory / "engine").exists():
        from boatyard.containers.engine import Engine

        Engine.from_settings(settings).destroy()
    if settings.data_directory.exists():
        shutil.rmtree(settings.data_directory)
