"""`boatyard env`: what a shell, a program or the AWS CLI needs to talk to the server."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from boatyard.cli import servers
from boatyard.cli.failures import Failure

# What an earlier session has left behind would win over, or be mixed with, what is exported here.
_IN_THE_WAY = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")


def env(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of exports.")] = False,
    profile: Annotated[
        str | None, typer.Option(help="Print a profile of this name for ~/.aws/config instead.", show_default=False)
    ] = None,
) -> None:
    """Print the exports that point AWS clients to the server: eval "$(boatyard env)"."""
    if as_json and profile is not None:
        raise Failure("Choose one of --json and --profile.")
    values = variables(servers.require_running())
    if as_json:
        typer.echo(json.dumps(values, indent=2))
    elif profile is not None:
        typer.echo(_profile(profile, values))
    else:
        typer.echo(f"unset {' '.join(_IN_THE_WAY)}")
        for name, value in values.items():
            typer.echo(f"export {name}={shlex.quote(value)}")


def variables(found: servers.Running) -> dict[str, str]:
    """The environment variables of AWS clients and of git for a server, as its root."""
    from boatyard.api.git_configuration import git_environment, own_helper
    from boatyard.identity.credentials import root_pair

    pair = root_pair(found.settings)
    return {
        "AWS_ENDPOINT_URL": found.url,
        "AWS_ACCESS_KEY_ID": pair.access_key_id,
        "AWS_SECRET_ACCESS_KEY": pair.secret_access_key,
        "AWS_REGION": found.settings.region,
        "AWS_DEFAULT_REGION": found.settings.region,
        **git_environment(found.url, [found.settings.region], own_helper()),
    }


def _profile(name: str, values: dict[str, str]) -> str:
    lines = [
        f"[profile {name}]" if name != "default" else "[default]",
        f"endpoint_url = {values['AWS_ENDPOINT_URL']}",
        f"region = {values['AWS_REGION']}",
        f"aws_access_key_id = {values['AWS_ACCESS_KEY_ID']}",
        f"aws_secret_access_key = {values['AWS_SECRET_ACCESS_KEY']}",
    ]
    return "\n".join(lines)
