"""How many entities an account may have, and how much one may hold (IAM User Guide, "IAM and AWS STS quotas")."""

from __future__ import annotations

from boatyard.api.quotas import Quota


def _quota(name: str, default: int, what: str) -> Quota:
    return Quota(f"iam.{name}", default, what, "LimitExceeded", f"Cannot exceed quota for {name}: {{limit}}", 409)


USERS = _quota("UsersPerAccount", 5000, "users of an account")
GROUPS = _quota("GroupsPerAccount", 300, "groups of an account")
ROLES = _quota("RolesPerAccount", 1000, "roles of an account")
POLICIES = _quota("PoliciesPerAccount", 1500, "customer managed policies of an account")
INSTANCE_PROFILES = _quota("InstanceProfilesPerAccount", 1000, "instance profiles of an account")
ACCESS_KEYS = _quota("AccessKeysPerUser", 2, "access keys of a user")
GROUPS_PER_USER = _quota("GroupsPerUser", 10, "groups that a user is in")
POLICIES_PER_USER = _quota("PoliciesPerUser", 10, "managed policies of a user")
POLICIES_PER_GROUP = _quota("PoliciesPerGroup", 10, "managed policies of a group")
POLICIES_PER_ROLE = _quota("PoliciesPerRole", 10, "managed policies of a role")
ATTACHED = {"User": POLICIES_PER_USER, "Group": POLICIES_PER_GROUP, "Role": POLICIES_PER_ROLE}
