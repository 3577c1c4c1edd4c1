"""IAM groups and who is in them."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.identity import unique_ids
from boatyard.identity.records import GROUPS, USERS, Group
from boatyard.services.iam import quotas
from boatyard.services.iam.entities import (
    already_exists,
    check_name,
    check_path,
    conflict,
    listing,
    moment,
    path_listing,
    require_group,
    require_user,
)
from boatyard.services.iam.views import group_view, user_view
from boatyard.state.table import AlreadyExists


def create_group(call: Call, params: Params) -> dict[str, Any]:
    """Make a group. (IAM API: CreateGroup)"""
    name = params["GroupName"]
    group = Group(
        account=call.account,
        folded=check_name(name, "groupName"),
        name=name,
        path=check_path(params.get("Path")),
        id=unique_ids.unique_id(unique_ids.GROUP),
        created=moment(),
    )
    with call.installation.database.transaction() as tx:
        try:
            GROUPS.insert(tx, group)
            quotas.GROUPS.check_new(call, tx, GROUPS)
        except AlreadyExists:
            raise already_exists(f"Group with name {name} already exists.") from None
    return {"Group": group_view(group)}


def get_group(call: Call, params: Params) -> dict[str, Any]:
    """Tell about a group and its users. (IAM API: GetGroup)"""
    with call.installation.database.reading() as rx:
        group = require_group(rx, call.account, params["GroupName"])
        users = [user for user in USERS.select(rx, {"account": call.account}) if group.name in user.groups]
    return {"Group": group_view(group)} | listing("Users", users, params, user_view, lambda user: user.folded)


def list_groups(call: Call, params: Params) -> dict[str, Any]:
    """List groups under a path. (IAM API: ListGroups)"""
    with call.installation.database.reading() as rx:
        return path_listing("Groups", rx, GROUPS, call, params, group_view)


def list_groups_for_user(call: Call, params: Params) -> dict[str, Any]:
    """List the groups that a user is in. (IAM API: ListGroupsForUser)"""
    with call.installation.database.reading() as rx:
        user = require_user(rx, call.account, params["UserName"])
        groups = [require_group(rx, call.account, name) for name in sorted(user.groups, key=str.lower)]
    return listing("Groups", groups, params, group_view, lambda group: group.folded)


def add_user_to_group(call: Call, params: Params) -> None:
    """Put a user into a group. (IAM API: AddUserToGroup)"""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call.account, params["GroupName"])
        user = require_user(tx, call.account, params["UserName"])
        if group.name in user.groups:
            return
        quotas.GROUPS_PER_USER.check(call.installation, len(user.groups))
        USERS.put(tx, msgspec.structs.replace(user, groups=[*user.groups, group.name]))


def remove_user_from_group(call: Call, params: Params) -> None:
    """Take a user out of a group. (IAM API: RemoveUserFromGroup)"""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call.account, params["GroupName"])
        user = require_user(tx, call.account, params["UserName"])
        left = [name for name in user.groups if name != group.name]
        USERS.put(tx, msgspec.structs.replace(user, groups=left))


def delete_group(call: Call, params: Params) -> None:
    """Delete a group that has neither users nor policies. (IAM API: DeleteGroup)"""
    with call.installation.database.transaction() as tx:
        group = require_group(tx, call.account, params["GroupName"])
        if any(group.name in user.groups for user in USERS.select(tx, {"account": call.account})):
            raise conflict("Cannot delete entity, must remove users from group first.")
        if group.inline:
            raise conflict("Cannot delete entity, must delete policies first.")
        if group.attached:
            raise conflict("Cannot delete entity, must detach all policies first.")
        GROUPS.delete(tx, call.account, group.folded)
