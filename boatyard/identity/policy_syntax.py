"""Policy documents read and checked: the grammar of the IAM User Guide's "JSON policy element reference"."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from boatyard.api import json_text

_SYNTAX = "Syntax errors in policy."
_VERSIONS = ("2008-10-17", "2012-10-17")
_TOP = {"Version", "Id", "Statement"}
_FIELDS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_PRINCIPAL_TYPES = {"AWS", "Service", "Federated", "CanonicalUser"}
_TRUST_ACTIONS = re.compile(
    r"(\*|sts:(\*|assumerole.*|assume\*|tagsession|setsourceidentity|setcontext|\w*\*))", re.IGNORECASE
)
_SET_PREFIXES = ("ForAllValues:", "ForAnyValue:")
OPERATORS = frozenset(
    {
        *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        *("StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan"),
        *("NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals"),
        *("DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"),
        *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals"),
        *("ArnNotLike", "Null"),
    }
)
_FOLDED_OPERATORS = {name.lower(): name for name in OPERATORS}


class MalformedPolicy(ValueError):
    """A policy document that breaks the grammar; its text is what IAM's MalformedPolicyDocument says."""


class Grammar(StrEnum):
    """Which elements a document may have: it depends on what the policy is attached to."""

    INLINE = "inline"
    """An identity's inline policy, or a session policy: no principal; the old version is allowed."""
    MANAGED = "managed"
    """A managed policy: no principal; version 2012-10-17."""
    TRUST = "trust"
    """A role's trust policy: a principal, no resource, actions of STS."""
    RESOURCE = "resource"
    """A resource's own policy: a principal and usually a resource."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of one operator: `ForAnyValue:StringLikeIfExists` is set "any", operator "StringLike", if_exists."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class Principals:
    """Who a statement of a trust or resource policy is about."""

    aws: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    federated: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `not_actions` and `not_resources` say that the lists exclude."""

    allow: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    principals: Principals | None
    conditions: tuple[Condition, ...]
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy document; policy variables count only from version 2012-10-17 on."""

    version: str
    statements: tuple[Statement, ...]
    identifier: str | None = None

    @property
    def variables(self) -> bool:
        """Whether `${...}` means a policy variable in this document."""
        return self.version == "2012-10-17"


@lru_cache(maxsize=2048)
def parse(document: str, grammar: Grammar) -> Policy:
    """The policy that a document states; raises MalformedPolicy with IAM's message."""
    try:
        content = json_text.read(document)
    except ValueError:
        raise MalformedPolicy("This policy contains invalid Json" if grammar is Grammar.TRUST else _SYNTAX) from None
    if not isinstance(content, dict):
        raise MalformedPolicy(_SYNTAX)
    _refuse_unknown(content, _TOP, grammar)
    version = content.get("Version", "2008-10-17")
    if version not in _VERSIONS or (grammar is Grammar.MANAGED and version != "2012-10-17"):
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    statements = _objects(content.get("Statement"), grammar)
    parsed = tuple(_statement(statement, grammar) for statement in statements)
    _check_sids(parsed, grammar)
    identifier = content.get("Id")
    return Policy(version, parsed, identifier if isinstance(identifier, str) else None)


def _refuse_unknown(content: Mapping[str, Any], known: set[str], grammar: Grammar) -> None:
    for name in content:
        if name not in known:
            raise MalformedPolicy(f"Unknown field {name}" if grammar is Grammar.TRUST else _SYNTAX)


def _objects(statements: Any, grammar: Grammar) -> list[dict[str, Any]]:
    found = [statements] if isinstance(statements, dict) else statements
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise MalformedPolicy(_SYNTAX)
    if not found:
        raise MalformedPolicy("Empty Statement" if grammar is Grammar.TRUST else _SYNTAX)
    return found


def _check_sids(statements: tuple[Statement, ...], grammar: Grammar) -> None:
    sids = [statement.sid for statement in statements if statement.sid]
    if len(set(sids)) != len(sids):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    if grammar in (Grammar.INLINE, Grammar.MANAGED) and not all(re.fullmatch("[0-9A-Za-z]*", sid) for sid in sids):
        raise MalformedPolicy(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular"
            " expression [0-9A-Za-z]*"
        )


def _statement(content: dict[str, Any], grammar: Grammar) -> Statement:
    _refuse_unknown(content, _FIELDS, grammar)
    effect = content.get("Effect")
    if effect not in ("Allow", "Deny"):
        if grammar is not Grammar.TRUST:
            raise MalformedPolicy(_SYNTAX)
        raise MalformedPolicy("Missing required field Effect" if effect is None else f"Invalid effect: {effect}")
    actions, not_actions = _either(content, "Action", grammar)
    resources, not_resources = _either(content, "Resource", grammar)
    _check_actions(actions, grammar)
    _check_resources(resources, grammar)
    return Statement(
        allow=effect == "Allow",
        actions=tuple(action.lower() for action in actions),
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        principals=_principals(content, grammar),
        conditions=_conditions(content.get("Condition")),
        sid=_sid(content.get("Sid")),
    )


def _sid(sid: Any) -> str | None:
    if sid is not None and not isinstance(sid, str):
        raise MalformedPolicy(_SYNTAX)
    return sid


def _either(content: dict[str, Any], name: str, grammar: Grammar) -> tuple[tuple[str, ...], bool]:
    """The list under a name or under Not and the name: never both."""
    negated = f"Not{name}" in content
    if negated and name in content:
        raise MalformedPolicy(_SYNTAX)
    key = f"Not{name}" if negated else name
    if key not in content:
        return (), False
    values = _strings(content[key])
    if not values:
        raise MalformedPolicy(f"Policy statement must contain {name.lower()}s.")
    return values, negated


def _strings(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise MalformedPolicy(_SYNTAX)
    return tuple(found)


def _check_actions(actions: tuple[str, ...], grammar: Grammar) -> None:
    if not actions:
        if grammar is Grammar.TRUST:
            raise MalformedPolicy("Missing required field Action")
        raise MalformedPolicy("Policy statement must contain actions.")
    for action in actions:
        if grammar is Grammar.TRUST and not _TRUST_ACTIONS.fullmatch(action):
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
        if action == "*" or grammar is Grammar.TRUST:
            continue
        vendor, colon, name = action.partition(":")
        if not colon:
            raise MalformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if ":" in name:
            raise MalformedPolicy("Actions/Condition can contain only one colon.")
        if not re.fullmatch(r"[A-Za-z0-9-]+", vendor):
            raise MalformedPolicy(f"Vendor {vendor} is not valid")


def _check_resources(resources: tuple[str, ...], grammar: Grammar) -> None:
    if grammar is Grammar.TRUST:
        if resources:
            raise MalformedPolicy("Has prohibited field Resource")
        return
    if grammar is Grammar.RESOURCE:
        return
    if not resources:
        raise MalformedPolicy("Policy statement must contain resources.")
    for resource in resources:
        if resource == "*":
            continue
        parts = resource.split(":", 5)
        if parts[0] != "arn" or (len(parts) < 6 and not resource.endswith("*")):
            raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".')
        if not re.fullmatch(r"aws(-[a-z-]+)?|.*[*?$].*", parts[1]):
            raise MalformedPolicy(f'Partition "{parts[1]}" is not valid for resource "{resource}".')


def _principals(content: dict[str, Any], grammar: Grammar) -> Principals | None:
    given = [name for name in ("Principal", "NotPrincipal") if name in content]
    if grammar in (Grammar.INLINE, Grammar.MANAGED):
        if given:
            raise MalformedPolicy("Policy document should not specify a principal.")
        return None
    if len(given) != 1:
        raise MalformedPolicy("Missing required field Principal" if not given else _SYNTAX)
    value = content[given[0]]
    negated = given[0] == "NotPrincipal"
    if negated and grammar is Grammar.TRUST and content.get("Effect") == "Allow":
        raise MalformedPolicy("Allow with NotPrincipal is not allowed.")
    if value == "*":
        return Principals(aws=("*",), services=("*",), federated=("*",), negated=negated)
    if not isinstance(value, dict) or not value:
        raise MalformedPolicy(f"Invalid principal in policy: {json.dumps(value)}")
    for kind in value:
        if kind not in _PRINCIPAL_TYPES:
            raise MalformedPolicy(f'Invalid principal in policy: "{kind}"')
    lists = {kind: _strings(value.get(kind, [])) for kind in _PRINCIPAL_TYPES}
    for name in lists["AWS"]:
        if not re.fullmatch(r"\*|\d{12}|A[A-Z0-9]{15,}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+", name):
            raise MalformedPolicy(f'Invalid principal in policy: "AWS":"{name}"')
    for name in lists["Service"]:
        if not re.fullmatch(r"\*|[a-z0-9.-]+\.amazonaws\.com(\.cn)?|[a-z0-9-]+\.aws\.internal", name):
            raise MalformedPolicy(f'Invalid principal in policy: "SERVICE":"{name}"')
    return Principals(lists["AWS"], lists["Service"], lists["Federated"], lists["CanonicalUser"], negated)


def _conditions(content: Any) -> tuple[Condition, ...]:
    if content is None:
        return ()
    if not isinstance(content, dict):
        raise MalformedPolicy(_SYNTAX)
    found: list[Condition] = []
    for spelled, keys in content.items():
        quantifier, operator, if_exists = _operator(spelled)
        if not isinstance(keys, dict):
            raise MalformedPolicy(_SYNTAX)
        for key, value in keys.items():
            found.append(Condition(operator, key.lower(), _scalars(value), quantifier, if_exists))
    return tuple(found)


def _operator(spelled: str) -> tuple[str | None, str, bool]:
    quantifier, name = None, spelled
    for prefix in _SET_PREFIXES:
        if spelled.lower().startswith(prefix.lower()):
            quantifier, name = prefix[:-1], spelled[len(prefix) :]
    if_exists = name.lower().endswith("ifexists")
    if if_exists:
        name = name[: -len("IfExists")]
    operator = _FOLDED_OPERATORS.get(name.lower())
    if operator is None or (operator == "Null" and if_exists):
        raise MalformedPolicy(f"Invalid Condition type : {spelled}.")
    return quantifier, operator, if_exists


def _scalars(value: Any) -> tuple[str, ...]:
    found: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bool):
            found.append("true" if item else "false")
        elif isinstance(item, str | int | float):
            found.append(str(item))
        else:
            raise MalformedPolicy(_SYNTAX)
    return tuple(found)
