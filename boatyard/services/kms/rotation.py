"""Rotation: new material for a key, whose older ciphertexts still open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.kms.lookup import check_usable, new_material, require_key
from boatyard.services.kms.records import KEYS

_ON_DEMAND = 25


def enable_key_rotation(call: Call, params: Params) -> None:
    """Note that a key is to be rotated every 90 to 2560 days. (KMS API: EnableKeyRotation)"""
    days = params.get("RotationPeriodInDays", 365)
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["KeyId"], alias=False)
        check_usable(key)
        KEYS.put(tx, msgspec.structs.replace(key, rotation_days=days, rotation_since=now()))


def disable_key_rotation(call: Call, params: Params) -> None:
    """Note that a key is not to be rotated. (KMS API: DisableKeyRotation)"""
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["KeyId"], alias=False)
        check_usable(key)
        KEYS.put(tx, msgspec.structs.replace(key, rotation_days=None, rotation_since=None))


def get_key_rotation_status(call: Call, params: Params) -> dict[str, Any]:
    """Tell whether and when a key is to be rotated. (KMS API: GetKeyRotationStatus)"""
    with call.installation.database.reading() as rx:
        key = require_key(rx, call, params["KeyId"], alias=False)
    answer: dict[str, Any] = {"KeyId": key.arn, "KeyRotationEnabled": key.rotation_days is not None}
    if key.rotation_days is not None and key.rotation_since is not None:
        answer["RotationPeriodInDays"] = key.rotation_days
        answer["NextRotationDate"] = key.rotation_since + timedelta(days=key.rotation_days)
    return answer


def rotate_key_on_demand(call: Call, params: Params) -> dict[str, Any]:
    """Give a key new material at once. (KMS API: RotateKeyOnDemand)"""
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["KeyId"], alias=False)
        check_usable(key)
        if len(key.rotations) >= _ON_DEMAND:
            raise ApiError("LimitExceededException", f"A key can be rotated on demand {_ON_DEMAND} times.", status=400)
        material = [*key.material, new_material(call, key.id)]
        KEYS.put(tx, msgspec.structs.replace(key, material=material, rotations=[*key.rotations, now()]))
    return {"KeyId": key.arn}


def list_key_rotations(call: Call, params: Params) -> dict[str, Any]:
    """List when a key was rotated. (KMS API: ListKeyRotations)"""
    with call.installation.database.reading() as rx:
        key = require_key(rx, call, params["KeyId"], alias=False)
    rows = [{"KeyId": key.arn, "RotationDate": moment, "RotationType": "ON_DEMAND"} for moment in key.rotations]
    return {"Rotations": rows, "Truncated": False}
