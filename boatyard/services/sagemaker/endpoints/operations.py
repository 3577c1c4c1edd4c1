"""The API of endpoints: create, describe, list, update and delete."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import constraints, quotas, tags
from boatyard.services.sagemaker.endpoint_configs.operations import MAX_CONTAINERS
from boatyard.services.sagemaker.endpoint_configs.records import CONFIGS
from boatyard.services.sagemaker.endpoints import changes
from boatyard.services.sagemaker.endpoints.model_data import definition
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS, Endpoint, Fleet, Variant
from boatyard.services.sagemaker.endpoints.workflow import deployment_id
from boatyard.services.sagemaker.listing import listed
from boatyard.services.sagemaker.models.records import MODELS
from boatyard.services.sagemaker.naming import already_exists, not_found, resource_arn
from boatyard.state.database import Reader, Transaction

DEFAULT_STARTUP_SECONDS = 240


def create_endpoint(call: Call, params: Params) -> dict[str, Any]:
    """Serves the models of an endpoint configuration: InService once every container answers /ping.

    AWS: CreateEndpoint.
    """
    constraints.check("CreateEndpoint", params)
    _deployment(params, "CreateEndpoint")
    given = tags.checked(params)
    name, arn, moment = params["EndpointName"], resource_arn(call, "endpoint", params["EndpointName"]), now()
    with call.installation.database.transaction() as tx:
        if ENDPOINTS.select(tx, {"account": call.account, "region": call.region, "arn": arn}, limit=1):
            raise already_exists("endpoint", arn)
        target = _fleet(tx, call, params["EndpointConfigName"], 1)
        endpoint = Endpoint(
            account=call.account,
            region=call.region,
            name=name,
            arn=arn,
            uid=uuid.uuid4().hex,
            config_name=target.config_name,
            status="Creating",
            created=moment,
            modified=moment,
            target=target,
            deployment=params.get("DeploymentConfig"),
        )
        tags.put(tx, arn, given)
        _start(call, tx, changes.store(call.installation, tx, endpoint))
    return {"EndpointArn": arn}


def describe_endpoint(call: Call, params: Params) -> dict[str, Any]:
    """Tells an endpoint's status and what serves it. AWS: DescribeEndpoint."""
    constraints.check("DescribeEndpoint", params)
    with call.installation.database.reading() as rx:
        endpoint = _require(rx, call, params["EndpointName"])
    shown = endpoint.fleet or endpoint.target or endpoint.retiring
    described = _summary(endpoint) | {"EndpointConfigName": endpoint.config_name}
    if shown is not None and endpoint.status != "Creating":
        desired = {variant.name: variant for variant in (endpoint.target or shown).variants}
        described["ProductionVariants"] = [
            _described(variant, desired.get(variant.name, variant)) for variant in shown.variants
        ]
    if endpoint.failure_reason:
        described["FailureReason"] = endpoint.failure_reason
    if endpoint.deployment:
        described["LastDeploymentConfig"] = endpoint.deployment
    if endpoint.target is not None and endpoint.fleet is not None:
        described["PendingDeploymentSummary"] = {
            "EndpointConfigName": endpoint.target.config_name,
            "ProductionVariants": [_pending(variant) for variant in endpoint.target.variants],
            "StartTime": endpoint.modified,
        }
    return described


def list_endpoints(call: Call, params: Params) -> dict[str, Any]:
    """Lists endpoints, filtered and sorted. AWS: ListEndpoints."""
    constraints.check("ListEndpoints", params)
    return listed(call, params, ENDPOINTS, _summary, "Endpoints")


def update_endpoint(call: Call, params: Params) -> dict[str, Any]:
    """Serves another configuration without an unanswered request: new containers first, then the traffic.

    AWS: UpdateEndpoint.
    """
    constraints.check("UpdateEndpoint", params)
    _deployment(params, "UpdateEndpoint")
    with call.installation.database.transaction() as tx:
        endpoint = _updatable(tx, call, params["EndpointName"])
        generation = endpoint.generation + 1
        target = _fleet(tx, call, params["EndpointConfigName"], generation)
        if params.get("RetainAllVariantProperties"):
            excluded = {each["VariantPropertyType"] for each in params.get("ExcludeRetainedVariantProperties", [])}
            target = _retained(target, endpoint.fleet, excluded)
        deployment = params.get("DeploymentConfig")
        if params.get("RetainDeploymentConfig"):
            deployment = endpoint.deployment
        endpoint = changes.store(
            call.installation,
            tx,
            endpoint,
            status="Updating",
            target=target,
            generation=generation,
            failure_reason=None,
            deployment=deployment,
        )
        _start(call, tx, endpoint)
    return {"EndpointArn": endpoint.arn}


def update_endpoint_weights_and_capacities(call: Call, params: Params) -> dict[str, Any]:
    """Changes the weights and numbers of containers of the variants that serve.

    AWS: UpdateEndpointWeightsAndCapacities.
    """
    constraints.check("UpdateEndpointWeightsAndCapacities", params)
    wanted = {each["VariantName"]: each for each in params["DesiredWeightsAndCapacities"]}
    with call.installation.database.transaction() as tx:
        endpoint = _updatable(tx, call, params["EndpointName"])
        fleet = endpoint.fleet or Fleet(config_name=endpoint.config_name)
        unknown = sorted(set(wanted) - {variant.name for variant in fleet.variants})
        if unknown:
            raise ApiError(
                "ValidationException",
                f'Could not find variant "{unknown[0]}" of the endpoint "{endpoint.arn}".',
            )
        variants = tuple(_changed(variant, wanted.get(variant.name, {})) for variant in fleet.variants)
        endpoint = changes.store(
            call.installation,
            tx,
            endpoint,
            status="Updating",
            target=msgspec.structs.replace(fleet, variants=variants),
            generation=endpoint.generation + 1,
            failure_reason=None,
        )
        _start(call, tx, endpoint)
    return {"EndpointArn": endpoint.arn}


def delete_endpoint(call: Call, params: Params) -> None:
    """Takes an endpoint out of service and deletes it; model and configuration stay. AWS: DeleteEndpoint."""
    constraints.check("DeleteEndpoint", params)
    with call.installation.database.transaction() as tx:
        endpoint = _require(tx, call, params["EndpointName"])
        if endpoint.status == "Deleting":
            return
        endpoint = changes.store(call.installation, tx, endpoint, status="Deleting")
        call.installation.workflows.start(
            tx,
            "sagemaker.endpoint_deletion",
            id=f"{endpoint.arn}#{endpoint.uid}#deletion",
            args=[endpoint.account, endpoint.region, endpoint.name, endpoint.uid],
        )


def _start(call: Call, tx: Transaction, endpoint: Endpoint) -> None:
    others = ENDPOINTS.select(tx, {"account": call.account, "region": call.region})
    used = sum(_instances(other) for other in others if other.name != endpoint.name and other.status != "Failed")
    quotas.ENDPOINTS.check(call.installation, used, _instances(endpoint))
    args = [endpoint.account, endpoint.region, endpoint.name, endpoint.uid, endpoint.generation]
    call.installation.workflows.start(tx, "sagemaker.endpoint", id=deployment_id(endpoint), args=args)


def _instances(endpoint: Endpoint) -> int:
    fleet = endpoint.target or endpoint.fleet
    return sum(variant.count for variant in fleet.variants) if fleet is not None else 0


def _require(rx: Reader, call: Call, name: str) -> Endpoint:
    endpoint = ENDPOINTS.get(rx, call.account, call.region, name)
    if endpoint is None:
        raise not_found("endpoint", resource_arn(call, "endpoint", name))
    return endpoint


def _updatable(tx: Transaction, call: Call, name: str) -> Endpoint:
    endpoint = _require(tx, call, name)
    if endpoint.status in ("Failed", "OutOfService"):
        raise ApiError(
            "ValidationException",
            f'Cannot update endpoint "{endpoint.arn}" in status {endpoint.status}. Delete it and create it again.',
        )
    if endpoint.status != "InService":
        raise ApiError("ValidationException", f'Cannot update in-progress endpoint "{endpoint.arn}".')
    return endpoint


def _fleet(tx: Transaction, call: Call, config_name: str, generation: int) -> Fleet:
    """The fleet that a configuration describes, with each model as it is now."""
    config = CONFIGS.get(tx, call.account, call.region, config_name)
    if config is None:
        raise not_found("endpoint configuration", resource_arn(call, "endpoint-config", config_name))
    variants = []
    for position, given in enumerate(config.request["ProductionVariants"]):
        model = MODELS.get(tx, call.account, call.region, given["ModelName"])
        if model is None:
            raise not_found("model", resource_arn(call, "model", given["ModelName"]))
        variants.append(
            Variant(
                name=given["VariantName"],
                position=position,
                generation=generation,
                model_name=model.name,
                model=model.request,
                instance_type=given["InstanceType"],
                weight=float(given["InitialVariantWeight"]),
                count=given["InitialInstanceCount"],
                startup_seconds=given.get("ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_STARTUP_SECONDS),
            )
        )
    return Fleet(config_name=config.name, variants=tuple(variants))


def _retained(target: Fleet, before: Fleet | None, excluded: set[str]) -> Fleet:
    known = {variant.name: variant for variant in before.variants} if before else {}
    variants = []
    for variant in target.variants:
        old = known.get(variant.name)
        changed: dict[str, Any] = {}
        if old is not None and "DesiredWeight" not in excluded:
            changed["weight"] = old.weight
        if old is not None and "DesiredInstanceCount" not in excluded:
            changed["count"] = old.count
        variants.append(msgspec.structs.replace(variant, **changed))
    return msgspec.structs.replace(target, variants=tuple(variants))


def _changed(variant: Variant, wanted: Mapping[str, Any]) -> Variant:
    if wanted.get("ServerlessUpdateConfig"):
        raise not_supported("sagemaker", "UpdateEndpointWeightsAndCapacities", "ServerlessUpdateConfig")
    count = wanted.get("DesiredInstanceCount", variant.count)
    if not 1 <= count <= MAX_CONTAINERS:
        raise ApiError(
            "ValidationException", f"DesiredInstanceCount of {variant.name} must be from 1 to {MAX_CONTAINERS}."
        )
    return msgspec.structs.replace(variant, weight=float(wanted.get("DesiredWeight", variant.weight)), count=count)


def _deployment(params: Params, operation: str) -> None:
    deployment = params.get("DeploymentConfig") or {}
    for name in ("RollingUpdatePolicy", "AutoRollbackConfiguration"):
        if deployment.get(name):
            raise not_supported("sagemaker", operation, f"DeploymentConfig.{name}")
    routing = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    if routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE":
        raise not_supported("sagemaker", operation, f"TrafficRoutingConfiguration.Type {routing['Type']}")


def _summary(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "EndpointStatus": endpoint.status,
    }


def _described(variant: Variant, desired: Variant) -> dict[str, Any]:
    described: dict[str, Any] = {
        "VariantName": variant.name,
        "CurrentWeight": variant.weight,
        "DesiredWeight": desired.weight,
        "CurrentInstanceCount": variant.count,
        "DesiredInstanceCount": desired.count,
    }
    if variant.resolved_image:
        described["DeployedImages"] = [
            {
                "SpecifiedImage": definition(variant.model)["Image"],
                "ResolvedImage": variant.resolved_image,
                "ResolutionTime": variant.resolved_at,
            }
        ]
    return described


def _pending(variant: Variant) -> dict[str, Any]:
    return {
        "VariantName": variant.name,
        "DesiredWeight": variant.weight,
        "DesiredInstanceCount": variant.count,
        "InstanceType": variant.instance_type,
    }
