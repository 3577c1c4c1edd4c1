"""The containers of an endpoint: their names, folders, network and what the engine is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from boatyard.api.installation import Installation
from boatyard.containers.specification import ContainerSpecification, Mount
from boatyard.services.sagemaker import roles
from boatyard.services.sagemaker.endpoints.model_data import definition
from boatyard.services.sagemaker.endpoints.records import Endpoint, Fleet, Variant
from boatyard.services.sagemaker.instances import instance_type

PORT = 8080
LOG_GROUP = "/aws/sagemaker/Endpoints/"


class Place:
    """One container's place in an endpoint: a variant and a number from 0."""

    def __init__(self, endpoint: Endpoint, variant: Variant, index: int) -> None:
        self.endpoint = endpoint
        self.variant = variant
        self.index = index

    @property
    def container(self) -> str:
        """The container's name, the same after every restart."""
        return f"{network(self.endpoint)}-{self.variant.generation}-{self.variant.position}-{self.index}"


def places(endpoint: Endpoint, fleet: Fleet | None) -> Iterator[Place]:
    """Every container that a fleet is made of."""
    for variant in fleet.variants if fleet else ():
        for index in range(variant.count):
            yield Place(endpoint, variant, index)


def network(endpoint: Endpoint) -> str:
    """The name of the endpoint's own network."""
    return f"boatyard-endpoint-{endpoint.uid[:12]}"


def directory(installation: Installation, endpoint: Endpoint) -> Path:
    """Where the endpoint's models lie on this machine."""
    return installation.data_directory / "sagemaker" / "endpoints" / endpoint.uid


def model_directory(installation: Installation, endpoint: Endpoint, variant: Variant) -> Path:
    """What a variant's containers see at /opt/ml/model."""
    return directory(installation, endpoint) / f"{variant.generation}-{variant.position}" / "model"


def log_stream(variant: Variant, container_id: str) -> str:
    """VARIANT/INSTANCE: every start of a container is a new instance."""
    return f"{variant.name}/i-{hashlib.sha256(container_id.encode()).hexdigest()[:17]}"


def isolated(place: Place) -> bool:
    """Whether the place's container has no network at all: EnableNetworkIsolation of its model."""
    return bool(place.variant.model.get("EnableNetworkIsolation"))


def specification(installation: Installation, place: Place) -> ContainerSpecification:
    """What the engine is asked for: the model's image with the argument `serve`."""
    endpoint, variant = place.endpoint, place.variant
    model = variant.model
    shape = instance_type(variant.instance_type, "CreateEndpoint")
    name = "none"
    environment = dict(definition(model).get("Environment", {}))
    if not isolated(place):
        name = installation.engine.network(network(endpoint)).name
        environment |= installation.workload_environment(
            name,
            identity=place.container,
            role_arn=model["ExecutionRoleArn"],
            service=roles.PRINCIPAL,
            region=endpoint.region,
            account=endpoint.account,
        )
    return ContainerSpecification(
        name=place.container,
        image=variant.image_id,
        command=["serve"],
        environment=environment,
        mounts=[Mount(model_directory(installation, endpoint, variant), "/opt/ml/model", read_only=True)],
        network=name,
        memory_mib=shape.memory_mib,
        shared_memory_mib=shape.memory_mib // 2,
        cpus=float(shape.cpus),
        labels={"boatyard.service": "sagemaker", "boatyard.arn": endpoint.arn, "boatyard.kind": "endpoint"},
        hostname=definition(model).get("ContainerHostname"),
    )
