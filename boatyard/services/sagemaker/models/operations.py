"""The API of models: create, describe, list and delete."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import constraints, images, roles, s3_locations, tags
from boatyard.services.sagemaker.listing import listed
from boatyard.services.sagemaker.models.records import MODELS, Model
from boatyard.services.sagemaker.naming import already_exists, not_found, resource_arn
from boatyard.state.table import AlreadyExists

_CONTAINER_REFUSED = (
    "ModelPackageName",
    "InferenceSpecificationName",
    "MultiModelConfig",
    "AdditionalModelDataSources",
)


def create_model(call: Call, params: Params) -> dict[str, Any]:
    """Registers an image with its artifacts and role for endpoints to serve. AWS: CreateModel."""
    constraints.check("CreateModel", params)
    container = _container(params)
    if not params.get("ExecutionRoleArn"):
        raise ApiError("ValidationException", "ExecutionRoleArn must be given.")
    role = roles.assume(call.installation, call.account, call.region, params["ExecutionRoleArn"])
    _image_exists(role, container["Image"])
    given = tags.checked(params)
    arn = resource_arn(call, "model", params["ModelName"])
    request = {name: value for name, value in params.items() if name not in ("Tags", "ModelName")}
    model = Model(
        account=call.account, region=call.region, name=params["ModelName"], arn=arn, request=request, created=now()
    )
    with call.installation.database.transaction() as tx:
        try:
            MODELS.insert(tx, model)
        except AlreadyExists:
            raise already_exists("model", arn) from None
        tags.put(tx, arn, given)
    return {"ModelArn": arn}


def describe_model(call: Call, params: Params) -> dict[str, Any]:
    """Tells what a model was created with. AWS: DescribeModel."""
    constraints.check("DescribeModel", params)
    with call.installation.database.reading() as rx:
        model = MODELS.get(rx, call.account, call.region, params["ModelName"])
    if model is None:
        raise not_found("model", resource_arn(call, "model", params["ModelName"]))
    return {
        "ModelName": model.name,
        "ModelArn": model.arn,
        "CreationTime": model.created,
        "EnableNetworkIsolation": False,
        **model.request,
    }


def list_models(call: Call, params: Params) -> dict[str, Any]:
    """Lists models, filtered and sorted. AWS: ListModels."""
    constraints.check("ListModels", params)
    return listed(call, params, MODELS, _summary, "Models")


def delete_model(call: Call, params: Params) -> None:
    """Deletes a model; endpoints that serve it go on. AWS: DeleteModel."""
    constraints.check("DeleteModel", params)
    arn = resource_arn(call, "model", params["ModelName"])
    with call.installation.database.transaction() as tx:
        if not MODELS.delete(tx, call.account, call.region, params["ModelName"]):
            raise not_found("model", arn)
        tags.put(tx, arn, {})


def _summary(model: Model) -> dict[str, Any]:
    return {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created}


def _container(params: Params) -> dict[str, Any]:
    """The one container of the request, checked."""
    several = params.get("Containers") or []
    if params.get("PrimaryContainer") and several:
        raise ApiError("ValidationException", "Specify either PrimaryContainer or Containers, not both.")
    if len(several) > 1:
        raise not_supported(
            "sagemaker", "CreateModel", "Containers with more than one container (an inference pipeline)"
        )
    container: dict[str, Any] | None = params.get("PrimaryContainer") or (several[0] if several else None)
    if container is None:
        raise ApiError("ValidationException", "Specify PrimaryContainer or Containers.")
    for name in ("VpcConfig", "InferenceExecutionConfig"):
        if params.get(name):
            raise not_supported("sagemaker", "CreateModel", name)
    for name in _CONTAINER_REFUSED:
        if container.get(name):
            raise not_supported("sagemaker", "CreateModel", f"ContainerDefinition.{name}")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise not_supported("sagemaker", "CreateModel", f"ContainerDefinition.Mode {container['Mode']}")
    if container.get("ImageConfig", {}).get("RepositoryAccessMode", "Platform") != "Platform":
        raise not_supported("sagemaker", "CreateModel", "ImageConfig.RepositoryAccessMode Vpc")
    if not container.get("Image"):
        raise ApiError("ValidationException", "ContainerDefinition.Image must be given.")
    _data(container)
    return container


def _data(container: dict[str, Any]) -> None:
    url, source = container.get("ModelDataUrl"), container.get("ModelDataSource")
    if url and source:
        raise ApiError("ValidationException", "Specify either ModelDataUrl or ModelDataSource, not both.")
    if url:
        s3_locations.parse(url, "ModelDataUrl")
        if not url.endswith(".tar.gz"):
            raise ApiError(
                "ValidationException", f"ModelDataUrl {url} must name a gzipped tar archive that ends with .tar.gz."
            )
    if source:
        described = source.get("S3DataSource")
        if not described:
            raise not_supported("sagemaker", "CreateModel", "ModelDataSource other than S3DataSource")
        for name in ("HubAccessConfig", "ManifestS3Uri"):
            if described.get(name):
                raise not_supported("sagemaker", "CreateModel", f"ModelDataSource.S3DataSource.{name}")
        if (described["CompressionType"] == "Gzip") != (described["S3DataType"] == "S3Object"):
            raise ApiError(
                "ValidationException",
                "ModelDataSource: CompressionType Gzip goes with S3DataType S3Object, None with S3Prefix.",
            )
        s3_locations.parse(described["S3Uri"], "ModelDataSource.S3DataSource.S3Uri")


def _image_exists(role: Call, image: str) -> None:
    try:
        images.resolve(role, image)
    except images.ImageUnavailable as error:
        raise ApiError("ValidationException", f"Requested image {image} not found. {error}") from None
