"""`boatyard watch`: a pipeline's stages and actions as they go, with how long each has taken."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from boatyard.cli import servers
from boatyard.cli.failures import Failure

if TYPE_CHECKING:
    from rich.table import Table

_PAUSE = 0.5
_ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")
_COLOURS = {"Succeeded": "green", "Failed": "red", "InProgress": "yellow", "Stopped": "red", "Abandoned": "red"}


@dataclass(frozen=True)
class Row:
    """One action of one execution; `seconds` is None before it has begun."""

    stage: str
    action: str
    status: str
    seconds: float | None
    text: str


def watch(
    pipeline: Annotated[
        str | None, typer.Argument(help="The pipeline; may be left out where there is but one.")
    ] = None,
    forever: Annotated[bool, typer.Option("--forever", help="Go on with the next execution, until Ctrl-C.")] = False,
) -> None:
    """Show a pipeline's newest execution live; exit status 1 when it fails."""
    client = servers.require_running().client("codepipeline")
    name = pipeline or _only_pipeline(client)
    show = _live if sys.stdout.isatty() else _lines
    status = show(client, name, forever)
    if status != "Succeeded":
        raise typer.Exit(1)


def _only_pipeline(client: Any) -> str:
    names = [each["name"] for each in client.list_pipelines()["pipelines"]]
    if len(names) != 1:
        listed = f"name one of {', '.join(names)}" if names else "there is none yet"
        raise Failure(f"Which pipeline? {listed[:1].upper()}{listed[1:]}.")
    return str(names[0])


def newest_execution(client: Any, name: str) -> dict[str, Any] | None:
    """The summary of a pipeline's newest execution, None before the first."""
    found = client.list_pipeline_executions(pipelineName=name, maxResults=1)["pipelineExecutionSummaries"]
    return found[0] if found else None


def rows_of(client: Any, name: str, execution_id: str) -> list[Row]:
    """The actions of an execution in the pipeline's order; those not begun yet are waiting."""
    definition = client.get_pipeline(name=name)["pipeline"]
    done: dict[tuple[str, str], dict[str, Any]] = {}
    pages = client.get_paginator("list_action_executions").paginate(
        pipelineName=name, filter={"pipelineExecutionId": execution_id}
    )
    for page in pages:
        for each in page["actionExecutionDetails"]:
            # The newest comes first: a retried action is shown as it is now.
            done.setdefault((each["stageName"], each["actionName"]), each)
    places = [
        (stage["name"], action["name"])
        for stage in definition["stages"]
        for action in sorted(stage["actions"], key=lambda each: each.get("runOrder", 1))
    ]
    return [_row(*place, done.get(place)) for place in places]


def _row(stage: str, action: str, detail: dict[str, Any] | None) -> Row:
    if detail is None:
        return Row(stage, action, "", None, "")
    status = detail["status"]
    end = detail["lastUpdateTime"] if status in (*_ENDED, "Abandoned") else datetime.now(UTC)
    result = detail.get("output", {}).get("executionResult", {})
    text = result.get("externalExecutionSummary") or result.get("errorDetails", {}).get("message") or ""
    return Row(stage, action, status, max(0.0, (end - detail["startTime"]).total_seconds()), text)


def _lines(client: Any, name: str, forever: bool) -> str:
    """For what is no terminal: a line for every change."""
    shown: dict[tuple[str, str, str], str] = {}
    while True:
        summary = newest_execution(client, name)
        if summary is not None:
            execution_id = summary["pipelineExecutionId"]
            for row in rows_of(client, name, execution_id):
                key = (execution_id, row.stage, row.action)
                if row.status and shown.get(key) != row.status:
                    shown[key] = row.status
                    typer.echo(f"{row.stage}/{row.action} {row.status} {row.seconds or 0:.1f} s {row.text}".rstrip())
            if summary["status"] in _ENDED and not forever:
                typer.echo(f"{name} {execution_id} {summary['status']}")
                return str(summary["status"])
        time.sleep(_PAUSE)


def _live(client: Any, name: str, forever: bool) -> str:
    from rich.live import Live

    with Live(auto_refresh=False) as live:
        while True:
            summary = newest_execution(client, name)
            if summary is not None:
                rows = rows_of(client, name, summary["pipelineExecutionId"])
                live.update(table(name, summary, rows), refresh=True)
                if summary["status"] in _ENDED and not forever:
                    return str(summary["status"])
            else:
                live.update(f"{name} has not run yet. A push to its repository starts it.", refresh=True)
            time.sleep(_PAUSE)


def table(name: str, summary: dict[str, Any], rows: list[Row]) -> Table:
    """The stages and actions of an execution as a table of rich."""
    from rich.markup import escape
    from rich.table import Table

    status = summary["status"]
    title = f"{name}  [{_COLOURS.get(status, 'white')}]{status}[/]  {summary['pipelineExecutionId']}"
    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("Stage", "Action", "Status", "Time", ""):
        made.add_column(column, justify="right" if column == "Time" else "left")
    before = ""
    for row in rows:
        colour = _COLOURS.get(row.status, "white")
        spent = f"{row.seconds:.1f} s" if row.seconds is not None else ""
        stage = row.stage if row.stage != before else ""
        made.add_row(stage, row.action, f"[{colour}]{row.status or '-'}[/]", spent, escape(row.text[:120]))
        before = row.stage
    return made
