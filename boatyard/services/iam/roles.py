"""IAM roles: create, get, list, change, delete, their trust policy and permissions boundary."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.identity import unique_ids
from boatyard.identity.records import ROLES, Role
from boatyard.services.iam import quotas
from boatyard.services.iam.entities import (
    already_exists,
    check_boundary,
    check_description,
    check_name,
    check_path,
    check_trust,
    conflict,
    moment,
    new_tags,
    path_listing,
    profiles_of,
    require_role,
)
from boatyard.services.iam.views import role_details, role_view
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists

SERVICE_LINKED_PATH = "/aws-service-role/"


def create_role(call: Call, params: Params) -> dict[str, Any]:
    """Make a role with its trust policy. (IAM API: CreateRole)"""
    name = params["RoleName"]
    folded = check_name(name, "roleName")
    path = check_path(params.get("Path"))
    if path.startswith(SERVICE_LINKED_PATH):
        raise ApiError("ValidationError", "Path must not begin with /aws-service-role/", status=400)
    with call.installation.database.transaction() as tx:
        check_trust(tx, call.account, params["AssumeRolePolicyDocument"])
        role = Role(
            account=call.account,
            folded=folded,
            name=name,
            path=path,
            id=unique_ids.unique_id(unique_ids.ROLE),
            created=moment(),
            tags=new_tags(params, "Role"),
            boundary=check_boundary(tx, params.get("PermissionsBoundary")),
            trust_policy=params["AssumeRolePolicyDocument"],
            description=check_description(params.get("Description")),
            max_session_duration=params.get("MaxSessionDuration", 3600),
        )
        try:
            ROLES.insert(tx, role)
            quotas.ROLES.check_new(call, tx, ROLES)
        except AlreadyExists:
            raise already_exists(f"Role with name {name} already exists.") from None
    return {"Role": role_details(role)}


def get_role(call: Call, params: Params) -> dict[str, Any]:
    """Tell about a role. (IAM API: GetRole)"""
    with call.installation.database.reading() as rx:
        return {"Role": role_details(require_role(rx, call.account, params["RoleName"]))}


def list_roles(call: Call, params: Params) -> dict[str, Any]:
    """List roles under a path. (IAM API: ListRoles)"""
    with call.installation.database.reading() as rx:
        return path_listing("Roles", rx, ROLES, call, params, role_view)


def modifiable(rx: Reader, account: str, name: str) -> Role:
    """A role that may be changed: not one that is linked to a service."""
    role = require_role(rx, account, name)
    if role.path.startswith(SERVICE_LINKED_PATH):
        raise ApiError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS",
            status=400,
        )
    return role


def update_role(call: Call, params: Params) -> None:
    """Change a role's description and longest session. (IAM API: UpdateRole)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        changed = msgspec.structs.replace(
            role,
            description=check_description(params.get("Description", role.description)),
            max_session_duration=params.get("MaxSessionDuration", role.max_session_duration),
        )
        ROLES.put(tx, changed)


def update_role_description(call: Call, params: Params) -> dict[str, Any]:
    """Change a role's description. (IAM API: UpdateRoleDescription)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        changed = msgspec.structs.replace(role, description=check_description(params["Description"]))
        ROLES.put(tx, changed)
    return {"Role": role_details(changed)}


def update_assume_role_policy(call: Call, params: Params) -> None:
    """Set who may assume a role. (IAM API: UpdateAssumeRolePolicy)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        check_trust(tx, call.account, params["PolicyDocument"])
        ROLES.put(tx, msgspec.structs.replace(role, trust_policy=params["PolicyDocument"]))


def delete_role(call: Call, params: Params) -> None:
    """Delete a role that has neither policies nor instance profiles. (IAM API: DeleteRole)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        if profiles_of(tx, call.account, role.name):
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        if role.attached:
            raise conflict("Cannot delete entity, must detach all policies first.")
        if role.inline:
            raise conflict("Cannot delete entity, must delete policies first.")
        ROLES.delete(tx, call.account, role.folded)


def put_role_permissions_boundary(call: Call, params: Params) -> None:
    """Set the managed policy beyond which a role may not go. (IAM API: PutRolePermissionsBoundary)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        boundary = check_boundary(tx, params["PermissionsBoundary"])
        ROLES.put(tx, msgspec.structs.replace(role, boundary=boundary))


def delete_role_permissions_boundary(call: Call, params: Params) -> None:
    """Take a role's permissions boundary away. (IAM API: DeleteRolePermissionsBoundary)"""
    with call.installation.database.transaction() as tx:
        role = modifiable(tx, call.account, params["RoleName"])
        ROLES.put(tx, msgspec.structs.replace(role, boundary=None))
