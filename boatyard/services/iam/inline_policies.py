"""Policies that live inside a user, a group or a role."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.identity.policy_syntax import Grammar
from boatyard.identity.records import GROUPS, ROLES, USERS, Identity
from boatyard.services.iam.entities import (
    check_document,
    check_name,
    document_size,
    encoded,
    limit_exceeded,
    no_such,
    require_group,
    require_role,
    require_user,
    text_listing,
)
from boatyard.services.iam.roles import modifiable

_SIZES = {"role": 10240, "user": 2048, "group": 5120}
"""Characters of all inline policies together."""


def _with_policy(holder: Identity, kind: str, params: Params) -> dict[str, str]:
    check_name(params["PolicyName"], "policyName")
    check_document(params["PolicyDocument"], Grammar.INLINE)
    inline = {**holder.inline, params["PolicyName"]: params["PolicyDocument"]}
    if document_size(list(inline.values())) > _SIZES[kind]:
        raise limit_exceeded(f"Maximum policy size of {_SIZES[kind]} bytes exceeded for {kind} {holder.name}")
    return dict(sorted(inline.items()))


def _without_policy(holder: Identity, kind: str, params: Params) -> dict[str, str]:
    _document(holder, kind, params)
    return {name: text for name, text in holder.inline.items() if name != params["PolicyName"]}


def _document(holder: Identity, kind: str, params: Params) -> str:
    found = holder.inline.get(params["PolicyName"])
    if found is None:
        raise no_such(f"The {kind} policy with name {params['PolicyName']} cannot be found.")
    return found


def put_role_policy(call: Call, params: Params) -> None:
    """Put an inline policy into a role. (IAM API: PutRolePolicy)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        ROLES.put(tx, msgspec.structs.replace(role, inline=_with_policy(role, "role", params)))


def get_role_policy(call: Call, params: Params) -> dict[str, Any]:
    """Tell a role's inline policy. (IAM API: GetRolePolicy)"""
    with call.installation.database.reading() as rx:
        role = require_role(rx, call.account, params["RoleName"])
    document = encoded(_document(role, "role", params))
    return {"RoleName": role.name, "PolicyName": params["PolicyName"], "PolicyDocument": document}


def list_role_policies(call: Call, params: Params) -> dict[str, Any]:
    """List the names of a role's inline policies. (IAM API: ListRolePolicies)"""
    with call.installation.database.reading() as rx:
        role = require_role(rx, call.account, params["RoleName"])
    return text_listing("PolicyNames", sorted(role.inline), params)


def delete_role_policy(call: Call, params: Params) -> None:
    """Delete a role's inline policy. (IAM API: DeleteRolePolicy)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        ROLES.put(tx, msgspec.structs.replace(role, inline=_without_policy(role, "role", params)))


def put_user_policy(call: Call, params: Params) -> None:
    """Put an inline policy into a user. (IAM API: PutUserPolicy)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        USERS.put(tx, msgspec.structs.replace(user, inline=_with_policy(user, "user", params)))


def get_user_policy(call: Call, params: Params) -> dict[str, Any]:
    """Tell a user's inline policy. (IAM API: GetUserPolicy)"""
    with call.installation.database.reading() as rx:
        user = require_user(rx, call.account, params["UserName"])
    document = encoded(_document(user, "user", params))
    return {"UserName": user.name, "PolicyName": params["PolicyName"], "PolicyDocument": document}


def list_user_policies(call: Call, params: Params) -> dict[str, Any]:
    """List the names of a user's inline policies. (IAM API: ListUserPolicies)"""
    with call.installation.database.reading() as rx:
        user = require_user(rx, call.account, params["UserName"])
    return text_listing("PolicyNames", sorted(user.inline), params)


def delete_user_policy(call: Call, params: Params) -> None:
    """Delete a user's inline policy. (IAM API: DeleteUserPolicy)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        USERS.put(tx, msgspec.structs.replace(user, inline=_without_policy(user, "user", params)))


def put_group_policy(call: Call, params: Params) -> None:
    """Put an inline policy into a group. (IAM API: PutGroupPolicy)"""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call.account, params["GroupName"])
        GROUPS.put(tx, msgspec.structs.replace(group, inline=_with_policy(group, "group", params)))


def get_group_policy(call: Call, params: Params) -> dict[str, Any]:
    """Tell a group's inline policy. (IAM API: GetGroupPolicy)"""
    with call.installation.database.reading() as rx:
        group = require_group(rx, call.account, params["GroupName"])
    document = encoded(_document(group, "group", params))
    return {"GroupName": group.name, "PolicyName": params["PolicyName"], "PolicyDocument": document}


def list_group_policies(call: Call, params: Params) -> dict[str, Any]:
    """List the names of a group's inline policies. (IAM API: ListGroupPolicies)"""
    with call.installation.database.reading() as rx:
        group = require_group(rx, call.account, params["GroupName"])
    return text_listing("PolicyNames", sorted(group.inline), params)


def delete_group_policy(call: Call, params: Params) -> None:
    """Delete a group's inline policy. (IAM API: DeleteGroupPolicy)"""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call.account, params["GroupName"])
        GROUPS.put(tx, msgspec.structs.replace(group, inline=_without_policy(group, "group", params)))
