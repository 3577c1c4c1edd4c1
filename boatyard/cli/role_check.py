"""The roles of a template held to their use: what they grant beyond it, but for what the template says to keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boatyard.cli.failures import Failure
from boatyard.cli.role_policies import find_holder

if TYPE_CHECKING:
    from boatyard.cli.servers import Running
    from boatyard.identity.least_privilege.grants import Excess


@dataclass(frozen=True)
class Kept:
    """An entry of a role's `Metadata: LeastPrivilege: KeepUnused`."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str


@dataclass
class RoleCheck:
    """One role's outcome."""

    stack: str
    logical_id: str
    name: str
    used: int
    excesses: list[Excess] = field(default_factory=list)
    kept: list[tuple[Excess, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What is wrong with the entries of KeepUnused."""

    @property
    def passes(self) -> bool:
        """Whether the role grants no more than was used or is kept for a reason."""
        return not self.excesses and not self.faults


def check_template(server: Running, path: Path, stack: str | None, since: float) -> list[RoleCheck]:
    """Every role of the stacks that were made from a template. Failure where there is no such stack."""
    checks = [each for name in _stacks(server, path, stack) for each in _roles(server, name, since)]
    if not checks:
        raise Failure(f"{path} has no role (AWS::IAM::Role): there is nothing to check.")
    return checks


def _stacks(server: Running, path: Path, wanted: str | None) -> list[str]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"The template {path} cannot be read: {error}.") from None
    client = server.client("cloudformation")
    pages = client.get_paginator("describe_stacks").paginate()
    stacks = [each["StackName"] for page in pages for each in page["Stacks"] if wanted in (None, each["StackName"])]
    found = [name for name in stacks if _same(client.get_template(StackName=name)["TemplateBody"], text)]
    if found:
        return found
    if wanted is not None and stacks:
        raise Failure(
            f"The stack {wanted} was made from another template than {path}. Update the stack, run what is to be "
            "looked at, then check again."
        )
    listed = f"The stacks here are {', '.join(stacks)}." if stacks else "There is no stack."
    raise Failure(f"No stack was made from {path} as it is now. {listed} Deploy it, run it, then check again.")


def _same(body: Any, text: str) -> bool:
    """Whether a stack's template says what the text says; how it is laid out does not count."""
    from boatyard.api.errors import ApiError
    from boatyard.services.cloudformation.templates.parsing import parse

    if isinstance(body, str) and body.strip() == text.strip():
        return True
    try:
        return bool((body if isinstance(body, dict) else parse(body)) == parse(text))
    except ApiError as error:
        raise Failure(f"The template cannot be read: {error.message}") from None


def _roles(server: Running, stack: str, since: float) -> Iterator[RoleCheck]:
    client = server.client("cloudformation")
    for resource in client.describe_stack_resources(StackName=stack)["StackResources"]:
        if resource["ResourceType"] == "AWS::IAM::Role" and resource.get("PhysicalResourceId"):
            logical = resource["LogicalResourceId"]
            detail = client.describe_stack_resource(StackName=stack, LogicalResourceId=logical)
            metadata = json.loads(detail["StackResourceDetail"].get("Metadata") or "{}")
            yield _check(server, stack, logical, resource["PhysicalResourceId"], metadata, since)


def _check(server: Running, stack: str, logical: str, name: str, metadata: Any, since: float) -> RoleCheck:
    from boatyard.identity.least_privilege.grants import excesses

    holder = find_holder(server, name, since)
    used = {(use.action, use.resource) for use in holder.uses if use.allowed}
    check = RoleCheck(stack, logical, name, len(used))
    entries = _entries(check, metadata)
    spoken: set[Kept] = set()
    for excess in excesses(holder.grants, holder.uses):
        keeping = [entry for entry in entries if _keeps(entry, excess)]
        spoken |= set(keeping)
        if keeping:
            check.kept.append((excess, keeping[0].reason))
        else:
            check.excesses.append(excess)
    for entry in entries:
        if entry not in spoken and not _granted(entry, holder.grants):
            check.faults.append(f"KeepUnused names {', '.join(entry.actions)}, which no statement grants: remove it")
    return check


def _entries(check: RoleCheck, metadata: Any) -> list[Kept]:
    """The entries of KeepUnused; what is wrong with them becomes the check's faults."""
    told = metadata.get("LeastPrivilege", {}) if isinstance(metadata, dict) else {}
    listed = told.get("KeepUnused", []) if isinstance(told, dict) and set(told) <= {"KeepUnused"} else None
    if not isinstance(listed, list):
        check.faults.append(f"LeastPrivilege has KeepUnused, a list, and nothing else: {json.dumps(told)}")
        return []
    return [entry for each in listed if (entry := _entry(check, each)) is not None]


def _entry(check: RoleCheck, told: Any) -> Kept | None:
    known = isinstance(told, dict) and set(told) <= {"Action", "Resource", "Reason"}
    actions, resources = (_texts(told.get(name)) for name in ("Action", "Resource")) if known else (None, None)
    if not actions or resources is None:
        text = "an entry of KeepUnused has Action, Reason, and optionally Resource, each a text or a list of texts"
        check.faults.append(f"{text}: {json.dumps(told)}")
        return None
    reason = told.get("Reason")
    if not isinstance(reason, str) or not reason.strip():
        check.faults.append(f"KeepUnused of {', '.join(actions)} gives no Reason: say why the role must have it")
        return None
    return Kept(actions, resources, reason.strip())


def _texts(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    return tuple(values) if all(isinstance(each, str) for each in values) else None


def _keeps(entry: Kept, excess: Excess) -> bool:
    from boatyard.identity.patterns import matches

    if not any(each.lower() == excess.action.lower() for each in entry.actions):
        return False
    return not entry.resources or all(
        any(matches(pattern, resource) for pattern in entry.resources) for resource in excess.resources
    )


def _granted(entry: Kept, grants: Any) -> bool:
    granted = {action.lower() for grant in grants for action in grant.actions}
    return all(action.lower() in granted for action in entry.actions)
