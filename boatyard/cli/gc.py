"""`boatyard gc`: what takes up how much room, and what of it nothing needs any more."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Annotated

import typer

from boatyard.cli import servers
from boatyard.cli.progress import Progress


def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Remove it without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object; removes only with --yes.")] = False,
) -> None:
    """Tell what takes up room and what nothing needs any more, and remove that, after asking."""
    from boatyard.cli.tasks import run
    from boatyard.keeping.cleaning import sizes

    found = servers.find_running()
    data = (found.settings if found is not None else servers.settings_for()).data_directory
    with Progress() as progress:
        progress.say("Looking for what nothing needs")
        may_go = list(run("gc"))
        before = sizes(data)
    if not as_json:
        _show(before, may_go)
    if not dry_run and (yes or (may_go and not as_json)):
        if not yes:
            typer.confirm("Remove it?", abort=True)
        with Progress() as progress:
            progress.say("Removing")
            may_go = list(run("gc", remove=True))
    after = sizes(data)
    if as_json:
        typer.echo(json.dumps({"before": before, "after": after, "garbage": may_go}))
    elif any(each["removed"] for each in may_go):
        typer.echo(
            f"Removed. The data directory has {_mib(sum(after.values()))} now, {_mib(sum(before.values()))} before."
        )


def _show(sizes: dict[str, int], may_go: list[dict[str, object]]) -> None:
    typer.echo("What there is:")
    for kind, size in sizes.items():
        typer.echo(f"  {kind:<28}{_mib(size):>12}")
    if not may_go:
        typer.echo("Nothing of it may go.")
        return
    kinds: dict[str, list[dict[str, object]]] = defaultdict(list)
    for each in may_go:
        kinds[str(each["kind"])].append(each)
    typer.echo("What nothing needs any more:")
    for kind, things in kinds.items():
        size = sum(int(str(each["size"])) for each in things)
        typer.echo(f"  {kind:<20}{len(things):>8}{_mib(size):>12}   {things[0]['what']}{', ...' * (len(things) > 1)}")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
