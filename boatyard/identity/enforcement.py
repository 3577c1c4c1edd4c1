"""Policies put to work on one operation: which actions on which resources it is, and whether each is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from boatyard.api import models
from boatyard.api.errors import ApiError
from boatyard.identity import recorded_use
from boatyard.identity.actions import Need, own_context, own_needs, passed_roles
from boatyard.identity.lookup import held_policies
from boatyard.identity.policies import Decision, PolicySet, Request, judge
from boatyard.identity.policy_syntax import Policy
from boatyard.identity.principals import Kind
from boatyard.identity.request_context import Keys, RequestKeys, call_context
from boatyard.identity.resource_policies import find_resource_policy

if TYPE_CHECKING:
    from boatyard.api.call import Call

_OWN_WORK = frozenset({"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:GetLogEvents"})
"""What AWS's services do in an account without being asked for a permission: with metrics, their own logs."""
_CIPHERTEXT = ("kms:Decrypt", "kms:ReEncryptFrom")


def enforce(call: Call, service: str, operation: str, params: dict[str, Any]) -> None:
    """ApiError, as the service words a denial, unless every action that the operation needs is allowed."""
    gathered: list[Keys] = []

    def known() -> Keys:
        if not gathered:
            gathered.append(call_context(call, service))
        return gathered[0]

    def told() -> Keys:
        return known() | own_context(call, service, operation, params)

    for need in own_needs(call, service, operation, params):
        _enforce(call, service, params, need, told)
    for need in passed_roles(call, service, operation, params):
        _enforce(call, service, params, need, known)


def _enforce(call: Call, service: str, params: dict[str, Any], need: Need, context: Callable[[], Keys]) -> None:
    principal = call.principal
    held = held_policies(call.installation, principal)
    resource_policy = find_resource_policy(call, need.resource)
    asked = (principal.arn, principal.user_id, call.account, need.action, need.resource, need.spellings)
    by_resource = held.allowed_before(asked, resource_policy)
    if by_resource is not None:
        recorded_use.note(call.installation, principal, need, None, by_resource)
        return
    decision, request, context_free = _decide(call, held.policies, need, context, resource_policy)
    refused = not decision.allowed and not _own_work(call, need, decision)
    message = _message(service, decision, request, params) if refused else None
    by_resource = False
    if resource_policy is not None:
        alone, _, free = _decide(call, held.policies, need, context, None)
        by_resource, context_free = not alone.allowed, context_free and free
    recorded_use.note(call.installation, principal, need, message, by_resource)
    if message is not None:
        raise access_denied(service, message)
    if decision.allowed and context_free:
        held.keep(asked, resource_policy, by_resource)


def _message(service: str, decision: Decision, request: Request, params: dict[str, Any]) -> str:
    """AWS's wording, which says no more to a stranger than that it may not.

    S3 puts the resource in quotation marks, SNS writes its name large, and KMS does not tell whose ciphertext it is.
    """
    stranger = request.principal.kind is Kind.ANONYMOUS or request.resource_account != request.principal.account
    if service == "s3" and stranger:
        return "Access Denied"
    text = decision.message(request)
    if service == "s3":
        return text.replace(f"resource: {request.resource} ", f'resource: "{request.resource}" ')
    if service == "sns":
        return text.replace(" sns:", " SNS:")
    known = "KeyId" if request.action == "kms:Decrypt" else "SourceKeyId"
    if request.action in _CIPHERTEXT and not params.get(known):
        return text.replace(f"resource: {request.resource} ", "the resource associated with this ciphertext ")
    return text


def _own_work(call: Call, need: Need, decision: Decision) -> bool:
    """AWS's services need no policy for their own records of what they did, but never against a deny."""
    if call.principal.kind is not Kind.SERVICE or "explicit deny" in decision.reason:
        return False
    return need.action in _OWN_WORK or need.action == "cloudwatch:PutMetricData"


def _decide(
    call: Call, own: PolicySet, need: Need, context: Callable[[], Keys], resource_policy: Policy | None
) -> tuple[Decision, Request, bool]:
    """The verdict on one need, and whether it holds for any context.

    Of a resource with several spellings one that is allowed suffices, and none denied.
    """
    parts = need.resource.split(":", 5)
    owner = parts[4] if len(parts) == 6 and parts[4].isdigit() else call.account
    keys = RequestKeys(call, need, lambda: {**context(), "aws:resourceaccount": owner})
    policies = own
    if resource_policy is not None:
        required = need.action.startswith("kms:")
        policies = PolicySet(own.identity, own.boundary, own.session, resource_policy, required)
    request = Request(call.principal, need.action, need.resource, keys, owner)
    decisions = [judge(policies, request)]
    decisions += [judge(policies, replace(request, resource=arn)) for arn in need.spellings]
    denied = [decision for decision in decisions if "explicit deny" in decision.reason]
    allowed = [decision for decision in decisions if decision.allowed]
    return (denied or allowed or decisions)[0], request, not keys.asked


def access_denied(service: str, message: str) -> ApiError:
    """A denial with the code that the service's protocol has for it."""
    if service == "sns":
        return ApiError("AuthorizationError", message, status=403)
    model = models.service_model(service)
    protocol = "query" if model.is_query_compatible else model.protocol
    if protocol in ("query", "rest-xml", "ec2"):
        return ApiError("AccessDenied", message, status=403)
    return ApiError("AccessDeniedException", message, status=403 if protocol == "rest-json" else 400)
