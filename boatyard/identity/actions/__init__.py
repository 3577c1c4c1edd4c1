"""Which IAM actions on which resources an operation needs, after AWS's Service Authorization Reference.

The tables are data, one module a group of services; this module reads them. An operation that no table mentions
needs the action of its own name on the resource that its parameters name.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from boatyard.identity.actions.model import Keys, Need, Needs, Table, everywhere, fill, given_tags, tag_keys

if TYPE_CHECKING:
    from boatyard.api.call import Call

__all__ = ["Need", "needs_of", "own_context", "own_needs", "passed_roles"]

_MODULES = {
    "s3": "storage",
    "kms": "security",
    "iam": "security",
    "sts": "security",
    "ssm": "security",
    "logs": "monitoring",
    "cloudwatch": "monitoring",
    "events": "monitoring",
    "sns": "monitoring",
    "ecr": "delivery",
    "codecommit": "delivery",
    "codebuild": "delivery",
    "codepipeline": "delivery",
    "cloudformation": "delivery",
    "lambda": "compute",
    "sagemaker": "compute",
    "sagemaker-runtime": "compute",
}


@cache
def table_of(service: str) -> Table:
    """The table of a service; an empty one where there is none."""
    if service not in _MODULES:
        return Table(prefix=service)
    module = importlib.import_module(f"boatyard.identity.actions.{_MODULES[service]}")
    found: Table = module.TABLES[service]
    return found


def needs_of(call: Call, service: str, operation: str, params: dict[str, Any]) -> list[Need]:
    """What must be allowed for an operation with these parameters; empty where nothing need be."""
    needs = own_needs(call, service, operation, params)
    context = own_context(call, service, operation, params)
    return [*(need.with_context(context) for need in needs), *passed_roles(call, service, operation, params)]


def own_needs(call: Call, service: str, operation: str, params: dict[str, Any]) -> list[Need]:
    """The needs without what the operation's parameters tell conditions, and without the roles that are handed over."""
    table = table_of(service)
    special = table.special.get(operation, table.every)
    if special is not None:
        needs = list(special(call, operation, params))
    elif operation in table.rules:
        needs = _by_rules(table, call, operation, params)
    else:
        resource = table.resource_of(call, operation, params)
        needs = [Need(f"{table.prefix}:{operation}", resource)]
    if operation in table.tagging and given_tags(params):
        needs.append(replace(needs[0], action=f"{table.prefix}:{table.tagging[operation]}"))
    needs = [each for need in needs for each in everywhere(need, call)]
    return [need.folded() for need in needs] if table.folded else needs


def own_context(call: Call, service: str, operation: str, params: dict[str, Any]) -> Keys:
    """The condition keys that the parameters tell, which all of the operation's own needs have."""
    table = table_of(service)
    return tag_keys(params) | (table.context(call, operation, params) if table.context else {})


def _by_rules(table: Table, call: Call, operation: str, params: dict[str, Any]) -> Needs:
    needs: Needs = []
    for rule in table.rules[operation]:
        action, _, template = rule.partition(" ")
        action = action if ":" in action else f"{table.prefix}:{action}"
        resource = fill(template, call, params) if template else table.resource_of(call, operation, params)
        needs.append(Need(action, resource))
    return needs


def passed_roles(call: Call, service: str, operation: str, params: dict[str, Any]) -> Needs:
    """Whoever hands a role to a service must be allowed to pass it (iam:PassRole)."""
    needs: Needs = []
    table = table_of(service)
    for path in table.passed_roles.get(operation, ()):
        for role in _at(params, path.split(".")):
            arn = role if role.startswith("arn:") else f"arn:aws:iam::{call.account}:role/{role}"
            passed = Need("iam:PassRole", arn, {"iam:passedtoservice": table.service_principal})
            needs += everywhere(passed, call)
    return needs


def _at(value: Any, path: list[str]) -> list[str]:
    """The texts at a dotted path, through every item of the lists on the way."""
    if isinstance(value, list):
        return [text for item in value for text in _at(item, path)]
    if not path:
        return [value] if isinstance(value, str) and value else []
    return _at(value.get(path[0]), path[1:]) if isinstance(value, dict) else []
