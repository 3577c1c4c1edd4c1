"""Tags of users, roles, managed policies and instance profiles."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.paging import page
from boatyard.identity.records import INSTANCE_PROFILES, POLICIES, ROLES, USERS
from boatyard.services.iam.entities import check_tags, require_role, require_user
from boatyard.services.iam.instance_profiles import require_profile
from boatyard.services.iam.managed_policies import require_policy


def _added(before: dict[str, str], params: Params, kind: str) -> dict[str, str]:
    found = before | tag_lists.to_dict(params["Tags"])
    check_tags(found, kind)
    return found


def _left(before: dict[str, str], params: Params) -> dict[str, str]:
    return {key: value for key, value in before.items() if key not in params["TagKeys"]}


def _listed(found: dict[str, str], params: Params) -> dict[str, Any]:
    rows = tag_lists.to_list(found)
    chosen, token = page(rows, params.get("Marker"), params.get("MaxItems", 100), code="InvalidInput")
    answer: dict[str, Any] = {"Tags": chosen, "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})


def tag_role(call: Call, params: Params) -> None:
    """Add tags to a role. (IAM API: TagRole)"""
    with call.installation.database.transaction() as tx:
        role = require_role(tx, call.account, params["RoleName"])
        ROLES.put(tx, msgspec.structs.replace(role, tags=_added(role.tags, params, "Role")))


def untag_role(call: Call, params: Params) -> None:
    """Take tags from a role. (IAM API: UntagRole)"""
    with call.installation.database.transaction() as tx:
        role = require_role(tx, call.account, params["RoleName"])
        ROLES.put(tx, msgspec.structs.replace(role, tags=_left(role.tags, params)))


def list_role_tags(call: Call, params: Params) -> dict[str, Any]:
    """List a role's tags. (IAM API: ListRoleTags)"""
    with call.installation.database.reading() as rx:
        return _listed(require_role(rx, call.account, params["RoleName"]).tags, params)


def tag_user(call: Call, params: Params) -> None:
    """Add tags to a user. (IAM API: TagUser)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        USERS.put(tx, msgspec.structs.replace(user, tags=_added(user.tags, params, "User")))


def untag_user(call: Call, params: Params) -> None:
    """Take tags from a user. (IAM API: UntagUser)"""
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        USERS.put(tx, msgspec.structs.replace(user, tags=_left(user.tags, params)))


def list_user_tags(call: Call, params: Params) -> dict[str, Any]:
    """List a user's tags. (IAM API: ListUserTags)"""
    with call.installation.database.reading() as rx:
        return _listed(require_user(rx, call.account, params["UserName"]).tags, params)


def tag_policy(call: Call, params: Params) -> None:
    """Add tags to a managed policy. (IAM API: TagPolicy)"""
    with call.installation.database.transaction() as tx:
        policy = require_policy(tx, call.account, params["PolicyArn"])
        POLICIES.put(tx, msgspec.structs.replace(policy, tags=_added(policy.tags, params, "Policy")))


def untag_policy(call: Call, params: Params) -> None:
    """Take tags from a managed policy. (IAM API: UntagPolicy)"""
    with call.installation.database.transaction() as tx:
        policy = require_policy(tx, call.account, params["PolicyArn"])
        POLICIES.put(tx, msgspec.structs.replace(policy, tags=_left(policy.tags, params)))


def list_policy_tags(call: Call, params: Params) -> dict[str, Any]:
    """List a managed policy's tags. (IAM API: ListPolicyTags)"""
    with call.installation.database.reading() as rx:
        return _listed(require_policy(rx, call.account, params["PolicyArn"]).tags, params)


def tag_instance_profile(call: Call, params: Params) -> None:
    """Add tags to an instance profile. (IAM API: TagInstanceProfile)"""
    with call.installation.database.transaction() as tx:
        profile = require_profile(tx, call.account, params["InstanceProfileName"])
        tags = _added(profile.tags, params, "InstanceProfile")
        INSTANCE_PROFILES.put(tx, msgspec.structs.replace(profile, tags=tags))


def untag_instance_profile(call: Call, params: Params) -> None:
    """Take tags from an instance profile. (IAM API: UntagInstanceProfile)"""
    with call.installation.database.transaction() as tx:
        profile = require_profile(tx, call.account, params["InstanceProfileName"])
        INSTANCE_PROFILES.put(tx, msgspec.structs.replace(profile, tags=_left(profile.tags, params)))


def list_instance_profile_tags(call: Call, params: Params) -> dict[str, Any]:
    """List an instance profile's tags. (IAM API: ListInstanceProfileTags)"""
    with call.installation.database.reading() as rx:
        return _listed(require_profile(rx, call.account, params["InstanceProfileName"]).tags, params)
