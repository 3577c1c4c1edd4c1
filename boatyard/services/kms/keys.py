"""KMS keys: make, describe, list, switch on and off, delete after a waiting period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page_of
from boatyard.api.timestamps import now
from boatyard.services.kms import quotas
from boatyard.services.kms.key_policies import check_policy
from boatyard.services.kms.lookup import (
    default_policy,
    invalid_state,
    make_managed_key,
    new_key,
    purge,
    require_key,
)
from boatyard.services.kms.records import KEYS, Key
from boatyard.state.database import Reader

_UNSUPPORTED = ("CustomKeyStoreId", "XksKeyId", "MultiRegion")


def view(key: Key) -> dict[str, Any]:
    """A key's metadata as the API shows it."""
    shown: dict[str, Any] = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created,
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state,
        "Origin": "AWS_KMS",
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }
    return shown | ({"DeletionDate": key.deletion_date} if key.deletion_date else {})


def create_key(call: Call, params: Params) -> dict[str, Any]:
    """Make a symmetric key. (KMS API: CreateKey)"""
    spec = params.get("KeySpec", params.get("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"))
    refused = [name for name in _UNSUPPORTED if params.get(name)]
    refused += [f"KeySpec {spec}"] if spec != "SYMMETRIC_DEFAULT" else []
    refused += ["KeyUsage"] if params.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT" else []
    refused += ["Origin"] if params.get("Origin", "AWS_KMS") != "AWS_KMS" else []
    if refused:
        raise ApiError(
            "UnsupportedOperationException",
            f"boatyard does not support {', '.join(refused)} in kms:CreateKey: its keys are symmetric, of this Region"
            " and made by itself.",
            status=400,
        )
    tags = tag_lists.to_dict(params.get("Tags"), "TagKey", "TagValue")
    tag_lists.check(tags, "TagException")
    policy = params.get("Policy") or default_policy(call.account)
    with call.installation.database.transaction() as tx:
        purge(tx, call)
        check_policy(tx, call, policy, bypass=params.get("BypassPolicyLockoutSafetyCheck", False))
        key = _made_before(tx, call)
        if key is None:
            description = params.get("Description", "")
            key = new_key(call, description=description, policy=policy, tags=tags, token=call.token)
            KEYS.insert(tx, key)
            quotas.KEYS.check_new(call, tx, KEYS)
    return {"KeyMetadata": view(key)}


def _made_before(rx: Reader, call: Call) -> Key | None:
    """The key that the same creation of a stack's resource made before a crash."""
    if not call.token:
        return None
    keys = KEYS.select(rx, {"account": call.account, "region": call.region})
    return next((key for key in keys if key.token == call.token), None)


def describe_key(call: Call, params: Params) -> dict[str, Any]:
    """Tell about a key. (KMS API: DescribeKey)"""
    make_managed_key(call, params["KeyId"])
    with call.installation.database.reading() as rx:
        return {"KeyMetadata": view(require_key(rx, call, params["KeyId"]))}


def list_keys(call: Call, params: Params) -> dict[str, Any]:
    """List the keys of account and Region. (KMS API: ListKeys)"""
    with call.installation.database.reading() as rx:
        chosen, token = page_of(
            rx,
            KEYS,
            {"account": call.account, "region": call.region},
            params.get("Marker"),
            params.get("Limit", 100),
            keep=lambda key: key.deletion_date is None or key.deletion_date > now(),
            code="InvalidMarkerException",
        )
    answer: dict[str, Any] = {
        "Keys": [{"KeyId": key.id, "KeyArn": key.arn} for key in chosen],
        "Truncated": token is not None,
    }
    return answer | ({"NextMarker": token} if token else {})


def _own(rx: Reader, call: Call, params: Params) -> Key:
    """A key that its owner may change: not one of AWS's."""
    key = require_key(rx, call, params["KeyId"], alias=False)
    if key.manager == "AWS":
        raise ApiError("AccessDeniedException", f"{key.arn} is managed by AWS and cannot be changed.", status=400)
    return key


def _set_state(call: Call, params: Params, state: str) -> None:
    with call.installation.database.transaction() as tx:
        key = _own(tx, call, params)
        if key.state == "PendingDeletion":
            raise invalid_state(f"{key.arn} is pending deletion.")
        KEYS.put(tx, msgspec.structs.replace(key, state=state))


def enable_key(call: Call, params: Params) -> None:
    """Let a key be used again. (KMS API: EnableKey)"""
    _set_state(call, params, "Enabled")


def disable_key(call: Call, params: Params) -> None:
    """Let a key not be used for now. (KMS API: DisableKey)"""
    _set_state(call, params, "Disabled")


def schedule_key_deletion(call: Call, params: Params) -> dict[str, Any]:
    """Delete a key after 7 to 30 days, in which it cannot be used. (KMS API: ScheduleKeyDeletion)"""
    days = params.get("PendingWindowInDays", 30)
    if not 7 <= days <= 30:
        raise ApiError("ValidationException", "PendingWindowInDays must be between 7 and 30", status=400)
    with call.installation.database.transaction() as tx:
        key = _own(tx, call, params)
        if key.state == "PendingDeletion":
            raise invalid_state(f"{key.arn} is pending deletion.")
        date = now() + timedelta(days=days)
        KEYS.put(tx, msgspec.structs.replace(key, state="PendingDeletion", deletion_date=date))
    return {
        "KeyId": key.arn,
        "DeletionDate": date,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }


def cancel_key_deletion(call: Call, params: Params) -> dict[str, Any]:
    """Keep a key that was to be deleted; it is disabled afterwards. (KMS API: CancelKeyDeletion)"""
    with call.installation.database.transaction() as tx:
        key = _own(tx, call, params)
        if key.state != "PendingDeletion":
            raise invalid_state(f"{key.arn} is not pending deletion.")
        KEYS.put(tx, msgspec.structs.replace(key, state="Disabled", deletion_date=None))
    return {"KeyId": key.arn}


def update_key_description(call: Call, params: Params) -> None:
    """Change a key's description. (KMS API: UpdateKeyDescription)"""
    with call.installation.database.transaction() as tx:
        key = _own(tx, call, params)
        if key.state == "PendingDeletion":
            raise invalid_state(f"{key.arn} is pending deletion.")
        KEYS.put(tx, msgspec.structs.replace(key, description=params["Description"]))
