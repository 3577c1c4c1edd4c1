"""IAM users: create, get, list, rename, delete, and their permissions boundary."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.identity import unique_ids
from boatyard.identity.records import ACCESS_KEYS, SERVICE_CREDENTIALS, USERS, User
from boatyard.services.iam import quotas
from boatyard.services.iam.entities import (
    already_exists,
    caller_or_named,
    check_boundary,
    check_name,
    check_path,
    conflict,
    moment,
    new_tags,
    path_listing,
    require_user,
)
from boatyard.services.iam.views import user_details, user_view
from boatyard.state.table import AlreadyExists


def create_user(call: Call, params: Params) -> dict[str, Any]:
    """Make a user. (IAM API: CreateUser)"""
    name = params["UserName"]
    folded = check_name(name, "userName")
    with call.installation.database.transaction() as tx:
        user = User(
            account=call.account,
            folded=folded,
            name=name,
            path=check_path(params.get("Path")),
            id=unique_ids.unique_id(unique_ids.USER),
            created=moment(),
            tags=new_tags(params, "User"),
            boundary=check_boundary(tx, params.get("PermissionsBoundary")),
        )
        try:
            USERS.insert(tx, user)
            quotas.USERS.check_new(call, tx, USERS)
        except AlreadyExists:
            raise already_exists(f"User with name {name} already exists.") from None
    return {"User": user_details(user)}


def get_user(call: Call, params: Params) -> dict[str, Any]:
    """Tell about a user, or about the caller. (IAM API: GetUser)"""
    if not params.get("UserName") and call.principal.is_root:
        return {"User": {"UserId": call.account, "Arn": call.principal.arn, "Path": "/", "CreateDate": moment()}}
    with call.installation.database.reading() as rx:
        return {"User": user_details(require_user(rx, call.account, caller_or_named(call, params)))}


def list_users(call: Call, params: Params) -> dict[str, Any]:
    """List users under a path. (IAM API: ListUsers)"""
    with call.installation.database.reading() as rx:
        return path_listing("Users", rx, USERS, call, params, user_view)


def update_user(call: Call, params: Params) -> None:
    """Give a user another name or path. (IAM API: UpdateUser)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        name = params.get("NewUserName", user.name)
        folded = check_name(name, "newUserName")
        path = check_path(params.get("NewPath", user.path))
        if folded != user.folded and USERS.get(tx, call.account, folded) is not None:
            raise already_exists(f"User with name {name} already exists.")
        USERS.delete(tx, call.account, user.folded)
        USERS.insert(tx, msgspec.structs.replace(user, name=name, folded=folded, path=path))
        for table in (ACCESS_KEYS, SERVICE_CREDENTIALS):
            for item in table.select(tx, {"account": call.account, "user": user.folded}):
                table.put(tx, msgspec.structs.replace(item, user=folded))  # type: ignore[arg-type]


def delete_user(call: Call, params: Params) -> None:
    """Delete a user that has nothing left. (IAM API: DeleteUser)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        where = {"account": call.account, "user": user.folded}
        if user.inline:
            raise conflict("Cannot delete entity, must delete policies first.")
        if user.attached:
            raise conflict("Cannot delete entity, must detach all policies first.")
        if user.groups:
            raise conflict("Cannot delete entity, must remove users from group first.")
        if ACCESS_KEYS.count(tx, where):
            raise conflict("Cannot delete entity, must delete access keys first.")
        if SERVICE_CREDENTIALS.count(tx, where):
            raise conflict("Cannot delete entity, must delete service specific credentials first.")
        USERS.delete(tx, call.account, user.folded)


def put_user_permissions_boundary(call: Call, params: Params) -> None:
    """Set the managed policy beyond which a user may not go. (IAM API: PutUserPermissionsBoundary)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        boundary = check_boundary(tx, params["PermissionsBoundary"])
        USERS.put(tx, msgspec.structs.replace(user, boundary=boundary))


def delete_user_permissions_boundary(call: Call, params: Params) -> None:
    """Take a user's permissions boundary away. (IAM API: DeleteUserPermissionsBoundary)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        USERS.put(tx, msgspec.structs.replace(user, boundary=None))
