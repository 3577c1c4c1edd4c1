"""Sessions of roles: AssumeRole as STS does it, for callers and for AWS services alike; trust policies decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.identity import recorded_use
from boatyard.identity.actions.model import Need
from boatyard.identity.lookup import find_role, identity_policies, managed_policy_document
from boatyard.identity.policies import PolicySet, Request, denial, judge
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, parse
from boatyard.identity.principals import Kind, Principal, Session
from boatyard.identity.records import Role
from boatyard.identity.request_context import principal_context

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role((?:/[\x21-\x7e]*)?/)([\w+=,.@-]{1,64})")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_CHAINED_SECONDS = 3600
_SERVICE_SESSION_SECONDS = 12 * 3600
_MAXIMUM_POLICY_LENGTH = 2048


def assume_role(
    installation: Installation,
    caller: Principal,
    role_arn: str,
    session_name: str,
    duration: int = 3600,
    policy: str | None = None,
    *,
    policy_arns: Sequence[str] = (),
    tags: dict[str, str] | None = None,
    transitive_tag_keys: Sequence[str] = (),
    external_id: str | None = None,
    source_identity: str | None = None,
    source_arn: str | None = None,
    context: dict[str, Any] | None = None,
) -> Principal:
    """A session of a role for `duration` seconds, after the STS API's AssumeRole.

    Raises ApiError: AccessDenied when the role is not there or its trust policy does not let the caller,
    ValidationError for a bad name or duration, MalformedPolicyDocument, PackedPolicyTooLarge.
    """
    if not _SESSION_NAME.fullmatch(session_name):
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{session_name[:100]}' at 'roleSessionName' failed to satisfy"
            " constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        )
    role = _role(installation, caller, role_arn)
    keys = dict(context or {})
    keys |= {"sts:rolesessionname": session_name, "sts:externalid": external_id}
    keys |= {"sts:sourceidentity": source_identity, "aws:sourcearn": source_arn}
    _judge_trust(installation, caller, role, keys, tags or {}, source_identity)
    _check_duration(caller, role, duration)
    issued = now()
    session = Session(
        role_arn=role.arn,
        role_id=role.id,
        name=session_name,
        issued=issued,
        expires=issued + timedelta(seconds=duration),
        policies=session_policies(installation, role.account, policy, policy_arns),
        tags=dict(tags or {}),
        transitive_tag_keys=tuple(transitive_tag_keys),
        source_identity=source_identity,
        source_arn=source_arn,
        service=caller.service,
    )
    return Principal.of_role(role.account, role.name, session)


def assume_for_service(
    installation: Installation,
    service: str,
    role_arn: str,
    *,
    session_name: str | None = None,
    policy: str | None = None,
    source_arn: str | None = None,
) -> Principal:
    """The session that an AWS service (e.g. codebuild.amazonaws.com) takes on to work in a role's name.

    Raises ApiError (AccessDenied) when the role is not there or its trust policy does not name the service.
    """
    match = _ROLE_ARN.fullmatch(role_arn)
    account = match.group(1) if match else installation.settings.account_id
    return assume_role(
        installation,
        Principal.of_service(service, account),
        role_arn,
        _fitting(session_name or service.partition(".")[0]),
        _SERVICE_SESSION_SECONDS,
        policy,
        source_arn=source_arn,
    )


def _fitting(text: str) -> str:
    """A session name made of any text: 2 to 64 of the characters that AWS allows."""
    return re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII)[-64:].ljust(2, "-")


def session_policies(
    installation: Installation, account: str, policy: str | None, policy_arns: Sequence[str]
) -> tuple[str, ...]:
    """The documents that narrow a session, checked: an inline one and managed ones."""
    documents = [managed_policy_document(installation, account, arn) for arn in policy_arns]
    if policy is not None:
        if len(policy) > _MAXIMUM_POLICY_LENGTH:
            raise ApiError(
                "PackedPolicyTooLarge",
                f"Packed size of session tags and policies consumes {len(policy) * 100 // _MAXIMUM_POLICY_LENGTH}%"
                " of the allotted space.",
            )
        try:
            parse(policy, Grammar.INLINE)
        except MalformedPolicy as error:
            raise ApiError("MalformedPolicyDocument", str(error)) from error
        documents.append(policy)
    return tuple(documents)


def _role(installation: Installation, caller: Principal, role_arn: str) -> Role:
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is None:
        raise ApiError("ValidationError", f"{role_arn[:200]} is invalid", status=400)
    role = find_role(installation, match.group(1), match.group(3))
    if role is None or role.path != match.group(2):
        raise _not_trusted(caller, role_arn, "the role does not exist")
    return role


def _judge_trust(
    installation: Installation,
    caller: Principal,
    role: Role,
    keys: dict[str, Any],
    tags: dict[str, str],
    source_identity: str | None,
) -> None:
    context = principal_context(installation, caller)
    context |= {name: value for name, value in keys.items() if value is not None}
    context |= {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}
    if tags:
        context["aws:tagkeys"] = tuple(tags)
    actions = ["sts:AssumeRole"]
    actions += ["sts:TagSession"] if tags else []
    actions += ["sts:SetSourceIdentity"] if source_identity else []
    trust = parse(role.trust_policy, Grammar.TRUST)
    own = identity_policies(installation, caller) if installation.settings.authorization == "enforce" else None
    for action in actions:
        request = Request(caller, action, role.arn, context, role.account)
        if own is None:
            policies = PolicySet(identity=None, resource=trust, resource_required=True)
        else:
            policies = PolicySet(own.identity, own.boundary, own.session, trust, resource_required=True)
        refusal = None
        if not _judged_as_account(caller, policies, request):
            refusal = _not_trusted(caller, role.arn, "its trust policy does not allow it", action)
        recorded_use.note(installation, caller, Need(action, role.arn), refusal.message if refusal else None)
        if refusal is not None:
            raise refusal


def _judged_as_account(caller: Principal, policies: PolicySet, request: Request) -> bool:
    """Root is bound by trust policies too: they say who may become the role, and root is in its account."""
    if not caller.is_root:
        return judge(policies, request).allowed
    stand_in = Principal(kind=Kind.USER, account=caller.account, arn=caller.arn, user_id=caller.user_id)
    asked = Request(stand_in, request.action, request.resource, request.context, request.resource_account)
    return judge(PolicySet(None, resource=policies.resource, resource_required=True), asked).allowed


def _not_trusted(caller: Principal, role_arn: str, why: str, action: str = "sts:AssumeRole") -> ApiError:
    text = denial(caller, action, role_arn)
    if caller.service:
        text += f" ({why}; a role for {caller.service} must trust it in its AssumeRolePolicyDocument)"
    return ApiError("AccessDenied", text, status=403)


def _check_duration(caller: Principal, role: Role, duration: int) -> None:
    if caller.service is not None:
        return
    if caller.session is not None and duration > _CHAINED_SECONDS:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
    if duration > role.max_session_duration:
        raise ApiError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
