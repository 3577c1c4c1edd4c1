"""The verdict: what identity, boundary, session and resource policies together say of one request.

Follows the IAM User Guide's "Policy evaluation logic" within one account and across two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from boatyard.identity import conditions
from boatyard.identity.patterns import Context, matches, resource_matches, substitute
from boatyard.identity.policy_syntax import Policy, Principals, Statement
from boatyard.identity.principals import Kind, Principal


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource by one principal; `context` holds the condition keys in lower case."""

    principal: Principal
    action: str
    resource: str
    context: Context
    resource_account: str | None = None
    """The account that owns the resource; the caller's own when None."""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Every policy that has a say.

    `identity` None says that the caller's own permissions are not to be asked about (they count as allowing).
    `resource_required` is for keys and roles, whose own policy must take part in every permission.
    """

    identity: tuple[Policy, ...] | None = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] = ()
    resource: Policy | None = None
    resource_required: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is allowed, and when not, AWS's words for why."""

    allowed: bool
    reason: str = ""

    def message(self, request: Request) -> str:
        """AWS's denial: who may not do what on which resource, and because of which kind of policy."""
        return denial(request.principal, request.action, request.resource, self.reason)


class Reach(IntEnum):
    """How a resource policy's statement names the caller, least direct first."""

    NONE = 0
    ACCOUNT = 1
    """It names the caller's account, which leaves the rest to that account's own policies."""
    PRINCIPAL = 2
    """It names the service, the session's role, or the user behind a federated session."""
    DIRECT = 3
    """It names everybody, the user, or this very session: boundaries and session policies do not narrow that."""


def denial(principal: Principal, action: str, resource: str, reason: str = "") -> str:
    """AWS's wording of a denial."""
    text = f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
    return f"{text} {reason}" if reason else text


def judge(policies: PolicySet, request: Request) -> Decision:
    """What the policies say: an explicit deny ends it; else every kind of policy that takes part must allow."""
    if request.principal.is_root and request.resource_account in (None, request.principal.account):
        return Decision(True)
    refused = _explicit_deny(policies, request)
    if refused:
        return Decision(False, f"with an explicit deny in {refused}")
    bounded = policies.boundary is not None
    reach = max((_reach(item, request, True, bounded) for item in _statements(policies.resource)), default=Reach.NONE)
    own = policies.identity is None or _allows(policies.identity, request)
    if request.resource_account not in (None, request.principal.account):
        return _across(policies, request, reach, own)
    return _within(policies, request, reach, own)


def _within(policies: PolicySet, request: Request, reach: Reach, own: bool) -> Decision:
    if reach is Reach.DIRECT:
        return Decision(True)
    if policies.resource_required and reach is Reach.NONE:
        return _implicit("resource-based policy", request)
    if reach is not Reach.PRINCIPAL and not own:
        return _implicit("identity-based policy", request)
    return _narrowed(policies, request)


def _across(policies: PolicySet, request: Request, reach: Reach, own: bool) -> Decision:
    if reach is Reach.NONE:
        return _implicit("resource-based policy", request)
    if not own and request.principal.kind in (Kind.USER, Kind.SESSION, Kind.FEDERATED):
        return _implicit("identity-based policy", request)
    return _narrowed(policies, request)


def _narrowed(policies: PolicySet, request: Request) -> Decision:
    """A permission that was granted must also be inside the boundary and inside the session's policies."""
    if policies.boundary is not None and not _allows((policies.boundary,), request):
        return _implicit("permissions boundary", request)
    if policies.session and not _allows(policies.session, request):
        return _implicit("session policy", request)
    return Decision(True)


def _implicit(kind: str, request: Request) -> Decision:
    return Decision(False, f"because no {kind} allows the {request.action} action")


def _explicit_deny(policies: PolicySet, request: Request) -> str | None:
    """Which kind of policy denies outright, as AWS's message names it."""
    kinds: tuple[tuple[str, tuple[Policy, ...]], ...] = (
        ("an identity-based policy", policies.identity or ()),
        ("a permissions boundary", (policies.boundary,) if policies.boundary else ()),
        ("a session policy", policies.session),
    )
    for name, found in kinds:
        for policy in found:
            if any(not item.allow and applies(item, policy, request) for item in policy.statements):
                return name
    bounded = policies.boundary is not None
    if any(_reach(item, request, False, bounded) for item in _statements(policies.resource)):
        return "a resource-based policy"
    return None


def _allows(policies: Iterable[Policy], request: Request) -> bool:
    return any(item.allow and applies(item, policy, request) for policy in policies for item in policy.statements)


def _statements(policy: Policy | None) -> list[tuple[Policy, Statement]]:
    return [(policy, statement) for statement in policy.statements] if policy else []


def _reach(item: tuple[Policy, Statement], request: Request, allow: bool, bounded: bool) -> Reach:
    """How a statement of the wanted effect in a resource policy reaches the caller, if it applies at all."""
    policy, statement = item
    if statement.allow is not allow or statement.principals is None:
        return Reach.NONE
    if not statement.principals.negated:
        reach = _named(statement.principals, request.principal)
    elif allow:
        reach = Reach.NONE if _named(statement.principals, request.principal) else Reach.DIRECT
    else:
        reach = Reach.NONE if _spared(statement.principals, request.principal, bounded) else Reach.DIRECT
    if reach is Reach.NONE or not applies(statement, policy, request):
        return Reach.NONE
    return reach


def applies(statement: Statement, policy: Policy, request: Request) -> bool:
    """Whether a statement is about this action and resource, and its conditions hold."""
    if _names(statement.actions, request.action) is statement.not_actions:
        return False
    if statement.resources:
        found = any(_resource_matches(pattern, policy, request) for pattern in statement.resources)
        if found is statement.not_resources:
            return False
    return all(conditions.holds(item, request.context, policy.variables) for item in statement.conditions)


@lru_cache(maxsize=8192)
def _names(patterns: tuple[str, ...], action: str) -> bool:
    """Whether one of a statement's actions, which are in lower case, is this one."""
    folded = action.lower()
    return any(matches(pattern, folded) for pattern in patterns)


def _resource_matches(pattern: str, policy: Policy, request: Request) -> bool:
    if pattern == "*":
        return True
    if not policy.variables or "${" not in pattern:
        return resource_matches(pattern, request.resource)
    # Variables are replaced behind the fifth colon only: they never name a service or an account.
    *head, name = pattern.split(":", 5)
    replaced = substitute(name, request.context)
    return replaced is not None and resource_matches(":".join([*head, replaced]), request.resource)


def _named(principals: Principals, caller: Principal) -> Reach:
    """How the list of a Principal or NotPrincipal element names a caller."""
    return _service_reach(principals, caller) if caller.service else _identity_reach(principals, caller)


def _spared(principals: Principals, caller: Principal, bounded: bool) -> bool:
    """Whether a Deny with NotPrincipal leaves a caller alone.

    It never does where a permissions boundary is attached, and a session only where its role is listed beside it
    (IAM User Guide, "AWS JSON policy elements: NotPrincipal" and "Permissions boundaries for IAM entities").
    """
    if caller.service or "*" in principals.aws:
        return _named(principals, caller) > Reach.ACCOUNT
    holder = {caller.session.role_arn} if caller.session else set()
    return not bounded and {caller.arn, *holder} <= set(principals.aws)


def _service_reach(principals: Principals, caller: Principal) -> Reach:
    wanted = {"*", caller.name, global_service(caller.name or "")}
    named = {global_service(name) for name in principals.services}
    # {"AWS": "*"} is everybody, as "*" alone is (IAM User Guide, "AWS JSON policy elements: Principal").
    return Reach.PRINCIPAL if wanted & named or "*" in principals.aws else Reach.NONE


def _identity_reach(principals: Principals, caller: Principal) -> Reach:
    holder = {caller.session.role_arn, caller.session.role_id} if caller.session else set()
    own = {caller.arn, caller.user_id}
    best = Reach.NONE
    for name in principals.aws:
        if name == "*" or (name in own and caller.kind is not Kind.ROOT):
            return Reach.DIRECT
        if name in holder:
            best = Reach.PRINCIPAL
        elif caller.kind is not Kind.ANONYMOUS and name in (
            caller.account,
            f"arn:aws:iam::{caller.account}:root",
        ):
            best = max(best, Reach.ACCOUNT)
    return best


def global_service(name: str) -> str:
    """A service principal without its region: states.us-east-1.amazonaws.com is states.amazonaws.com."""
    parts = name.split(".")
    if len(parts) == 4 and parts[2:] == ["amazonaws", "com"] and parts[1].count("-") >= 2:
        return f"{parts[0]}.amazonaws.com"
    return name
