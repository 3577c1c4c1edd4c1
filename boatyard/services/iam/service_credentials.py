"""Service-specific credentials: a name and password for git over HTTPS to CodeCommit."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.identity import unique_ids
from boatyard.identity.records import SERVICE_CREDENTIALS, ServiceCredential, User
from boatyard.identity.sealing import seal
from boatyard.services.iam.entities import caller_or_named, limit_exceeded, moment, no_such, require_user
from boatyard.services.iam.views import service_credential_view
from boatyard.state.database import Reader

_SERVICE = "codecommit.amazonaws.com"
_PER_SERVICE = 2


def create_service_specific_credential(call: Call, params: Params) -> dict[str, Any]:
    """Make a user's name and password for CodeCommit. (IAM API: CreateServiceSpecificCredential)"""
    service = params["ServiceName"]
    if service != _SERVICE:
        raise ApiError("NotSupportedService", f"The service {service} is not supported.", status=404)
    if params.get("CredentialAgeDays"):
        raise not_supported("iam", "CreateServiceSpecificCredential", "CredentialAgeDays")
    with call.installation.database.transaction() as tx:
        user = require_user(tx, call.account, params["UserName"])
        before = _of(tx, call.account, user, service)
        if len(before) >= _PER_SERVICE:
            raise limit_exceeded(f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {_PER_SERVICE}")
        login = f"{user.name}-at-{call.account}"
        if login in {item.login for item in before}:
            login = f"{user.name}+{len(before)}-at-{call.account}"
        made = ServiceCredential(
            id=unique_ids.unique_id(unique_ids.SERVICE_SPECIFIC_CREDENTIAL),
            account=call.account,
            user=user.folded,
            service=service,
            login=login,
            secret=b"",
            created=moment(),
        )
        made, password = _with_new_password(call, made)
        SERVICE_CREDENTIALS.insert(tx, made)
    return {"ServiceSpecificCredential": _told(made, user, password)}


def _with_new_password(call: Call, item: ServiceCredential) -> tuple[ServiceCredential, str]:
    password = secrets.token_urlsafe(33)
    sealed = seal(call.installation.settings.data_directory, password.encode(), item.id)
    return msgspec.structs.replace(item, secret=sealed), password


def _told(item: ServiceCredential, user: User, password: str) -> dict[str, Any]:
    return service_credential_view(item, user.name) | {"ServicePassword": password}


def _of(rx: Reader, account: str, user: User, service: str | None) -> list[ServiceCredential]:
    found = SERVICE_CREDENTIALS.select(rx, {"account": account, "user": user.folded})
    return [item for item in found if service in (None, item.service)]


def _require(rx: Reader, call: Call, params: Params) -> tuple[ServiceCredential, User]:
    item = SERVICE_CREDENTIALS.get(rx, params["ServiceSpecificCredentialId"])
    name = params.get("UserName") or (item.user if item else caller_or_named(call, params))
    user = require_user(rx, call.account, name)
    if item is None or item.account != call.account or item.user != user.folded:
        raise no_such(f"No such credential {params['ServiceSpecificCredentialId']} exists")
    return item, user


def list_service_specific_credentials(call: Call, params: Params) -> dict[str, Any]:
    """List a user's service-specific credentials. (IAM API: ListServiceSpecificCredentials)"""
    if params.get("AllUsers"):
        raise not_supported("iam", "ListServiceSpecificCredentials", "AllUsers")
    name = caller_or_named(call, params)
    with call.installation.database.reading() as rx:
        user = require_user(rx, call.account, name)
        found = _of(rx, call.account, user, params.get("ServiceName"))
    return {
        "ServiceSpecificCredentials": [service_credential_view(item, user.name) for item in found],
        "IsTruncated": False,
    }


def update_service_specific_credential(call: Call, params: Params) -> None:
    """Activate or deactivate a service-specific credential. (IAM API: UpdateServiceSpecificCredential)"""
    with call.installation.database.transaction() as tx:
        item, _ = _require(tx, call, params)
        SERVICE_CREDENTIALS.put(tx, msgspec.structs.replace(item, status=params["Status"]))


def reset_service_specific_credential(call: Call, params: Params) -> dict[str, Any]:
    """Give a service-specific credential a new password. (IAM API: ResetServiceSpecificCredential)"""
    with call.installation.database.transaction() as tx:
        item, user = _require(tx, call, params)
        made, password = _with_new_password(call, item)
        SERVICE_CREDENTIALS.put(tx, made)
    return {"ServiceSpecificCredential": _told(made, user, password)}


def delete_service_specific_credential(call: Call, params: Params) -> None:
    """Delete a service-specific credential. (IAM API: DeleteServiceSpecificCredential)"""
    with call.installation.database.transaction() as tx:
        item, _ = _require(tx, call, params)
        SERVICE_CREDENTIALS.delete(tx, item.id)
