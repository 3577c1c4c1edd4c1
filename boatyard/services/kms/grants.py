"""Grants: permissions on one key for one principal, that can be given and taken back without its policy."""

from __future__ import annotations

import re
import secrets
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.kms import quotas
from boatyard.services.kms.lookup import check_usable, not_found, require_key
from boatyard.services.kms.records import GRANTS, Grant
from boatyard.state.database import Reader

_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:[\x21-\x7e]+")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_PRINCIPALS = {
    "GranteePrincipal": _ARN,
    "RetiringPrincipal": _ARN,
    "GranteeServicePrincipal": _SERVICE,
    "RetiringServicePrincipal": _SERVICE,
}
"""What may stand in a grant: it becomes part of what every use of the key is judged by."""


def create_grant(call: Call, params: Params) -> dict[str, Any]:
    """Let a principal use a key for some operations. (KMS API: CreateGrant)"""
    if not params.get("GranteePrincipal") and not params.get("GranteeServicePrincipal"):
        raise ApiError("ValidationException", "A grantee principal must be given", status=400)
    for name, pattern in _PRINCIPALS.items():
        if params.get(name) and not pattern.fullmatch(params[name]):
            raise ApiError("InvalidArnException", f"{params[name]} is not a valid principal for {name}", status=400)
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["KeyId"], alias=False)
        check_usable(key)
        if params.get("DryRun"):
            raise ApiError("DryRunOperationException", "The request would have succeeded.", status=412)
        before = GRANTS.select(tx, {"account": key.account, "region": key.region, "key_id": key.id})
        for grant in before:
            if params.get("Name") and grant.name == params["Name"]:
                return {"GrantId": grant.id, "GrantToken": grant.token}
        grant = Grant(
            account=key.account,
            region=key.region,
            id=secrets.token_hex(32),
            key_id=key.id,
            created=now(),
            token=secrets.token_urlsafe(96),
            operations=params["Operations"],
            name=params.get("Name"),
            grantee=params.get("GranteePrincipal"),
            grantee_service=params.get("GranteeServicePrincipal"),
            retiring=params.get("RetiringPrincipal"),
            retiring_service=params.get("RetiringServicePrincipal"),
            constraints=params.get("Constraints", {}),
        )
        GRANTS.insert(tx, grant)
        quotas.GRANTS.check_new(call, tx, GRANTS, key_id=key.id)
    return {"GrantId": grant.id, "GrantToken": grant.token}


def _view(grant: Grant) -> dict[str, Any]:
    members = {
        "KeyId": f"arn:aws:kms:{grant.region}:{grant.account}:key/{grant.key_id}",
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created,
        "GranteePrincipal": grant.grantee,
        "GranteeServicePrincipal": grant.grantee_service,
        "RetiringPrincipal": grant.retiring,
        "RetiringServicePrincipal": grant.retiring_service,
        "IssuingAccount": f"arn:aws:iam::{grant.account}:root",
        "Operations": grant.operations,
        "Constraints": grant.constraints or None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _listed(grants: list[Grant], params: Params) -> dict[str, Any]:
    chosen, token = page(
        grants,
        params.get("Marker"),
        params.get("Limit", 50),
        lambda grant: grant.id,
        "InvalidMarkerException",
    )
    answer: dict[str, Any] = {"Grants": [_view(grant) for grant in chosen], "Truncated": token is not None}
    return answer | ({"NextMarker": token} if token else {})


def list_grants(call: Call, params: Params) -> dict[str, Any]:
    """List a key's grants. (KMS API: ListGrants)"""
    with call.installation.database.reading() as rx:
        key = require_key(rx, call, params["KeyId"], alias=False)
        grants = GRANTS.select(rx, {"account": key.account, "region": key.region, "key_id": key.id})
    wanted = (params.get("GrantId"), params.get("GranteePrincipal"), params.get("GranteeServicePrincipal"))
    chosen = [
        grant
        for grant in grants
        if all(
            asked in (None, found)
            for asked, found in zip(wanted, (grant.id, grant.grantee, grant.grantee_service), strict=True)
        )
    ]
    return _listed(chosen, params)


def list_retirable_grants(call: Call, params: Params) -> dict[str, Any]:
    """List the grants that a principal may retire. (KMS API: ListRetirableGrants)"""
    with call.installation.database.reading() as rx:
        grants = GRANTS.select(rx, {"account": call.account, "region": call.region})
    return _listed([grant for grant in grants if grant.retiring == params.get("RetiringPrincipal")], params)


def _require(rx: Reader, call: Call, key_id: str, grant_id: str) -> Grant:
    key = require_key(rx, call, key_id, alias=False)
    grant = GRANTS.get(rx, key.account, key.region, grant_id)
    if grant is None or grant.key_id != key.id:
        raise not_found(f"Grant ID {grant_id} not found")
    return grant


def revoke_grant(call: Call, params: Params) -> None:
    """Take a grant back. (KMS API: RevokeGrant)"""
    with call.installation.database.transaction() as tx:
        grant = _require(tx, call, params["KeyId"], params["GrantId"])
        GRANTS.delete(tx, grant.account, grant.region, grant.id)


def retire_grant(call: Call, params: Params) -> None:
    """Give a grant back, by its token or its id. (KMS API: RetireGrant)"""
    with call.installation.database.transaction() as tx:
        if params.get("GrantToken"):
            where = {"account": call.account, "region": call.region, "token": params["GrantToken"]}
            found = GRANTS.select(tx, where)
            if not found:
                raise ApiError("InvalidGrantTokenException", "The grant token is not valid.", status=400)
            grant = found[0]
        elif params.get("KeyId") and params.get("GrantId"):
            grant = _require(tx, call, params["KeyId"], params["GrantId"])
        else:
            raise ApiError("ValidationException", "Give a grant token, or a key ARN and a grant ID", status=400)
        GRANTS.delete(tx, grant.account, grant.region, grant.id)
