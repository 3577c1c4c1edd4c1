"""What policies grant, statement by statement, and which of it a role's use needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from boatyard.identity.least_privilege.arns import covers, shape, unbounded
from boatyard.identity.least_privilege.known_actions import granted_by
from boatyard.identity.least_privilege.smallest import generalised
from boatyard.identity.patterns import matches
from boatyard.identity.records import Use


@dataclass(frozen=True)
class Grant:
    """One statement that allows; `number` counts the statements of its policy from 1."""

    policy: str
    number: int
    sid: str | None
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    negated: str | None = None
    """NotAction or NotResource, where the statement has one: it grants all but what it lists."""

    @property
    def place(self) -> str:
        """Where it stands, for a person."""
        return f"policy {self.policy}, statement {self.number}" + (f" ({self.sid})" if self.sid else "")


@dataclass(frozen=True)
class Excess:
    """An action (as the policy spells it) that was granted on resources and not needed there."""

    grant: Grant
    action: str
    resources: tuple[str, ...]
    problem: str
    fix: str
    never_used: tuple[str, ...] = ()
    """The known actions that a wildcard means and that were never used."""

    def __str__(self) -> str:
        """A line for a person: where, what, why, and what to do."""
        return f"{self.grant.place}: {self.action} on {', '.join(self.resources)} {self.problem}: {self.fix}"


def grants_of(policy: str, document: dict[str, Any]) -> list[Grant]:
    """The statements of a policy document that allow something."""
    statements = document["Statement"]
    found = []
    for number, statement in enumerate(_list(statements), 1):
        if statement["Effect"] != "Allow":
            continue
        negated = next((name for name in ("NotAction", "NotResource") if name in statement), None)
        actions = _list(statement.get("Action", statement.get("NotAction", [])))
        resources = _list(statement.get("Resource", statement.get("NotResource", [])))
        found.append(Grant(policy, number, statement.get("Sid"), tuple(actions), tuple(resources), negated))
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def excesses(grants: Iterable[Grant], uses: Sequence[Use]) -> list[Excess]:
    """What the grants give beyond what was used, in the order of the policies."""
    allowed = [use for use in uses if use.allowed]
    return [excess for grant in grants for excess in _of_statement(grant, allowed)]


def _of_statement(grant: Grant, uses: Sequence[Use]) -> Iterable[Excess]:
    if grant.negated:
        listed = ", ".join(grant.actions if grant.negated == "NotAction" else grant.resources)
        problem = f"({grant.negated}) grants everything but {listed}"
        yield Excess(grant, ", ".join(grant.actions), grant.resources, problem, "name what is needed")
        return
    for action in grant.actions:
        yield from _of_action(grant, action, uses)


def _of_action(grant: Grant, action: str, uses: Sequence[Use]) -> Iterable[Excess]:
    used = [
        use
        for use in uses
        if matches(action.lower(), use.action.lower()) and any(covers(each, use) for each in grant.resources)
    ]
    if not used:
        yield Excess(grant, action, grant.resources, "was never used", "remove it", granted_by(action))
        return
    needed, granted = sorted({use.action for use in used}), granted_by(action)
    never = tuple(name for name in granted if name not in needed)
    if never:
        problem = f"grants {len(granted)} actions, of which {len(needed)} were used"
        yield Excess(grant, action, grant.resources, problem, f"name them: {', '.join(needed)}", never)
    shapes = {shape(use.resource) for use in used}
    for resource in grant.resources:
        there = [use for use in used if covers(resource, use)]
        if there:
            yield from _of_wildcard(grant, action, resource, there)
        elif shape(resource) in shapes:
            yield Excess(grant, action, (resource,), "was never used", "remove that resource, or split the statement")


def _of_wildcard(grant: Grant, action: str, resource: str, used: Sequence[Use]) -> Iterable[Excess]:
    """A resource that names nothing, where AWS lets the action be held to one and the use was narrower."""
    wide = any(unbounded(use.resource) or "*" in use.spellings for use in used)
    if not unbounded(resource) or wide:
        return
    names = generalised({use.resource for use in used})
    yield Excess(grant, action, (resource,), "reaches more than was used", f"name the resource: {', '.join(names)}")
