"""How an endpoint's record changes: status, fleet and the event of it, in one transaction each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from boatyard.api import events
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS, Endpoint, Fleet
from boatyard.state.database import Transaction

Key = tuple[str, str, str]
_EVENT_STATUS = {"InService": "IN_SERVICE", "OutOfService": "OUT_OF_SERVICE", "RollingBack": "ROLLING_BACK"}


def store(installation: Installation, tx: Transaction, endpoint: Endpoint, **changed: Any) -> Endpoint:
    """Stores an endpoint whose status changes, and tells EventBridge: "SageMaker Endpoint State Change"."""
    endpoint = msgspec.structs.replace(endpoint, modified=now(), **changed)
    ENDPOINTS.put(tx, endpoint)
    fleet = endpoint.fleet or endpoint.target
    detail = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config_name,
        "EndpointStatus": _EVENT_STATUS.get(endpoint.status, endpoint.status.upper()),
        "CreationTime": int(endpoint.created.timestamp() * 1000),
        "LastModifiedTime": int(endpoint.modified.timestamp() * 1000),
        "ProductionVariants": [_told(variant.name, variant.weight, variant.count) for variant in fleet.variants]
        if fleet
        else [],
    }
    if endpoint.failure_reason:
        detail["FailureReason"] = endpoint.failure_reason
    events.emit(
        installation,
        tx,
        source="aws.sagemaker",
        detail_type="SageMaker Endpoint State Change",
        detail=detail,
        account=endpoint.account,
        region=endpoint.region,
        resources=[endpoint.arn],
    )
    return endpoint


def _told(name: str, weight: float, count: int) -> dict[str, Any]:
    return {
        "VariantName": name,
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def switch(installation: Installation, key: Key, uid: str, target: Fleet, route: Callable[[Endpoint], None]) -> None:
    """Makes the target fleet the one that serves, unless the endpoint is not wanted any more.

    `route` sends the traffic there before anybody can read that the endpoint is in service.
    """
    with installation.database.transaction() as tx:
        endpoint = ENDPOINTS.get(tx, *key)
        if endpoint is None or endpoint.uid != uid or endpoint.status == "Deleting":
            return
        route(
            store(
                installation,
                tx,
                endpoint,
                status="InService",
                config_name=target.config_name,
                fleet=target,
                target=None,
                retiring=endpoint.fleet,
                failure_reason=None,
            )
        )


def failed(installation: Installation, key: Key, uid: str, reason: str) -> None:
    """Ends a deployment in vain: an endpoint that served goes on as it was, another one is Failed."""
    with installation.database.transaction() as tx:
        endpoint = ENDPOINTS.get(tx, *key)
        if endpoint is None or endpoint.uid != uid or endpoint.target is None:
            return
        changed: dict[str, Any] = {"target": None, "retiring": endpoint.target, "failure_reason": reason}
        if endpoint.status == "Deleting":
            ENDPOINTS.put(tx, msgspec.structs.replace(endpoint, **changed))
            return
        store(installation, tx, endpoint, status="InService" if endpoint.fleet is not None else "Failed", **changed)


def change(installation: Installation, key: Key, uid: str, **changed: Any) -> None:
    """Changes what is no change of status."""
    with installation.database.transaction() as tx:
        endpoint = ENDPOINTS.get(tx, *key)
        if endpoint is not None and endpoint.uid == uid:
            ENDPOINTS.put(tx, msgspec.structs.replace(endpoint, **changed))
