"""Users' access keys: at most two, whose secrets are told once."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.identity import credentials
from boatyard.identity.records import ACCESS_KEYS, AccessKey, User
from boatyard.services.iam import quotas
from boatyard.services.iam.entities import caller_or_named, listing, no_such, require_user
from boatyard.services.iam.views import key_view
from boatyard.state.database import Reader


def create_access_key(call: Call, params: Params) -> dict[str, Any]:
    """Make an access key for a user and tell its secret. (IAM API: CreateAccessKey)"""
    name = caller_or_named(call, params)
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, name)
        if made := _made_before(tx, call, user):
            secret = credentials.secret_of(call.installation, made.id)
            return {"AccessKey": key_view(made, user.name) | {"SecretAccessKey": secret}}
        where = {"account": call.account, "user": user.folded}
        quotas.ACCESS_KEYS.check_count(call.installation, tx, ACCESS_KEYS, where)
        key, secret = credentials.new_access_key(call.installation, call.account, user.folded)
        ACCESS_KEYS.insert(tx, msgspec.structs.replace(key, token=call.token))
    return {"AccessKey": key_view(key, user.name) | {"SecretAccessKey": secret}}


def _made_before(rx: Reader, call: Call, user: User) -> AccessKey | None:
    """The key that the same creation of a stack's resource made before a crash."""
    if not call.token:
        return None
    keys = ACCESS_KEYS.select(rx, {"account": call.account, "user": user.folded})
    return next((key for key in keys if key.token == call.token), None)


def list_access_keys(call: Call, params: Params) -> dict[str, Any]:
    """List a user's access keys without their secrets. (IAM API: ListAccessKeys)"""
    name = caller_or_named(call, params)
    with call.installation.database.reading() as rx:
        user = require_user(rx, call.account, name)
        keys = ACCESS_KEYS.select(rx, {"account": call.account, "user": user.folded})
    answer = listing("AccessKeyMetadata", keys, params, lambda key: key_view(key, user.name), lambda key: key.id)
    return {"UserName": user.name} | answer


def _key(rx: Reader, call: Call, params: Params) -> tuple[AccessKey, User]:
    key = ACCESS_KEYS.get(rx, params["AccessKeyId"])
    if key is None and not params.get("UserName"):
        raise no_such(f"The Access Key with id {params['AccessKeyId']} cannot be found.")
    user = require_user(rx, call.account, params.get("UserName") or (key.user if key else ""))
    if key is None or key.account != call.account or key.user != user.folded:
        raise no_such(f"The Access Key with id {params['AccessKeyId']} cannot be found.")
    return key, user


def update_access_key(call: Call, params: Params) -> None:
    """Activate or deactivate an access key. (IAM API: UpdateAccessKey)"""
    if params["Status"] not in ("Active", "Inactive"):
        raise ApiError("ValidationError", f"The status {params['Status']} cannot be set.", status=400)
    with call.installation.database.transaction() as tx:
        key, _ = _key(tx, call, params)
        ACCESS_KEYS.put(tx, msgspec.structs.replace(key, status=params["Status"]))


def delete_access_key(call: Call, params: Params) -> None:
    """Delete an access key. (IAM API: DeleteAccessKey)"""
    with call.installation.database.transaction() as tx:
        key, _ = _key(tx, call, params)
        ACCESS_KEYS.delete(tx, key.id)
