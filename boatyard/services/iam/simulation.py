"""The policy simulator: what a principal's policies, or any policies, would say of actions on resources."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import page
from boatyard.identity.lookup import identity_policies
from boatyard.identity.policies import PolicySet, Request, judge
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, Policy, parse
from boatyard.identity.principals import Principal, Session
from boatyard.identity.request_context import principal_context
from boatyard.services.iam.entities import moment, require_role, require_user

_UNSUPPORTED = ("ResourceHandlingOption", "ResourceOwner", "CallerArn")


def simulate_principal_policy(call: Call, params: Params) -> dict[str, Any]:
    """Judge actions by the policies of a user or role. (IAM API: SimulatePrincipalPolicy)"""
    principal = _principal(call, params["PolicySourceArn"])
    own = identity_policies(call.installation, principal)
    extra = _policies(params.get("PolicyInputList", []))
    boundary = _boundary(params) or own.boundary
    context = dict(principal_context(call.installation, principal))
    return _simulate(params, PolicySet((*(own.identity or ()), *extra), boundary), principal, context)


def simulate_custom_policy(call: Call, params: Params) -> dict[str, Any]:
    """Judge actions by the given policies. (IAM API: SimulateCustomPolicy)"""
    principal = Principal.of_user(call.account, "/", "simulated", "AIDASIMULATED")
    policies = PolicySet(_policies(params["PolicyInputList"]), _boundary(params))
    return _simulate(params, policies, principal, {})


def _principal(call: Call, arn: str) -> Principal:
    kind, _, rest = arn.partition(f"arn:aws:iam::{call.account}:")[2].partition("/")
    name = rest.rpartition("/")[2]
    with call.installation.database.reading() as rx:
        if kind == "user":
            user = require_user(rx, call.account, name)
            return Principal.of_user(user.account, user.path, user.name, user.id)
        if kind == "role":
            role = require_role(rx, call.account, name)
            session = Session(role_arn=role.arn, role_id=role.id, name="simulated", issued=moment(), expires=moment())
            return Principal.of_role(role.account, role.name, session)
    raise ApiError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")


def _policies(documents: list[str]) -> tuple[Policy, ...]:
    try:
        return tuple(parse(document, Grammar.INLINE) for document in documents)
    except MalformedPolicy as error:
        raise ApiError("InvalidInput", f"Invalid policy: {error}") from error


def _boundary(params: Params) -> Policy | None:
    found = _policies(params.get("PermissionsBoundaryPolicyInputList", [])[:1])
    return found[0] if found else None


def _simulate(
    params: Params, policies: PolicySet, principal: Principal, context: dict[str, str | tuple[str, ...]]
) -> dict[str, Any]:
    for name in _UNSUPPORTED:
        if params.get(name):
            raise not_supported("iam", "SimulatePolicy", name)
    for entry in params.get("ContextEntries", []):
        context[entry["ContextKeyName"].lower()] = tuple(entry.get("ContextKeyValues", []))
    resource_policy = params.get("ResourcePolicy")
    if resource_policy:
        policies = PolicySet(policies.identity, policies.boundary, (), parse(resource_policy, Grammar.RESOURCE), False)
    rows = []
    for action in params["ActionNames"]:
        for resource in params.get("ResourceArns", ["*"]):
            decision = judge(policies, Request(principal, action, resource, context))
            verdict = "allowed" if decision.allowed else "implicitDeny"
            if "explicit deny" in decision.reason:
                verdict = "explicitDeny"
            rows.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": verdict,
                    "MatchedStatements": [],
                    "MissingContextValues": [],
                }
            )
    chosen, token = page(rows, params.get("Marker"), params.get("MaxItems", 100), code="InvalidInput")
    answer: dict[str, Any] = {"EvaluationResults": chosen, "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})
