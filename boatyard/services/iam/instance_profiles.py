"""Instance profiles: one role, wrapped for an EC2 instance."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.identity import unique_ids
from boatyard.identity.records import INSTANCE_PROFILES, ROLES, InstanceProfile, Role
from boatyard.services.iam import quotas
from boatyard.services.iam.entities import (
    already_exists,
    check_name,
    check_path,
    conflict,
    limit_exceeded,
    listing,
    moment,
    new_tags,
    no_such,
    profiles_of,
    require_role,
)
from boatyard.services.iam.views import profile_view
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists


def require_profile(rx: Reader, account: str, name: str) -> InstanceProfile:
    """An instance profile, or NoSuchEntity."""
    found = INSTANCE_PROFILES.get(rx, account, name.lower())
    if found is None:
        raise no_such(f"Instance Profile {name} cannot be found.")
    return found


def _role_of(rx: Reader, profile: InstanceProfile) -> Role | None:
    return ROLES.get(rx, profile.account, profile.role.lower()) if profile.role else None


def create_instance_profile(call: Call, params: Params) -> dict[str, Any]:
    """Make an empty instance profile. (IAM API: CreateInstanceProfile)"""
    name = params["InstanceProfileName"]
    profile = InstanceProfile(
        account=call.account,
        folded=check_name(name, "instanceProfileName"),
        name=name,
        path=check_path(params.get("Path")),
        id=unique_ids.unique_id(unique_ids.INSTANCE_PROFILE),
        created=moment(),
        tags=new_tags(params, "InstanceProfile"),
    )
    with call.installation.database.transaction() as tx:
        try:
            INSTANCE_PROFILES.insert(tx, profile)
            quotas.INSTANCE_PROFILES.check_new(call, tx, INSTANCE_PROFILES)
        except AlreadyExists:
            raise already_exists(f"Instance Profile {name} already exists.") from None
    return {"InstanceProfile": profile_view(profile, None)}


def get_instance_profile(call: Call, params: Params) -> dict[str, Any]:
    """Tell about an instance profile and its role. (IAM API: GetInstanceProfile)"""
    with call.installation.database.reading() as rx:
        profile = require_profile(rx, call.account, params["InstanceProfileName"])
        return {"InstanceProfile": profile_view(profile, _role_of(rx, profile))}


def _profiles(call: Call, profiles: list[InstanceProfile], params: Params, rx: Reader) -> dict[str, Any]:
    return listing(
        "InstanceProfiles",
        profiles,
        params,
        lambda profile: profile_view(profile, _role_of(rx, profile)),
        lambda profile: profile.folded,
    )


def list_instance_profiles(call: Call, params: Params) -> dict[str, Any]:
    """List instance profiles under a path. (IAM API: ListInstanceProfiles)"""
    with call.installation.database.reading() as rx:
        found = INSTANCE_PROFILES.select(rx, {"account": call.account})
        chosen = [item for item in found if item.path.startswith(params.get("PathPrefix", "/"))]
        return _profiles(call, chosen, params, rx)


def list_instance_profiles_for_role(call: Call, params: Params) -> dict[str, Any]:
    """List the instance profiles that hold a role. (IAM API: ListInstanceProfilesForRole)"""
    with call.installation.database.reading() as rx:
        role = require_role(rx, call.account, params["RoleName"])
        return _profiles(call, profiles_of(rx, call.account, role.name), params, rx)


def add_role_to_instance_profile(call: Call, params: Params) -> None:
    """Put a role into an instance profile. (IAM API: AddRoleToInstanceProfile)"""
    with call.installation.database.transaction() as tx:
        profile = require_profile(tx, call.account, params["InstanceProfileName"])
        role = require_role(tx, call.account, params["RoleName"])
        if profile.role:
            raise limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
        INSTANCE_PROFILES.put(tx, msgspec.structs.replace(profile, role=role.name))


def remove_role_from_instance_profile(call: Call, params: Params) -> None:
    """Take the role out of an instance profile. (IAM API: RemoveRoleFromInstanceProfile)"""
    with call.installation.database.transaction() as tx:
        profile = require_profile(tx, call.account, params["InstanceProfileName"])
        role = require_role(tx, call.account, params["RoleName"])
        if profile.role != role.name:
            raise no_such(f"Role {role.name} in Instance Profile {profile.name} cannot be found.")
        INSTANCE_PROFILES.put(tx, msgspec.structs.replace(profile, role=None))


def delete_instance_profile(call: Call, params: Params) -> None:
    """Delete an instance profile that holds no role. (IAM API: DeleteInstanceProfile)"""
    with call.installation.database.transaction() as tx:
        profile = require_profile(tx, call.account, params["InstanceProfileName"])
        if profile.role:
            raise conflict("Cannot delete entity, must remove roles from instance profile first.")
        INSTANCE_PROFILES.delete(tx, call.account, profile.folded)
