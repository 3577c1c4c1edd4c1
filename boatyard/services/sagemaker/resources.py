"""The CloudFormation resource types of SageMaker's models and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, resource_type
from boatyard.services.sagemaker.endpoint_configs.records import CONFIGS
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS
from boatyard.services.sagemaker.models.records import MODELS
from boatyard.services.sagemaker.named_resource import NamedResource, until

_CONTAINER = {
    "ContainerHostname": PropertyRule(str),
    "Environment": PropertyRule(dict),
    "Image": PropertyRule(str),
    "ImageConfig": PropertyRule(dict, members={"RepositoryAccessMode": PropertyRule(str, required=True)}),
    "Mode": PropertyRule(str),
    "ModelDataSource": PropertyRule(
        dict,
        members={
            "S3DataSource": PropertyRule(
                dict,
                members={name: PropertyRule(str, required=True) for name in ("S3Uri", "S3DataType", "CompressionType")},
            )
        },
    ),
    "ModelDataUrl": PropertyRule(str),
}
_VARIANT = {
    "VariantName": PropertyRule(str, required=True),
    "ModelName": PropertyRule(str, required=True),
    "InitialInstanceCount": PropertyRule(int, required=True),
    "InstanceType": PropertyRule(str, required=True),
    "InitialVariantWeight": PropertyRule(float),
    "VolumeSizeInGB": PropertyRule(int),
    "ModelDataDownloadTimeoutInSeconds": PropertyRule(int),
    "ContainerStartupHealthCheckTimeoutInSeconds": PropertyRule(int),
}
_HOOKS = {"Content": PropertyRule(str)}


def _texts(container: Mapping[str, Any]) -> dict[str, Any]:
    """A container whose environment has only text in it."""
    changed = dict(container)
    if "Environment" in container:
        changed["Environment"] = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in container["Environment"].items()
        }
    return changed


@resource_type("AWS::SageMaker::Model")
class ModelResource(NamedResource):
    """A model (AWS: AWS::SageMaker::Model)."""

    noun, table, name_member, arn_member = "Model", MODELS, "ModelName", "ModelArn"
    properties = {
        "ModelName": PropertyRule(str, immutable=True),
        "ExecutionRoleArn": PropertyRule(str, immutable=True),
        "PrimaryContainer": PropertyRule(dict, immutable=True, members=_CONTAINER),
        "Containers": PropertyRule(list, immutable=True, members=_CONTAINER),
        "EnableNetworkIsolation": PropertyRule(bool, immutable=True),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"ModelName"})

    def params(self, request: ResourceRequest) -> dict[str, Any]:
        """The properties, with text as every environment variable's value."""
        params = super().params(request)
        if "PrimaryContainer" in params:
            params["PrimaryContainer"] = _texts(params["PrimaryContainer"])
        if "Containers" in params:
            params["Containers"] = [_texts(container) for container in params["Containers"]]
        return params

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Only tags change in place."""
        arn = str(request.physical_id)
        self.retag(call, request, arn)
        return self.state(arn, self.record(call, arn=arn).name)


@resource_type("AWS::SageMaker::EndpointConfig")
class EndpointConfigResource(NamedResource):
    """An endpoint configuration (AWS: AWS::SageMaker::EndpointConfig)."""

    noun, table, name_member, arn_member = "EndpointConfig", CONFIGS, "EndpointConfigName", "EndpointConfigArn"
    properties = {
        "EndpointConfigName": PropertyRule(str, immutable=True),
        "ProductionVariants": PropertyRule(list, required=True, immutable=True, members=_VARIANT),
        "KmsKeyId": PropertyRule(str, immutable=True),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"EndpointConfigName"})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Only tags change in place."""
        arn = str(request.physical_id)
        self.retag(call, request, arn)
        return self.state(arn, self.record(call, arn=arn).name)


@resource_type("AWS::SageMaker::Endpoint")
class EndpointResource(NamedResource):
    """An endpoint (AWS: AWS::SageMaker::Endpoint)."""

    noun, table, name_member, arn_member = "Endpoint", ENDPOINTS, "EndpointName", "EndpointArn"
    properties = {
        "EndpointName": PropertyRule(str, immutable=True),
        "EndpointConfigName": PropertyRule(str, required=True),
        "RetainAllVariantProperties": PropertyRule(bool),
        "ExcludeRetainedVariantProperties": PropertyRule(list, members={"VariantPropertyType": PropertyRule(str)}),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"EndpointName"})

    def params(self, request: ResourceRequest) -> dict[str, Any]:
        """What CreateEndpoint takes: the rest is for updates."""
        return {"EndpointConfigName": request.properties["EndpointConfigName"]}

    @staticmethod
    def _at_rest(call: Call, name: str) -> dict[str, Any]:
        """Its description once it is neither being created nor updated."""

        def look() -> dict[str, Any] | None:
            found = call.invoke("sagemaker", "DescribeEndpoint", EndpointName=name)
            return None if found["EndpointStatus"] in ("Creating", "Updating") else found

        found: dict[str, Any] = until(call, look)
        return found

    def settle(self, call: Call, name: str) -> None:
        """Waits until it is in service."""
        endpoint = self._at_rest(call, name)
        if endpoint["EndpointStatus"] != "InService" or "FailureReason" in endpoint:
            reason = endpoint.get("FailureReason", f"it is {endpoint['EndpointStatus']}")
            raise ApiError("ValidationException", f"The endpoint {name} is not in service as wanted: {reason}")

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Serve another configuration, without a break."""
        arn = str(request.physical_id)
        name = self.record(call, arn=arn).name
        config = request.properties["EndpointConfigName"]
        # An update that a crash has cut off may be under way: it is waited for, not begun a second time.
        if self._at_rest(call, name)["EndpointConfigName"] != config:
            options = {
                member: request.properties[member]
                for member in ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties")
                if member in request.properties
            }
            call.invoke("sagemaker", "UpdateEndpoint", EndpointName=name, EndpointConfigName=config, **options)
            self.settle(call, name)
        self.retag(call, request, arn)
        return self.state(arn, name)

    def discard(self, call: Call, arn: str) -> None:
        """Delete it and wait until its containers are gone."""
        super().discard(call, arn)
        until(call, lambda: self.record(call, arn=arn) is None)
