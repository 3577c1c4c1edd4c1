"""Key policies, without which nobody may use a key, and the grants beside them."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.identity.lookup import missing_principal
from boatyard.identity.policies import PolicySet, Request, judge
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, Policy, parse
from boatyard.identity.principals import Kind, Principal
from boatyard.identity.resource_policies import resource_policy
from boatyard.services.kms.lookup import invalid_state, not_found, require_key
from boatyard.services.kms.records import GRANTS, KEYS, Grant
from boatyard.state.database import Reader

GRANT_ID = "boatyard:grantid"
"""A key of the statements made of grants, which ties the permission to retire a grant to that one."""


def check_policy(rx: Reader, call: Call, document: str, *, bypass: bool = False) -> None:
    """MalformedPolicyDocumentException for a policy that breaks the grammar or locks its maker out."""
    try:
        policy = parse(document, Grammar.RESOURCE)
    except MalformedPolicy as error:
        raise ApiError("MalformedPolicyDocumentException", str(error), status=400) from error
    if missing_principal(rx, call.account, policy) is not None:
        raise ApiError(
            "MalformedPolicyDocumentException",
            "Policy contains a statement with one or more invalid principals.",
            status=400,
        )
    if not bypass and not _keeps_access(call.principal, policy):
        raise ApiError(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
            status=400,
        )


def _keeps_access(caller: Principal, policy: Policy) -> bool:
    stand_in = caller
    if caller.is_root or caller.kind is Kind.SERVICE:
        root = f"arn:aws:iam::{caller.account}:root"
        stand_in = Principal(kind=Kind.USER, account=caller.account, arn=root, user_id=caller.user_id)
    context = {"kms:calleraccount": caller.account, "aws:principalarn": stand_in.policy_arn}
    request = Request(stand_in, "kms:PutKeyPolicy", "*", context)
    return judge(PolicySet(None, resource=policy, resource_required=True), request).allowed


def get_key_policy(call: Call, params: Params) -> dict[str, Any]:
    """Tell a key's policy. (KMS API: GetKeyPolicy)"""
    _check_policy_name(params)
    with call.installation.database.reading() as rx:
        key = require_key(rx, call, params["KeyId"], alias=False)
    return {"Policy": key.policy, "PolicyName": "default"}


def put_key_policy(call: Call, params: Params) -> None:
    """Set a key's policy. (KMS API: PutKeyPolicy)"""
    _check_policy_name(params)
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["KeyId"], alias=False)
        if key.state == "PendingDeletion":
            raise invalid_state(f"{key.arn} is pending deletion.")
        check_policy(tx, call, params["Policy"], bypass=params.get("BypassPolicyLockoutSafetyCheck", False))
        KEYS.put(tx, msgspec.structs.replace(key, policy=params["Policy"]))


def list_key_policies(call: Call, params: Params) -> dict[str, Any]:
    """List the names of a key's policies: always `default`. (KMS API: ListKeyPolicies)"""
    with call.installation.database.reading() as rx:
        require_key(rx, call, params["KeyId"], alias=False)
    return {"PolicyNames": ["default"], "Truncated": False}


def _check_policy_name(params: Params) -> None:
    if params.get("PolicyName", "default") != "default":
        raise not_found("No such policy exists")


@resource_policy("kms")
def key_policy(call: Call, arn: str) -> str | None:
    """A key's policy with its grants as statements: what authorization asks for. Aliases have none."""
    if ":alias/" in arn:
        return None
    with call.installation.database.reading() as rx:
        try:
            key = require_key(rx, call, arn)
        except ApiError:
            return None
        grants = GRANTS.select(rx, {"account": key.account, "region": key.region, "key_id": key.id})
    if not grants:
        return key.policy
    document = json.loads(key.policy)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    document["Statement"] = statements + [statement for grant in grants for statement in _statements(grant)]
    return json.dumps(document)


def _statements(grant: Grant) -> list[dict[str, Any]]:
    condition: dict[str, Any] = {}
    for kind in ("EncryptionContextEquals", "EncryptionContextSubset"):
        for key, value in grant.constraints.get(kind, {}).items():
            condition.setdefault("StringEquals", {})[f"kms:EncryptionContext:{key}"] = value
    if "EncryptionContextEquals" in grant.constraints:
        keys = list(grant.constraints["EncryptionContextEquals"])
        condition["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": keys}
    principal = {"AWS": grant.grantee} if grant.grantee else {"Service": grant.grantee_service}
    actions = [f"kms:{operation}" for operation in grant.operations]
    allow: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"}
    given = [allow | ({"Condition": condition} if condition else {})]
    if grant.retiring:
        own = {"StringEquals": {GRANT_ID: grant.id}}
        retire = {"Effect": "Allow", "Action": "kms:RetireGrant", "Resource": "*", "Condition": own}
        given.append({**retire, "Principal": {"AWS": grant.retiring}})
    return given
