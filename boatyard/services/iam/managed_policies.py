"""Managed policies: a customer's own, and AWS's for reading."""

from __future__ import annotations

from collections import Counter
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page
from boatyard.identity import aws_managed, unique_ids
from boatyard.identity.policy_syntax import Grammar
from boatyard.identity.records import GROUPS, POLICIES, ROLES, USERS, ManagedPolicy, PolicyVersion
from boatyard.services.iam import quotas
from boatyard.services.iam.entities import (
    already_exists,
    check_description,
    check_document,
    check_name,
    check_path,
    conflict,
    moment,
    new_tags,
    no_such,
)
from boatyard.services.iam.views import aws_policy_view, policy_view
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists


def require_policy(rx: Reader, account: str, arn: str) -> ManagedPolicy:
    """A customer's managed policy; NoSuchEntity where there is none, AccessDenied for one of AWS's."""
    if aws_managed.find(arn) is not None:
        raise ApiError("AccessDenied", f"The policy {arn} belongs to AWS and cannot be changed.", status=403)
    found = POLICIES.get(rx, account, arn.rpartition("/")[2].lower())
    if found is None or found.arn != arn:
        raise no_such(f"Policy {arn} was not found.")
    return found


def attachments(rx: Reader, account: str) -> tuple[Counter[str], Counter[str]]:
    """How often each policy is attached, and how often it is a permissions boundary."""
    attached: Counter[str] = Counter()
    boundaries: Counter[str] = Counter()
    for table in (USERS, GROUPS, ROLES):
        for holder in table.select(rx, {"account": account}):
            attached.update(holder.attached)
            if holder.boundary:
                boundaries[holder.boundary] += 1
    return attached, boundaries


def create_policy(call: Call, params: Params) -> dict[str, Any]:
    """Make a managed policy with its first version. (IAM API: CreatePolicy)"""
    name, document = params["PolicyName"], params["PolicyDocument"]
    created = moment()
    check_document(document, Grammar.MANAGED)
    policy = ManagedPolicy(
        account=call.account,
        folded=check_name(name, "policyName"),
        name=name,
        path=check_path(params.get("Path")),
        id=unique_ids.unique_id(unique_ids.POLICY),
        created=created,
        updated=created,
        description=check_description(params.get("Description")),
        tags=new_tags(params, "Policy"),
        versions=[PolicyVersion(id="v1", document=document, created=created)],
    )
    with call.installation.database.transaction() as tx:
        try:
            POLICIES.insert(tx, policy)
            quotas.POLICIES.check_new(call, tx, POLICIES)
        except AlreadyExists:
            raise already_exists(f"A policy called {name} already exists. Duplicate names are not allowed.") from None
    return {"Policy": _details(policy, 0, 0)}


def _details(policy: ManagedPolicy, attached: int, boundaries: int) -> dict[str, Any]:
    view = policy_view(policy, attached, boundaries)
    if policy.description is not None:
        view["Description"] = policy.description
    if policy.tags:
        view["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(policy.tags.items())]
    return view


def get_policy(call: Call, params: Params) -> dict[str, Any]:
    """Tell about a managed policy. (IAM API: GetPolicy)"""
    arn = params["PolicyArn"]
    known = aws_managed.find(arn)
    with call.installation.database.reading() as rx:
        attached, boundaries = attachments(rx, call.account)
        if known is not None:
            view = aws_policy_view(known, attached[arn], boundaries[arn])
            return {"Policy": view | {"Description": known.description, "Tags": []}}
        policy = require_policy(rx, call.account, arn)
    return {"Policy": _details(policy, attached[arn], boundaries[arn])}


def list_policies(call: Call, params: Params) -> dict[str, Any]:
    """List managed policies: AWS's, the customer's, or both. (IAM API: ListPolicies)"""
    scope = params.get("Scope", "All")
    with call.installation.database.reading() as rx:
        attached, boundaries = attachments(rx, call.account)
        own = POLICIES.select(rx, {"account": call.account}) if scope in ("All", "Local") else []
    rows = [policy_view(policy, attached[policy.arn], boundaries[policy.arn]) for policy in own]
    if scope in ("All", "AWS"):
        rows += [
            aws_policy_view(policy, attached[policy.arn], boundaries[policy.arn])
            for policy in sorted(aws_managed.policies().values(), key=lambda policy: policy.name)
        ]
    rows = [row for row in rows if row["Path"].startswith(params.get("PathPrefix", "/"))]
    usage = "PermissionsBoundaryUsageCount" if _for_boundaries(params) else "AttachmentCount"
    if params.get("OnlyAttached"):
        rows = [row for row in rows if row[usage]]
    chosen, token = page(rows, params.get("Marker"), params.get("MaxItems", 100), code="InvalidInput")
    answer: dict[str, Any] = {"Policies": chosen, "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})


def _for_boundaries(params: Params) -> bool:
    return bool(params.get("PolicyUsageFilter") == "PermissionsBoundary")


def list_entities_for_policy(call: Call, params: Params) -> dict[str, Any]:
    """List the users, groups and roles that a managed policy is attached to. (IAM API: ListEntitiesForPolicy)"""
    arn, wanted = params["PolicyArn"], params.get("EntityFilter")
    kinds = (("User", USERS), ("Group", GROUPS), ("Role", ROLES))
    rows: list[tuple[str, str, str]] = []
    with call.installation.database.reading() as rx:
        if aws_managed.find(arn) is None:
            require_policy(rx, call.account, arn)
        for kind, table in kinds:
            if wanted not in (None, kind):
                continue
            for holder in table.select(rx, {"account": call.account}):
                uses = holder.boundary == arn if _for_boundaries(params) else arn in holder.attached
                if uses and holder.path.startswith(params.get("PathPrefix", "/")):
                    rows.append((kind, holder.name, holder.id))
    chosen, token = page(rows, params.get("Marker"), params.get("MaxItems", 100), code="InvalidInput")
    answer: dict[str, Any] = {"IsTruncated": token is not None}
    for kind, _ in kinds:
        answer[f"Policy{kind}s"] = [
            {f"{kind}Name": name, f"{kind}Id": unique} for found, name, unique in chosen if found == kind
        ]
    return answer | ({"Marker": token} if token else {})


def delete_policy(call: Call, params: Params) -> None:
    """Delete a managed policy that nothing uses and that has one version. (IAM API: DeletePolicy)"""
    with call.installation.database.transaction() as tx:
        policy = require_policy(tx, call.account, params["PolicyArn"])
        attached, boundaries = attachments(tx, call.account)
        if attached[policy.arn] or boundaries[policy.arn]:
            raise conflict("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's"
                " versions. The default version is deleted with the policy."
            )
        POLICIES.delete(tx, call.account, policy.folded)
