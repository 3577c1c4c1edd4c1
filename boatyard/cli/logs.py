"""`boatyard logs`: the logs of everything that runs, as CloudWatch Logs has them, and the server's own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from boatyard.cli import servers
from boatyard.cli.failures import Failure
from boatyard.cli.spans import span_seconds

_PAUSE = 0.3


def logs(
    which: Annotated[
        str | None,
        typer.Argument(
            help="A log group, the beginning of one, a service (lambda, codebuild, sagemaker), or 'server'.",
            show_default=False,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(help="How far back: 30s, 10m, 2h or 1d.")] = "1h",
) -> None:
    """Print logs; without an argument, the names of the log groups."""
    found = servers.require_running()
    if which == "server":
        _server_log(found.settings.data_directory / "logs" / "server.log", follow)
        return
    client = found.client("logs")
    if which is None:
        for name in _groups(client, None):
            typer.echo(name)
        return
    start = int((time.time() - span_seconds(since, "--since")) * 1000)
    groups = _chosen(client, which)
    if not groups and not follow:
        raise Failure(f"No log group is called {which} or begins so. 'boatyard logs' lists them all.")
    _print_events(client, which, start, follow)


def _groups(client: Any, prefix: str | None) -> list[str]:
    options = {"logGroupNamePrefix": prefix} if prefix else {}
    pages = client.get_paginator("describe_log_groups").paginate(**options)
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def _chosen(client: Any, which: str) -> list[str]:
    """The group of this name, else those that begin so, else those of a service of this name."""
    groups = _groups(client, which)
    if which in groups:
        return [which]
    return groups or ([] if which.startswith("/") else _groups(client, f"/aws/{which}/"))


def _events(client: Any, group: str, start: int) -> Iterator[dict[str, Any]]:
    from botocore.exceptions import ClientError

    try:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start):
            yield from page["events"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def _print_events(client: Any, which: str, start: int, follow: bool) -> None:
    seen: deque[str] = deque(maxlen=20_000)
    known: set[str] = set()
    while True:
        newest = start
        groups = _chosen(client, which)
        found = [(event, group) for group in groups for event in _events(client, group, start)]
        for event, group in sorted(found, key=lambda each: each[0]["timestamp"]):
            if event["eventId"] in known:
                continue
            if len(seen) == seen.maxlen:
                known.discard(seen[0])
            seen.append(event["eventId"])
            known.add(event["eventId"])
            newest = max(newest, event["timestamp"])
            typer.echo(_line(event, group if len(groups) > 1 else None))
        if not follow:
            return
        # Events of other streams may come a little late.
        start = max(start, newest - 10_000)
        time.sleep(_PAUSE)


def _line(event: dict[str, Any], group: str | None) -> str:
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).astimezone().strftime("%H:%M:%S")
    where = f"{group} {event['logStreamName']}" if group else str(event["logStreamName"])
    message = str(event["message"]).rstrip("\n")
    return f"{moment} {where} {message}"


def _server_log(path: Path, follow: bool) -> None:
    with path.open(errors="replace") as file:
        for line in deque(file, maxlen=200):
            typer.echo(line, nl=False)
        while follow:
            line = file.readline()
            if line:
                typer.echo(line, nl=False)
            else:
                time.sleep(_PAUSE)
