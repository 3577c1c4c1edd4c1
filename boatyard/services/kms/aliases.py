"""Aliases: names for keys, which can be pointed at another key."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.paging import page_of
from boatyard.api.timestamps import now
from boatyard.services.kms import quotas
from boatyard.services.kms.lookup import invalid_state, not_found, require_key
from boatyard.services.kms.records import ALIASES, Alias, Key
from boatyard.state.table import AlreadyExists

_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+")


def _check(name: str) -> str:
    if not name.startswith("alias/") or len(name) <= len("alias/"):
        raise ApiError("ValidationException", "Invalid identifier", status=400)
    if name.startswith("alias/aws/"):
        raise ApiError("NotAuthorizedException", "", status=400)
    if not _NAME.fullmatch(name):
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{name[:300]}' at 'aliasName' failed to satisfy constraint: Member"
            " must satisfy regular expression pattern: ^[a-zA-Z0-9/_-]+$",
            status=400,
        )
    return name


def _check_target(key: Key) -> None:
    if key.state == "PendingDeletion":
        raise invalid_state(f"{key.arn} is pending deletion.")
    if key.manager == "AWS":
        raise ApiError("AccessDeniedException", f"{key.arn} is managed by AWS.", status=400)


def create_alias(call: Call, params: Params) -> None:
    """Give a key a name. (KMS API: CreateAlias)"""
    name = _check(params["AliasName"])
    created = now()
    with call.installation.database.transaction() as tx:
        key = require_key(tx, call, params["TargetKeyId"], alias=False)
        _check_target(key)
        alias = Alias(
            account=call.account,
            region=call.region,
            name=name,
            key_id=key.id,
            created=created,
            updated=created,
        )
        try:
            ALIASES.insert(tx, alias)
            quotas.ALIASES.check_count(
                call.installation,
                tx,
                ALIASES,
                {"account": call.account, "region": call.region, "key_id": key.id},
                more=0,
            )
        except AlreadyExists:
            raise ApiError(
                "AlreadyExistsException", f"An alias with the name {alias.arn} already exists", status=400
            ) from None


def update_alias(call: Call, params: Params) -> None:
    """Point a name at another key. (KMS API: UpdateAlias)"""
    name = _check(params["AliasName"])
    with call.installation.database.transaction() as tx:
        alias = ALIASES.get(tx, call.account, call.region, name)
        if alias is None:
            raise _missing(call, name)
        key = require_key(tx, call, params["TargetKeyId"], alias=False)
        _check_target(key)
        ALIASES.put(tx, msgspec.structs.replace(alias, key_id=key.id, updated=now()))


def delete_alias(call: Call, params: Params) -> None:
    """Take a name away; the key stays. (KMS API: DeleteAlias)"""
    name = _check(params["AliasName"])
    with call.installation.database.transaction() as tx:
        if not ALIASES.delete(tx, call.account, call.region, name):
            raise _missing(call, name)


def _missing(call: Call, name: str) -> ApiError:
    return not_found(f"Alias arn:aws:kms:{call.region}:{call.account}:{name} is not found.")


def list_aliases(call: Call, params: Params) -> dict[str, Any]:
    """List names, of all keys or of one. (KMS API: ListAliases)"""
    where: dict[str, Any] = {"account": call.account, "region": call.region}
    with call.installation.database.reading() as rx:
        if params.get("KeyId"):
            where["key_id"] = require_key(rx, call, params["KeyId"], alias=False).id
        chosen, token = page_of(
            rx, ALIASES, where, params.get("Marker"), params.get("Limit", 50), code="InvalidMarkerException"
        )
    answer: dict[str, Any] = {"Aliases": [_view(alias) for alias in chosen], "Truncated": token is not None}
    return answer | ({"NextMarker": token} if token else {})


def _view(alias: Alias) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": alias.arn,
        "TargetKeyId": alias.key_id,
        "CreationDate": alias.created,
        "LastUpdatedDate": alias.updated,
    }
