"""Policies put to work on one operation: which actions on which resources it is, and whether each is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from boatyard.api import models
from boatyard.api.errors import ApiError
from boatyard.identity import recorded_use
from boatyard.identity.actions import Need, needs_of
from boatyard.identity.lookup import identity_policies
from boatyard.identity.policies import Decision, PolicySet, Request, judge
from boatyard.identity.policy_syntax import Policy
from boatyard.identity.principals import Kind
from boatyard.identity.request_context import call_context
from boatyard.identity.resource_policies import find_resource_policy

if TYPE_CHECKING:
    from boatyard.api.call import Call

_ASKED_OF_SERVICES = frozenset({"lambda:InvokeFunction", "sns:Publish"})
"""What a service may do only where the resource's policy names it."""


def enforce(call: Call, service: str, operation: str, params: dict[str, Any]) -> None:
    """ApiError, as the service words a denial, unless every action that the operation needs is allowed."""
    needs = needs_of(call, service, operation, params)
    if not needs:
        return
    own = identity_policies(call.installation, call.principal)
    context = call_context(call)
    for need in needs:
        resource_policy = find_resource_policy(call, need.resource)
        decision, request = _decide(call, own, need, context, resource_policy)
        refused = not decision.allowed and not _own_work(call, need, decision)
        message = _message(service, decision, request) if refused else None
        by_resource = resource_policy is not None and not _decide(call, own, need, context, None)[0].allowed
        recorded_use.note(call.installation, call.principal, need, message, by_resource)
        if message is not None:
            raise access_denied(service, message)


def _message(service: str, decision: Decision, request: Request) -> str:
    """AWS's wording, in which S3 alone puts the resource in quotation marks."""
    text = decision.message(request)
    return (
        text.replace(f"resource: {request.resource} ", f'resource: "{request.resource}" ') if service == "s3" else text
    )


def _own_work(call: Call, need: Need, decision: Decision) -> bool:
    """AWS's services need no policy for their own work, but for what AWS asks them one, and never against a deny."""
    if call.principal.kind is not Kind.SERVICE or "explicit deny" in decision.reason:
        return False
    return need.action not in _ASKED_OF_SERVICES


def _decide(
    call: Call, own: PolicySet, need: Need, context: dict[str, Any], resource_policy: Policy | None
) -> tuple[Decision, Request]:
    """The verdict on one need; of a resource with several spellings one that is allowed suffices, and none denied."""
    keys = {**context, **need.context}
    parts = need.resource.split(":", 5)
    owner = parts[4] if len(parts) == 6 and parts[4].isdigit() else call.account
    keys["aws:resourceaccount"] = owner
    required = need.action.startswith("kms:") and resource_policy is not None
    policies = PolicySet(own.identity, own.boundary, own.session, resource_policy, required)
    request = Request(call.principal, need.action, need.resource, keys, owner)
    decisions = [judge(policies, replace(request, resource=arn)) for arn in (need.resource, *need.spellings)]
    denied = [decision for decision in decisions if "explicit deny" in decision.reason]
    allowed = [decision for decision in decisions if decision.allowed]
    return (denied or allowed or decisions)[0], request


def access_denied(service: str, message: str) -> ApiError:
    """A denial with the code that the service's protocol has for it."""
    if service == "sns":
        return ApiError("AuthorizationError", message, status=403)
    protocol = models.service_model(service).protocol
    if protocol in ("query", "rest-xml", "ec2"):
        return ApiError("AccessDenied", message, status=403)
    return ApiError("AccessDeniedException", message, status=403 if protocol == "rest-json" else 400)
