"""Resources' own policies: each service that has such registers how to find the one of an ARN."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from boatyard.identity.policy_syntax import Grammar, Policy, parse

if TYPE_CHECKING:
    from boatyard.api.call import Call

Finder = Callable[["Call", str], str | None]
_finders: dict[str, Finder] = {}


def resource_policy(service: str) -> Callable[[Finder], Finder]:
    """Register `find(call, arn) -> document | None` for the ARNs of a service, e.g. "s3" or "kms"."""

    def register(function: Finder) -> Finder:
        _finders[service] = function
        return function

    return register


def find_resource_policy(call: Call, arn: str) -> Policy | None:
    """The policy of the resource that an ARN names, or None where it has none."""
    parts = arn.split(":", 5)
    finder = _finders.get(parts[2]) if len(parts) == 6 else None
    document = finder(call, arn) if finder else None
    return parse(document, Grammar.RESOURCE) if document else None
