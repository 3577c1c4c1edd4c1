"""Resources' own policies, and which resource is meant: each service that knows registers how to find out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from boatyard.identity.policy_syntax import Grammar, Policy, parse

if TYPE_CHECKING:
    from boatyard.api.call import Call
    from boatyard.identity.actions.model import Need

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


NeedsFinder = Callable[["Call", str, dict[str, Any]], "Sequence[Need]"]
_needs: dict[str, NeedsFinder] = {}


def needs_finder(service: str) -> Callable[[NeedsFinder], NeedsFinder]:
    """Register what tells the needs of operations where only the service knows the resource that is meant."""

    def register(function: NeedsFinder) -> NeedsFinder:
        _needs[service] = function
        return function

    return register


def find_needs(service: str, call: Call, operation: str, params: dict[str, Any]) -> Sequence[Need]:
    """What an operation needs, as its service tells."""
    return _needs[service](call, operation, params)
