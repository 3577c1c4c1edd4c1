"""What identity policies hang on a principal, as the records are at the moment of the request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from boatyard.api.errors import ApiError
from boatyard.identity import aws_managed
from boatyard.identity.policies import PolicySet
from boatyard.identity.policy_syntax import Grammar, Policy, parse
from boatyard.identity.principals import Kind, Principal
from boatyard.identity.records import GROUPS, POLICIES, ROLES, USERS, Identity, Role
from boatyard.state.changes import Cache
from boatyard.state.table import Table

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.state.database import Reader


_VERDICTS = 1024
_PolicyKey = tuple[Kind, str, str, str, str | None, tuple[str, ...]]


Asked = tuple[str, str, str, str, str, tuple[str, ...]]
"""A principal's ARN and id, the account that is called, an action, a resource and its other spellings."""


class HeldPolicies:
    """What a principal holds, and what it was allowed whatever the request's context."""

    def __init__(self, policies: PolicySet) -> None:
        self.policies = policies
        self._allowed: dict[Asked, tuple[Policy | None, bool]] = {}

    def allowed_before(self, asked: Asked, resource_policy: Policy | None) -> bool | None:
        """Whether the resource's policy alone allowed what was asked, which was allowed; None when it was not yet."""
        found = self._allowed.get(asked)
        return found[1] if found is not None and found[0] is resource_policy else None

    def keep(self, asked: Asked, resource_policy: Policy | None, by_resource: bool) -> None:
        """It was allowed, and no policy has looked at the request's context."""
        if len(self._allowed) >= _VERDICTS:
            self._allowed = {}
        self._allowed[asked] = (resource_policy, by_resource)


class IdentityCaches:
    """What is made of an installation's identity records, kept until one of them changes."""

    def __init__(self, installation: Installation) -> None:
        watch = installation.database.watch(*(table.name for table in (USERS, GROUPS, ROLES, POLICIES)))
        self.policies: Cache[_PolicyKey, HeldPolicies] = Cache(watch)
        self.tags: Cache[tuple[Kind, str, str], dict[str, str]] = Cache(watch)


def identity_caches(installation: Installation) -> IdentityCaches:
    """The caches of an installation."""
    return installation.attached("identity caches", lambda: IdentityCaches(installation))


def find_role(installation: Installation, account: str, name: str) -> Role | None:
    """A role by its name, or None."""
    with installation.database.reading() as rx:
        return ROLES.get(rx, account, name.lower())


def managed_policy_document(installation: Installation, account: str, arn: str) -> str:
    """The default version of a managed policy, AWS's or a customer's; ApiError (NoSuchEntity) if there is none."""
    with installation.database.reading() as rx:
        document = _document(rx, arn)
    if document is None:
        raise ApiError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", status=404)
    return document


def _document(rx: Reader, arn: str) -> str | None:
    known = aws_managed.find(arn)
    if known is not None:
        return known.document
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return None
    record = POLICIES.get(rx, parts[4], parts[5].rpartition("/")[2].lower())
    return record.document if record is not None and record.arn == arn else None


def missing_principal(rx: Reader, account: str, policy: Policy) -> str | None:
    """The first user or role of an account that a policy names as principal and that is not there."""
    for statement in policy.statements:
        for arn in statement.principals.aws if statement.principals else ():
            match = re.fullmatch(rf"arn:aws:iam::{account}:(user|role)/(?:.*/)?([^/]+)", arn)
            if match is None:
                continue
            table = USERS if match.group(1) == "user" else ROLES
            if table.get(rx, account, match.group(2).lower()) is None:
                return arn
    return None


def identity_policies(installation: Installation, principal: Principal) -> PolicySet:
    """The identity, boundary and session policies of a principal; empty for one whose user or role is gone."""
    return held_policies(installation, principal).policies


def held_policies(installation: Installation, principal: Principal) -> HeldPolicies:
    """The same, with what was judged by them."""
    session = principal.session
    key = (
        principal.kind,
        principal.account,
        session.role_arn if session else principal.arn,
        session.role_id if session else principal.user_id,
        principal.name,
        session.policies if session else (),
    )
    return identity_caches(installation).policies.get(
        key, lambda: HeldPolicies(_identity_policies(installation, principal))
    )


def _identity_policies(installation: Installation, principal: Principal) -> PolicySet:
    session = tuple(
        parse(document, Grammar.INLINE) for document in (principal.session.policies if principal.session else ())
    )
    with installation.database.reading() as rx:
        holder = _holder(rx, principal)
        if holder is None:
            return PolicySet(session=session)
        identity = list(_policies_of(rx, holder))
        for group in getattr(holder, "groups", ()):
            found = GROUPS.get(rx, holder.account, group.lower())
            identity += _policies_of(rx, found) if found else ()
        boundary = _document(rx, holder.boundary) if holder.boundary else None
    return PolicySet(tuple(identity), parse(boundary, Grammar.MANAGED) if boundary else None, session)


def principal_tags(installation: Installation, principal: Principal) -> dict[str, str]:
    """The tags of the user or role behind a principal, and of its session."""
    if principal.kind is not Kind.USER and principal.session is None:
        return {}
    arn = principal.policy_arn
    key = (principal.kind, principal.account, arn)
    kept = identity_caches(installation).tags.get(key, lambda: _tags(installation, principal.kind, key[1], arn))
    return kept | principal.session.tags if principal.session else kept


def _tags(installation: Installation, kind: Kind, account: str, arn: str) -> dict[str, str]:
    table: Table[Any] = USERS if kind is Kind.USER else ROLES
    with installation.database.reading() as rx:
        holder = table.get(rx, account, arn.rpartition("/")[2].lower())
    return holder.tags if holder is not None else {}


def exists(installation: Installation, principal: Principal) -> bool:
    """Whether whoever is behind a principal is still there: a deleted user's or role's sessions end with it."""
    if principal.kind not in (Kind.USER, Kind.SESSION, Kind.FEDERATED):
        return True
    if principal.session is not None and principal.session.role_id == principal.account:
        return True  # The root's own federated session.
    with installation.database.reading() as rx:
        return _holder(rx, principal) is not None


def _holder(rx: Reader, principal: Principal) -> Identity | None:
    """The user or role behind a principal: the very one, not another that was made later under its name."""
    arn = principal.session.role_arn if principal.session else principal.arn
    name = arn.rpartition("/")[2].lower()
    if principal.kind is Kind.SESSION and principal.session:
        role = ROLES.get(rx, principal.account, name)
        return role if role is not None and role.id == principal.session.role_id else None
    if principal.kind in (Kind.USER, Kind.FEDERATED):
        user = USERS.get(rx, principal.account, name)
        own_id = principal.session.role_id if principal.session else principal.user_id
        return user if user is not None and user.id == own_id else None
    return None


def _policies_of(rx: Reader, holder: Identity) -> Iterable[Policy]:
    for document in holder.inline.values():
        yield parse(document, Grammar.INLINE)
    for arn in holder.attached:
        document_of = _document(rx, arn)
        if document_of is not None:
            yield parse(document_of, Grammar.MANAGED)
