"""Entities as IAM's API shows them."""

from __future__ import annotations

from typing import Any

from boatyard.api import tags
from boatyard.identity.aws_managed import AwsManagedPolicy
from boatyard.identity.records import (
    AccessKey,
    Group,
    Identity,
    InstanceProfile,
    ManagedPolicy,
    PolicyVersion,
    Role,
    ServiceCredential,
    User,
)
from boatyard.services.iam.entities import encoded


def user_view(user: User) -> dict[str, Any]:
    """A user without tags and boundary, as lists show it."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created,
    }


def user_details(user: User) -> dict[str, Any]:
    """A user whole."""
    return user_view(user) | _boundary_and_tags(user)


def group_view(group: Group) -> dict[str, Any]:
    """A group."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.created,
    }


def role_view(role: Role) -> dict[str, Any]:
    """A role without tags and boundary, as lists show it."""
    view = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(role.trust_policy),
        "MaxSessionDuration": role.max_session_duration,
    }
    return view | ({"Description": role.description} if role.description is not None else {})


def role_details(role: Role) -> dict[str, Any]:
    """A role whole."""
    return role_view(role) | _boundary_and_tags(role)


def _boundary_and_tags(holder: Identity) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if holder.boundary:
        found["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": holder.boundary,
        }
    if holder.tags:
        found["Tags"] = tags.to_list(holder.tags)
    return found


def policy_view(policy: ManagedPolicy, attachments: int, boundaries: int) -> dict[str, Any]:
    """A customer's managed policy, without its description, as lists show it."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": boundaries,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


def aws_policy_view(policy: AwsManagedPolicy, attachments: int, boundaries: int) -> dict[str, Any]:
    """One of AWS's managed policies."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.version,
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": boundaries,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


def version_view(version: PolicyVersion, default: str, document: bool = False) -> dict[str, Any]:
    """A version of a managed policy, with its document where asked."""
    view: dict[str, Any] = {
        "VersionId": version.id,
        "IsDefaultVersion": version.id == default,
        "CreateDate": version.created,
    }
    return view | ({"Document": encoded(version.document)} if document else {})


def key_view(key: AccessKey, user_name: str) -> dict[str, Any]:
    """An access key without its secret."""
    return {
        "UserName": user_name,
        "AccessKeyId": key.id,
        "Status": key.status,
        "CreateDate": key.created,
    }


def service_credential_view(credential: ServiceCredential, user_name: str) -> dict[str, Any]:
    """A service-specific credential without its password."""
    return {
        "UserName": user_name,
        "Status": credential.status,
        "ServiceUserName": credential.login,
        "CreateDate": credential.created,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceName": credential.service,
    }


def profile_view(profile: InstanceProfile, role: Role | None) -> dict[str, Any]:
    """An instance profile with its role."""
    view: dict[str, Any] = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [role_view(role)] if role else [],
    }
    return view | ({"Tags": tags.to_list(profile.tags)} if profile.tags else {})
