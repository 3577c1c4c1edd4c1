"""The smallest policy that covers what was used, with names that are made anew each time told by their beginnings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from boatyard.identity.least_privilege.arns import fields
from boatyard.identity.records import Use

_MADE = re.compile(
    r"(?<![0-9A-Za-z])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}(?![0-9A-Za-z])|\d{8,})"
)
"""What is never twice the same: a UUID, a hash, a time."""
_MADE_ANEW = ("s3", "sagemaker", "cloudformation")
"""Services whose users name things after runs; elsewhere such a name is one to keep (a key's, a role's)."""
_MANY = 5
"""Of so many names at most each is told; of more, what they have in common. Objects of a bucket are told by folder."""


def smallest_policy(uses: Iterable[Use]) -> dict[str, Any]:
    """A policy document that allows what was used, one statement for the actions that share their resources.

    What a resource's own policy gave is left out.
    """
    resources: dict[str, set[str]] = defaultdict(set)
    for use in uses:
        if use.allowed and not use.by_resource:
            resources[use.action].add(use.resource)
    actions: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for action, found in sorted(resources.items()):
        actions[action.partition(":")[0], tuple(generalised(found))].append(action)
    statements = [
        {"Effect": "Allow", "Action": _one_or_all(names), "Resource": _one_or_all(list(found))}
        for (_, found), names in sorted(actions.items())
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def generalised(resources: Iterable[str]) -> list[str]:
    """Resources of one action, told by patterns where single names would not fit the next run."""
    found = {_without_made_names(resource) for resource in resources}
    kinds: dict[str, set[str]] = defaultdict(set)
    for resource in found:
        kinds[_kind(resource)].add(resource)
    told: set[str] = set()
    for kind, names in kinds.items():
        folders = kind.startswith("arn:aws:s3:::") and kind.endswith("/")
        told |= {_common(kind, names, "/" if folders else "/:-_.")} if len(names) > (1 if folders else _MANY) else names
    return sorted(name for name in told if not _inside(name, told))


def _inside(name: str, others: set[str]) -> bool:
    return any(other != name and other.endswith("*") and name.startswith(other[:-1]) for other in others)


def _without_made_names(resource: str) -> str:
    found = fields(resource)
    if found is None:
        return resource
    service, rest = found
    head = resource[: len(resource) - len(rest)]
    if service == "logs" and rest.startswith("log-group:"):
        group = rest.removeprefix("log-group:").partition(":")[0]
        return f"{head}log-group:{group}:*" if group else "*"
    if service not in _MADE_ANEW or "/" not in rest:
        return resource
    kind, _, name = rest.partition("/")
    made = _MADE.search(name)
    return f"{head}{kind}/{name[: made.start()]}*" if made else resource


def _kind(resource: str) -> str:
    """The beginning that resources must share to be told as one: up to the type, or the bucket and its slash."""
    found = fields(resource)
    if found is None:
        return resource
    _, rest = found
    match = re.search("[:/]", rest)
    return resource[: len(resource) - len(rest) + (match.end() if match else 0)]


def _common(kind: str, names: set[str], ends: str) -> str:
    """What all names begin with, up to one of the letters that end a word, and a star."""
    first, last = min(names), max(names)
    length = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    beginning = first[:length].removesuffix("*")
    while len(beginning) > len(kind) and beginning[-1] not in ends:
        beginning = beginning[:-1]
    return f"{max(beginning, kind, key=len)}*"
