"""Versions of managed policies: at most five, one of them the default."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.paging import page
from boatyard.identity import aws_managed
from boatyard.identity.policy_syntax import Grammar
from boatyard.identity.records import POLICIES, ManagedPolicy, PolicyVersion
from boatyard.services.iam.entities import check_document, conflict, limit_exceeded, moment, no_such
from boatyard.services.iam.managed_policies import require_policy
from boatyard.services.iam.views import version_view

_VERSIONS = 5


def create_policy_version(call: Call, params: Params) -> dict[str, Any]:
    """Add a version to a managed policy, as the default where asked. (IAM API: CreatePolicyVersion)"""
    check_document(params["PolicyDocument"], Grammar.MANAGED)
    with call.installation.database.transaction() as tx:
        policy = require_policy(tx, call.account, params["PolicyArn"])
        if len(policy.versions) >= _VERSIONS:
            raise limit_exceeded(
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an"
                " existing version."
            )
        version = PolicyVersion(id=f"v{policy.next_version}", document=params["PolicyDocument"], created=moment())
        default = version.id if params.get("SetAsDefault") else policy.default_version
        changed = msgspec.structs.replace(
            policy,
            versions=[*policy.versions, version],
            default_version=default,
            next_version=policy.next_version + 1,
            updated=version.created,
        )
        POLICIES.put(tx, changed)
    return {"PolicyVersion": version_view(version, default)}


def _version(policy: ManagedPolicy, version_id: str) -> PolicyVersion:
    for version in policy.versions:
        if version.id == version_id:
            return version
    raise no_such(f"Policy {policy.arn} version {version_id} does not exist or is not attachable.")


def get_policy_version(call: Call, params: Params) -> dict[str, Any]:
    """Tell a version of a managed policy with its document. (IAM API: GetPolicyVersion)"""
    arn, version_id = params["PolicyArn"], params["VersionId"]
    known = aws_managed.find(arn)
    if known is not None:
        if version_id != known.version:
            raise no_such(f"Policy {arn} version {version_id} does not exist or is not attachable.")
        version = PolicyVersion(id=known.version, document=known.document, created=known.updated)
        return {"PolicyVersion": version_view(version, known.version, document=True)}
    with call.installation.database.reading() as rx:
        policy = require_policy(rx, call.account, arn)
    return {"PolicyVersion": version_view(_version(policy, version_id), policy.default_version, document=True)}


def list_policy_versions(call: Call, params: Params) -> dict[str, Any]:
    """List the versions of a managed policy, newest first. (IAM API: ListPolicyVersions)"""
    known = aws_managed.find(params["PolicyArn"])
    if known is not None:
        version = PolicyVersion(id=known.version, document=known.document, created=known.updated)
        return {"Versions": [version_view(version, known.version)], "IsTruncated": False}
    with call.installation.database.reading() as rx:
        policy = require_policy(rx, call.account, params["PolicyArn"])
    rows = [version_view(version, policy.default_version) for version in reversed(policy.versions)]
    chosen, token = page(rows, params.get("Marker"), params.get("MaxItems", 100), code="InvalidInput")
    answer: dict[str, Any] = {"Versions": chosen, "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})


def set_default_policy_version(call: Call, params: Params) -> None:
    """Choose the version that counts. (IAM API: SetDefaultPolicyVersion)"""
    with call.installation.database.transaction() as tx:
        policy = require_policy(tx, call.account, params["PolicyArn"])
        version = _version(policy, params["VersionId"])
        POLICIES.put(tx, msgspec.structs.replace(policy, default_version=version.id, updated=moment()))


def delete_policy_version(call: Call, params: Params) -> None:
    """Delete a version that is not the default. (IAM API: DeletePolicyVersion)"""
    with call.installation.database.transaction() as tx:
        policy = require_policy(tx, call.account, params["PolicyArn"])
        version = _version(policy, params["VersionId"])
        if version.id == policy.default_version:
            raise conflict("Cannot delete the default version of a policy.")
        left = [item for item in policy.versions if item.id != version.id]
        POLICIES.put(tx, msgspec.structs.replace(policy, versions=left, updated=moment()))
