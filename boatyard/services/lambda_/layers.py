"""Layers: zip files with libraries that functions share, mounted at /opt."""

from __future__ import annotations

from typing import Any

from boatyard.api import paging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.names import check_pattern
from boatyard.api.timestamps import now
from boatyard.services.lambda_.functions.configuration import LAYER_ARN, invalid
from boatyard.services.lambda_.packages import take_package
from boatyard.services.lambda_.records import LAYER_NUMBERS, LAYERS, CodeUse, Layer
from boatyard.state.database import Reader


def publish_layer_version(call: Call, params: Params) -> dict[str, Any]:
    """Publish the next version of a layer (AWS: PublishLayerVersion)."""
    name = params["LayerName"].rpartition(":layer:")[2]
    check_pattern(name, r"[a-zA-Z0-9-_]+", "layerName")
    package = take_package(call, params["Content"], "PublishLayerVersion")
    with call.installation.database.transaction() as tx:
        if made := _made_before(tx, call, name):
            return _shown(made, content=True)
        before = LAYER_NUMBERS.get(tx, call.account, call.region, name)
        number = (before.last if before else 0) + 1
        LAYER_NUMBERS.put(tx, CodeUse(account=call.account, region=call.region, name=name, last=number))
        layer = Layer(
            account=call.account,
            region=call.region,
            name=name,
            version=number,
            package=package,
            created=now(),
            description=params.get("Description", ""),
            license=params.get("LicenseInfo", ""),
            runtimes=params.get("CompatibleRuntimes", []),
            architectures=params.get("CompatibleArchitectures", []),
            token=call.token,
        )
        LAYERS.insert(tx, layer)
    return _shown(layer, content=True)


def _made_before(rx: Reader, call: Call, name: str) -> Layer | None:
    """The version that the same creation of a stack's resource published before a crash."""
    if not call.token:
        return None
    layers = LAYERS.select(rx, {"account": call.account, "region": call.region, "name": name})
    return next((layer for layer in layers if layer.token == call.token), None)


def _shown(layer: Layer, *, content: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "LayerVersionArn": layer.version_arn,
        "Version": layer.version,
        "Description": layer.description,
        "CreatedDate": layer.created.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
        "CompatibleRuntimes": layer.runtimes,
        "CompatibleArchitectures": layer.architectures,
        "LicenseInfo": layer.license,
    }
    if content:
        answer["LayerArn"] = layer.arn
        answer["Content"] = {"CodeSha256": layer.package.sha256, "CodeSize": layer.package.size}
    return answer


def _require(call: Call, name: str, version: int) -> Layer:
    with call.installation.database.reading() as rx:
        layer = LAYERS.get(rx, call.account, call.region, name.rpartition(":layer:")[2], version)
    if layer is None:
        raise ApiError(
            "ResourceNotFoundException", "The resource you requested does not exist.", status=404, Type="User"
        )
    return layer


def get_layer_version(call: Call, params: Params) -> dict[str, Any]:
    """A version of a layer (AWS: GetLayerVersion)."""
    return _shown(_require(call, params["LayerName"], params["VersionNumber"]), content=True)


def get_layer_version_by_arn(call: Call, params: Params) -> dict[str, Any]:
    """A version of a layer by its ARN (AWS: GetLayerVersionByArn)."""
    found = LAYER_ARN.fullmatch(params["Arn"])
    if found is None:
        raise invalid(f"Not the ARN of a layer version: {params['Arn'][:200]}")
    return _shown(_require(call, found[3], int(found[4])), content=True)


def _versions(call: Call, name: str | None = None) -> list[Layer]:
    where: dict[str, Any] = {"account": call.account, "region": call.region}
    if name is not None:
        where["name"] = name.rpartition(":layer:")[2]
    with call.installation.database.reading() as rx:
        layers = LAYERS.select(rx, where)
    return sorted(layers, key=lambda layer: (layer.name, -layer.version))


def list_layer_versions(call: Call, params: Params) -> dict[str, Any]:
    """The versions of a layer, newest first (AWS: ListLayerVersions)."""
    layers = _versions(call, params["LayerName"])
    if runtime := params.get("CompatibleRuntime"):
        layers = [layer for layer in layers if runtime in layer.runtimes]
    chosen, marker = paging.page(
        layers, params.get("Marker"), params.get("MaxItems", 50), code="InvalidParameterValueException"
    )
    answer: dict[str, Any] = {"LayerVersions": [_shown(layer, content=False) for layer in chosen]}
    return answer | ({"NextMarker": marker} if marker else {})


def list_layers(call: Call, params: Params) -> dict[str, Any]:
    """The layers with their newest versions (AWS: ListLayers)."""
    newest: dict[str, Layer] = {}
    for layer in _versions(call):
        if params.get("CompatibleRuntime") in (None, *layer.runtimes):
            newest.setdefault(layer.name, layer)
    chosen, marker = paging.page(
        list(newest.values()), params.get("Marker"), params.get("MaxItems", 50), lambda layer: layer.name,
        "InvalidParameterValueException",
    )  # fmt: skip
    layers = [
        {
            "LayerName": each.name,
            "LayerArn": each.arn,
            "LatestMatchingVersion": _shown(each, content=False),
        }
        for each in chosen
    ]
    answer: dict[str, Any] = {"Layers": layers}
    return answer | ({"NextMarker": marker} if marker else {})


def delete_layer_version(call: Call, params: Params) -> None:
    """Delete a version; functions that use it keep it (AWS: DeleteLayerVersion)."""
    name = params["LayerName"].rpartition(":layer:")[2]
    with call.installation.database.transaction() as tx:
        LAYERS.delete(tx, call.account, call.region, name, params["VersionNumber"])
