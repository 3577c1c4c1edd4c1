"""`boatyard permissions`: what a role used, was denied and never needed, and the smallest policy for its use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from boatyard.cli import role_check, servers
from boatyard.cli.failures import Failure
from boatyard.cli.role_policies import Holder, find_holder, recorded
from boatyard.cli.spans import span_seconds

if TYPE_CHECKING:
    from boatyard.cli.role_check import RoleCheck
    from boatyard.cli.servers import Running
    from boatyard.identity.records import Use

_NAMED = 12
"""How many of the actions that a wildcard grants are named."""


class Form(StrEnum):
    """How the smallest policy is written."""

    TEMPLATE = "template"
    JSON = "json"


def permissions(
    role: Annotated[
        str | None, typer.Argument(help="A role's name or ARN, or user/NAME; all are listed without it.")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Hold the roles of this template to their use; exit status 1 when one is granted more."),
    ] = None,
    stack: Annotated[str | None, typer.Option(help="With --check: the stack, where several have the template.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Count only what was used in the last 30s, 10m, 2h or 1d.", show_default=False)
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="Print the smallest policy alone: as it stands in a template (Fn::Sub), or as plain JSON.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Tell what a role used, what it was denied, what it is granted and never used, and the smallest policy for it."""
    server = servers.require_running()
    began = time.time() - span_seconds(since, "--since") if since else 0.0
    if check is not None:
        if role is not None or form is not None:
            raise Failure("--check looks at every role of the template: leave out ROLE and --format.")
        _check(role_check.check_template(server, check, stack, began), as_json)
    elif stack is not None:
        raise Failure("--stack goes with --check TEMPLATE.")
    elif role is None:
        _list(server, began, as_json)
    else:
        _tell(server, find_holder(server, role, began), form, as_json)


def _list(server: Running, since: float, as_json: bool) -> None:
    """Every role that is there, and every user that asked for something."""
    uses = [use for use in recorded(server) if use.last.timestamp() >= since]
    rows: dict[str, list[Use]] = {}
    identities: dict[str, str] = {}
    for page in server.client("iam").get_paginator("list_roles").paginate():
        identities |= {each["Arn"]: each["RoleId"] for each in page["Roles"]}
    rows |= {arn: [] for arn in identities}
    for use in uses:
        # Not what an earlier role of the same name used.
        if identities.get(use.principal) in (None, use.identity):
            rows.setdefault(use.principal, []).append(use)
    told = [
        {
            "arn": arn,
            "name": arn.rpartition("/")[2] if ":role/" in arn else arn.split(":", 5)[-1],
            "allowed": sum(use.times for use in found if use.allowed),
            "denied": sum(use.times for use in found if not use.allowed),
            "last": max((use.last for use in found), default=None),
        }
        for arn, found in sorted(rows.items())
    ]
    if as_json:
        typer.echo(json.dumps(told, indent=2, default=str))
        return
    cells = [(str(each["allowed"]), str(each["denied"]), _moment(each["last"]), str(each["name"])) for each in told]
    _columns(("ALLOWED", "DENIED", "LAST", "ROLE OR USER"), cells)


def _tell(server: Running, holder: Holder, form: Form | None, as_json: bool) -> None:
    from boatyard.cli.template_form import names_for
    from boatyard.identity.least_privilege.grants import excesses
    from boatyard.identity.least_privilege.smallest import smallest_policy

    plain = smallest_policy(holder.uses)
    if form is Form.JSON:
        typer.echo(json.dumps(plain, indent=2))
        return
    written = names_for(server, holder).policy(plain)
    if form is Form.TEMPLATE:
        typer.echo(json.dumps(written, indent=2))
        return
    beyond = excesses(holder.grants, holder.uses)
    if as_json:
        told = {
            "arn": holder.arn,
            "used": [_use(use) for use in holder.uses if use.allowed],
            "denied": [_use(use) for use in holder.uses if not use.allowed],
            "unused": [_excess(each) for each in beyond],
            "policy": plain,
            "template": written,
        }
        typer.echo(json.dumps(told, indent=2, default=str))
        return
    typer.echo(f"{holder.kind.title()} {holder.arn}")
    _section("Used", holder.uses, True)
    _section("Denied", holder.uses, False)
    typer.echo(f"\nGranted beyond its use ({len(beyond)})")
    for each in beyond:
        typer.echo(f"  {each}")
        if len(each.never_used) > 1:
            typer.echo(f"    never used: {_shortened(each.never_used)}")
    typer.echo("\nThe smallest policy that covers its use, as it stands in a template:\n")
    typer.echo(json.dumps(written, indent=2))


def _shortened(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more (--json has them all)" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _section(title: str, uses: Iterable[Use], allowed: bool) -> None:
    found = [use for use in uses if use.allowed is allowed]
    typer.echo(f"\n{title} ({len(found)})")
    if found:
        rows = [(str(use.times), _moment(use.last), use.action, _resource(use)) for use in found]
        _columns(("TIMES", "LAST", "ACTION", "RESOURCE"), rows, "  ")
    for use in found:
        if use.reason:
            typer.echo(f"    {_printable(use.reason)}")


def _resource(use: Use) -> str:
    return _printable(use.resource) + (" (given by the resource's own policy)" if use.by_resource else "")


def _check(checks: list[RoleCheck], as_json: bool) -> None:
    failed = [each for each in checks if not each.passes]
    if as_json:
        typer.echo(json.dumps([_checked(each) for each in checks], indent=2))
    else:
        for each in checks:
            _print_check(each)
        if failed:
            typer.echo(f"{len(failed)} of {len(checks)} roles are granted more than was used.")
        else:
            typer.echo(f"{len(checks)} roles are granted what they used, and what they keep for a reason.")
    if failed:
        raise typer.Exit(1)


def _print_check(check: RoleCheck) -> None:
    verdict = "ok" if check.passes else "TOO MUCH"
    kept = f", {len(check.kept)} unused and kept for a reason" if check.kept else ""
    typer.echo(f"{check.logical_id} ({check.name}): {verdict}; {check.used} used{kept}")
    for excess in check.excesses:
        typer.echo(f"  {excess}")
    for fault in check.faults:
        typer.echo(f"  {fault}")


def _checked(check: RoleCheck) -> dict[str, Any]:
    return {
        "stack": check.stack,
        "logical_id": check.logical_id,
        "role": check.name,
        "passes": check.passes,
        "excesses": [_excess(each) for each in check.excesses],
        "kept": [{**_excess(each), "reason": reason} for each, reason in check.kept],
        "faults": check.faults,
    }


def _excess(excess: Any) -> dict[str, Any]:
    grant = excess.grant
    return {
        "policy": grant.policy,
        "statement": grant.number,
        "sid": grant.sid,
        "action": excess.action,
        "resources": list(excess.resources),
        "problem": excess.problem,
        "fix": excess.fix,
        "never_used": list(excess.never_used),
    }


def _use(use: Use) -> dict[str, Any]:
    told = {"action": use.action, "resource": use.resource, "times": use.times, "first": use.first, "last": use.last}
    told |= {"by_resource_policy": use.by_resource}
    return told | ({"reason": use.reason} if use.reason else {})


def _moment(moment: datetime | Any) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if isinstance(moment, datetime) else "never"


def _printable(text: str) -> str:
    """Text that came from a request, without what could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    """Columns as wide as their widest cell; the last one, which is long, is left to the terminal."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        typer.echo(indent + "  ".join([*cells, row[-1]]).rstrip())
