"""Managed policies attached to users, groups and roles."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.paging import page
from boatyard.identity.records import GROUPS, ROLES, USERS, Identity
from boatyard.services.iam import quotas
from boatyard.services.iam.entities import (
    no_such,
    policy_exists,
    require_group,
    require_role,
    require_user,
)
from boatyard.services.iam.roles import modifiable
from boatyard.state.database import Reader


def _with_policy(call: Call, rx: Reader, holder: Identity, kind: str, params: Params) -> list[str]:
    arn = params["PolicyArn"]
    if not policy_exists(rx, arn):
        raise no_such(f"Policy {arn} does not exist or is not attachable.")
    if arn in holder.attached:
        return holder.attached
    quotas.ATTACHED[kind].check(call.installation, len(holder.attached))
    return [*holder.attached, arn]


def _without_policy(holder: Identity, params: Params) -> list[str]:
    arn = params["PolicyArn"]
    if arn not in holder.attached:
        raise no_such(f"Policy {arn} was not found.")
    return [item for item in holder.attached if item != arn]


def attached_listing(holder: Identity, params: Params) -> dict[str, Any]:
    """A page of a holder's managed policies under a path."""
    rows = []
    for arn in holder.attached:
        path, _, name = arn.split(":", 5)[5].removeprefix("policy").rpartition("/")
        if f"{path}/".startswith(params.get("PathPrefix", "/")):
            rows.append({"PolicyName": name, "PolicyArn": arn})
    chosen, token = page(rows, params.get("Marker"), params.get("MaxItems", 100), code="InvalidInput")
    answer: dict[str, Any] = {"AttachedPolicies": chosen, "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})


def attach_role_policy(call: Call, params: Params) -> None:
    """Attach a managed policy to a role. (IAM API: AttachRolePolicy)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        ROLES.put(tx, msgspec.structs.replace(role, attached=_with_policy(call, tx, role, "Role", params)))


def detach_role_policy(call: Call, params: Params) -> None:
    """Detach a managed policy from a role. (IAM API: DetachRolePolicy)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        ROLES.put(tx, msgspec.structs.replace(role, attached=_without_policy(role, params)))


def list_attached_role_policies(call: Call, params: Params) -> dict[str, Any]:
    """List the managed policies of a role. (IAM API: ListAttachedRolePolicies)"""
    with call.installation.database.reading() as rx:
        return attached_listing(require_role(rx, call.account, params["RoleName"]), params)


def attach_user_policy(call: Call, params: Params) -> None:
    """Attach a managed policy to a user. (IAM API: AttachUserPolicy)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        USERS.put(tx, msgspec.structs.replace(user, attached=_with_policy(call, tx, user, "User", params)))


def detach_user_policy(call: Call, params: Params) -> None:
    """Detach a managed policy from a user. (IAM API: DetachUserPolicy)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        USERS.put(tx, msgspec.structs.replace(user, attached=_without_policy(user, params)))


def list_attached_user_policies(call: Call, params: Params) -> dict[str, Any]:
    """List the managed policies of a user. (IAM API: ListAttachedUserPolicies)"""
    with call.installation.database.reading() as rx:
        return attached_listing(require_user(rx, call.account, params["UserName"]), params)


def attach_group_policy(call: Call, params: Params) -> None:
    """Attach a managed policy to a group. (IAM API: AttachGroupPolicy)"""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call.account, params["GroupName"])
        GROUPS.put(tx, msgspec.structs.replace(group, attached=_with_policy(call, tx, group, "Group", params)))


def detach_group_policy(call: Call, params: Params) -> None:
    """Detach a managed policy from a group. (IAM API: DetachGroupPolicy)"""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call.account, params["GroupName"])
        GROUPS.put(tx, msgspec.structs.replace(group, attached=_without_policy(group, params)))


def list_attached_group_policies(call: Call, params: Params) -> dict[str, Any]:
    """List the managed policies of a group. (IAM API: ListAttachedGroupPolicies)"""
    with call.installation.database.reading() as rx:
        return attached_listing(require_group(rx, call.account, params["GroupName"]), params)
