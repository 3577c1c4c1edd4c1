"""Containers' identities: a secret address each, where role credentials are to be had as on AWS.

Follows "Container credential provider" of the AWS SDKs reference: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI names a
path at 169.254.170.2, which the container's network hands on to the gateway.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import iso, now
from boatyard.identity import credentials
from boatyard.identity.credentials import Credential
from boatyard.identity.principals import Principal
from boatyard.identity.records import WORKLOADS, Workload
from boatyard.identity.sealing import seal, unseal
from boatyard.identity.sessions import assume_for_service

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

PATH = "/v2/credentials/"
_LIFETIME = timedelta(hours=6)
_RENEWED_BEFORE_END = timedelta(hours=1)

_issued: dict[str, tuple[str, Credential]] = {}
"""The credentials last given to a workload (by its id), with the role they are for."""
_lock = threading.Lock()


def workload_environment(
    installation: Installation,
    network: str,
    *,
    identity: str,
    role_arn: str,
    service: str,
    region: str | None = None,
    account: str | None = None,
    session_name: str | None = None,
    source_arn: str | None = None,
) -> dict[str, str]:
    """The environment variables that lead a container of `network` to the gateway, to a role's credentials.

    Asking again for the same `identity` gives the same address; `bind_workload` ties it to the container that runs.
    Raises ApiError (AccessDenied) when the service may not assume the role.
    """
    region = region or installation.settings.region
    found = installation.engine.network(network)
    secret = register(
        installation,
        identity=identity,
        role_arn=role_arn,
        service=service,
        region=region,
        account=account,
        session_name=session_name,
        source=found.subnet or None,
        source_arn=source_arn,
    )
    return {
        "AWS_ENDPOINT_URL": f"http://{found.gateway}:{installation.gateway_port}",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"{PATH}{secret}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


def register(
    installation: Installation,
    *,
    identity: str,
    role_arn: str,
    service: str,
    region: str | None = None,
    account: str | None = None,
    session_name: str | None = None,
    source: str | None = None,
    source_arn: str | None = None,
) -> str:
    """The secret id under which a container gets a role's credentials, the same for the same identity.

    `source` is the network (CIDR) or address from which it may ask. Raises ApiError (AccessDenied) when the
    service may not assume the role.
    """
    session_name = session_name or identity.rpartition(":")[2].rpartition("/")[2]
    assume_for_service(installation, service, role_arn, session_name=session_name, source_arn=source_arn)
    directory = installation.settings.data_directory
    with installation.database.transaction() as tx:
        before = WORKLOADS.select(tx, {"identity": identity})
        if before:
            secret = unseal(directory, before[0].secret, identity).decode()
        else:
            secret = secrets.token_urlsafe(32)
        record = Workload(
            id=_digest(secret),
            identity=identity,
            account=account or installation.settings.account_id,
            region=region or installation.settings.region,
            role_arn=role_arn,
            service=service,
            session_name=session_name,
            secret=seal(directory, secret.encode(), identity),
            source=source,
            source_arn=source_arn,
        )
        WORKLOADS.put(tx, record)
    return secret


def bind_workload(installation: Installation, identity: str, address: str) -> None:
    """Narrow a workload's credentials from its network to its container, whose address is known now that it runs."""
    with installation.database.transaction() as tx:
        for record in WORKLOADS.select(tx, {"identity": identity}):
            if address and record.source != address:
                WORKLOADS.put(tx, msgspec.structs.replace(record, source=address))


def end_workload(installation: Installation, identity: str) -> None:
    """Withdraw a container's address; credentials that it has already got last until they end."""
    with installation.database.transaction() as tx:
        for record in WORKLOADS.select(tx, {"identity": identity}):
            WORKLOADS.delete(tx, record.id)
            with _lock:
                _issued.pop(record.id, None)


def container_credentials(installation: Installation, secret: str, address: str | None) -> dict[str, str]:
    """What AWS's container credentials endpoint answers for a secret id, asked from an address.

    Raises ApiError: 404 for an unknown id, 403 for an address outside the workload's network, AccessDenied when
    the role has gone or does not trust the service any more.
    """
    with installation.database.reading() as rx:
        record = WORKLOADS.get(rx, _digest(secret))
    if record is None:
        raise ApiError(
            "InvalidIdInRequest", "Credentials not found: no running container has this address.", status=404
        )
    if not _may_ask(record, address):
        raise ApiError("AccessDenied", "These credentials are another container's.", status=403)
    credential = _credential(installation, record)
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key,
        "Token": credential.session_token or "",
        "Expiration": iso(credential.expires or now()),
        "RoleArn": record.role_arn,
    }


def _credential(installation: Installation, record: Workload) -> Credential:
    """The credentials in use, or new ones in time before those end."""
    with _lock:
        role_arn, kept = _issued.get(record.id, (None, None))
    if (
        kept is not None
        and role_arn == record.role_arn
        and kept.expires is not None
        and kept.expires - now() > _RENEWED_BEFORE_END
    ):
        return kept
    principal = assume_for_service(
        installation,
        record.service,
        record.role_arn,
        session_name=record.session_name,
        source_arn=record.source_arn,
    )
    made = credentials.issue(installation, _lasting(principal), now() + _LIFETIME)
    with _lock:
        _issued[record.id] = (record.role_arn, made)
    return made


def _lasting(principal: Principal) -> Principal:
    if principal.session is None:
        return principal
    session = msgspec.structs.replace(principal.session, expires=now() + _LIFETIME)
    return msgspec.structs.replace(principal, session=session)


def _may_ask(record: Workload, address: str | None) -> bool:
    if record.source is None:
        return True
    if address is None:
        return False
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(record.source, strict=False)
    except ValueError:
        return False


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def forget(installation: Installation) -> None:
    """Drop the credentials kept in memory: the records are gone."""
    with _lock:
        _issued.clear()
