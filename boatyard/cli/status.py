"""`boatyard status`: whether the server runs, and what it has."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from boatyard.cli import servers


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Tell whether the server runs and what it has; exit status 1 when it does not run."""
    found = servers.find_running()
    if found is None:
        directory = servers.settings_for().data_directory
        if as_json:
            typer.echo(json.dumps({"running": False, "data_directory": str(directory)}))
        else:
            typer.echo(f"boatyard is down. 'boatyard up' starts it (data in {directory}).")
        raise typer.Exit(1)
    told = _describe(found)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(f"boatyard {told['version']} runs on {found.url}, process {found.pid}, up {_span(told['up_seconds'])}")
    typer.echo(f"account {told['account']}, region {told['region']}, data in {told['data_directory']}")
    for kind, names in told["resources"].items():
        if names:
            typer.echo(f"{kind}: {', '.join(names)}")


def _describe(found: servers.Running) -> dict[str, Any]:
    from boatyard import __version__

    settings = found.settings
    return {
        "running": True,
        "answers": found.answers(),
        "version": __version__,
        "url": found.url,
        "pid": found.pid,
        "up_seconds": round(time.time() - found.started),
        "account": settings.account_id,
        "region": settings.region,
        "data_directory": str(settings.data_directory),
        "ephemeral": settings.ephemeral,
        "resources": _resources(found),
    }


def _resources(found: servers.Running) -> dict[str, list[str]]:
    """What a person asks about first, with its state where it has one."""
    from botocore.exceptions import ClientError

    asked: dict[str, tuple[str, str, str, str, str | None]] = {
        "stacks": ("cloudformation", "describe_stacks", "Stacks", "StackName", "StackStatus"),
        "pipelines": ("codepipeline", "list_pipelines", "pipelines", "name", None),
        "endpoints": ("sagemaker", "list_endpoints", "Endpoints", "EndpointName", "EndpointStatus"),
        "functions": ("lambda", "list_functions", "Functions", "FunctionName", None),
        "repositories": ("codecommit", "list_repositories", "repositories", "repositoryName", None),
        "buckets": ("s3", "list_buckets", "Buckets", "Name", None),
    }
    told: dict[str, list[str]] = {}
    for kind, (service, method, listed, name, state) in asked.items():
        try:
            items = getattr(found.client(service), method)().get(listed, [])
        except ClientError as error:
            told[kind] = [f"(not known: {error.response['Error'].get('Code')})"]
            continue
        told[kind] = [f"{each[name]} ({each[state]})" if state else str(each[name]) for each in items]
    return told


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
