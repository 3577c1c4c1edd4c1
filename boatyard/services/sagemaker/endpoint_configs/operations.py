"""The API of endpoint configurations: create, describe, list and delete."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import constraints, tags
from boatyard.services.sagemaker.endpoint_configs.records import CONFIGS, EndpointConfig
from boatyard.services.sagemaker.instances import instance_type
from boatyard.services.sagemaker.listing import listed
from boatyard.services.sagemaker.models.records import MODELS
from boatyard.services.sagemaker.naming import already_exists, not_found, resource_arn
from boatyard.state.table import AlreadyExists

MAX_CONTAINERS = 10  # of one variant; AWS's default quota for an endpoint's instances is 20
_OPERATION = "CreateEndpointConfig"
_REFUSED = (
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
    "VpcConfig",
    "EnableNetworkIsolation",
    "MetricsConfig",
    "CrossRegionTrafficConfig",
    "ExecutionRoleArn",
)
_VARIANT_REFUSED = (
    "ServerlessConfig",
    "InstancePools",
    "AcceleratorType",
    "CoreDumpConfig",
    "EnableSSMAccess",
    "ManagedInstanceScaling",
    "InferenceAmiVersion",
    "CapacityReservationConfig",
    "AcceleratorPartitionLayouts",
)


def create_endpoint_config(call: Call, params: Params) -> dict[str, Any]:
    """Describes what an endpoint serves: variants with a model, a number of containers and a weight.

    AWS: CreateEndpointConfig.
    """
    constraints.check(_OPERATION, params)
    _refuse(params)
    given = tags.checked(params)
    arn = resource_arn(call, "endpoint-config", params["EndpointConfigName"])
    request = {name: value for name, value in params.items() if name not in ("Tags", "EndpointConfigName")}
    for variant in request["ProductionVariants"]:
        variant.setdefault("InitialVariantWeight", 1.0)
    config = EndpointConfig(
        account=call.account,
        region=call.region,
        name=params["EndpointConfigName"],
        arn=arn,
        request=request,
        created=now(),
    )
    with call.installation.database.transaction() as tx:
        for variant in params["ProductionVariants"]:
            if MODELS.get(tx, call.account, call.region, variant["ModelName"]) is None:
                raise not_found("model", resource_arn(call, "model", variant["ModelName"]))
        try:
            CONFIGS.insert(tx, config)
        except AlreadyExists:
            raise already_exists("endpoint configuration", arn) from None
        tags.put(tx, arn, given)
    return {"EndpointConfigArn": arn}


def describe_endpoint_config(call: Call, params: Params) -> dict[str, Any]:
    """Tells what an endpoint configuration was created with. AWS: DescribeEndpointConfig."""
    constraints.check("DescribeEndpointConfig", params)
    with call.installation.database.reading() as rx:
        config = CONFIGS.get(rx, call.account, call.region, params["EndpointConfigName"])
    if config is None:
        raise not_found("endpoint configuration", resource_arn(call, "endpoint-config", params["EndpointConfigName"]))
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created,
        "EnableNetworkIsolation": False,
        **config.request,
    }


def list_endpoint_configs(call: Call, params: Params) -> dict[str, Any]:
    """Lists endpoint configurations, filtered and sorted. AWS: ListEndpointConfigs."""
    constraints.check("ListEndpointConfigs", params)
    return listed(call, params, CONFIGS, _summary, "EndpointConfigs")


def delete_endpoint_config(call: Call, params: Params) -> None:
    """Deletes an endpoint configuration; endpoints that were made from it go on. AWS: DeleteEndpointConfig."""
    constraints.check("DeleteEndpointConfig", params)
    arn = resource_arn(call, "endpoint-config", params["EndpointConfigName"])
    with call.installation.database.transaction() as tx:
        if not CONFIGS.delete(tx, call.account, call.region, params["EndpointConfigName"]):
            raise not_found("endpoint configuration", arn)
        tags.put(tx, arn, {})


def _summary(config: EndpointConfig) -> dict[str, Any]:
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created,
    }


def _refuse(params: Params) -> None:
    for name in _REFUSED:
        if params.get(name):
            raise not_supported("sagemaker", _OPERATION, name)
    if params.get("DataCaptureConfig", {}).get("EnableCapture"):
        raise not_supported("sagemaker", _OPERATION, "DataCaptureConfig.EnableCapture")
    variants = params["ProductionVariants"]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) != len(names):
        raise ApiError("ValidationException", "The names of the production variants must be unique.")
    for variant in variants:
        _variant(variant)


def _variant(variant: dict[str, Any]) -> None:
    where = f"ProductionVariants {variant['VariantName']}:"
    for name in _VARIANT_REFUSED:
        if variant.get(name):
            raise not_supported("sagemaker", _OPERATION, f"{where} {name}")
    if variant.get("RoutingConfig", {}).get("RoutingStrategy", "RANDOM") in ("PREFIX_AWARE", "KV_AWARE"):
        raise not_supported("sagemaker", _OPERATION, f"{where} {variant['RoutingConfig']['RoutingStrategy']} routing")
    for name in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if not variant.get(name):
            raise ApiError("ValidationException", f"{where} {name} must be given.")
    if variant["InitialInstanceCount"] > MAX_CONTAINERS:
        raise ApiError(
            "ResourceLimitExceeded",
            f"{where} InitialInstanceCount {variant['InitialInstanceCount']} is above boatyard's limit of "
            f"{MAX_CONTAINERS} containers for a variant.",
        )
    instance_type(variant["InstanceType"], _OPERATION)
