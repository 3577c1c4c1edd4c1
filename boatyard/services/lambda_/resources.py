"""The CloudFormation resource types of Lambda."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from boatyard.api import tags
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type

CODE = {
    "S3Bucket": PropertyRule(str),
    "S3Key": PropertyRule(str),
    "S3ObjectVersion": PropertyRule(str),
    "ZipFile": PropertyRule(str),
}
NUMBERS = frozenset({"Timeout", "MemorySize"})
CONFIGURATION = (
    "Role", "Handler", "Description", "Timeout", "MemorySize", "Environment", "Runtime", "Layers", "TracingConfig",
    "EphemeralStorage", "LoggingConfig",
)  # fmt: skip


def gone_is_fine(call: Call, operation: str, **params: Any) -> None:
    """Do it; what is not there any more is success."""
    try:
        call.invoke("lambda", operation, **params)
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise


@resource_type("AWS::Lambda::Function")
class FunctionResource(ResourceType):
    """A function (AWS: AWS::Lambda::Function)."""

    properties = {
        "FunctionName": PropertyRule(str, immutable=True),
        "Code": PropertyRule(dict, required=True, members=CODE),
        "Role": PropertyRule(str, required=True),
        "Handler": PropertyRule(str),
        "Runtime": PropertyRule(str),
        "Description": PropertyRule(str),
        "Timeout": PropertyRule(int),
        "MemorySize": PropertyRule(int),
        "Environment": PropertyRule(dict, members={"Variables": PropertyRule(dict)}),
        "Layers": PropertyRule(list),
        "Architectures": PropertyRule(list),
        "TracingConfig": PropertyRule(dict, members={"Mode": PropertyRule(str)}),
        "EphemeralStorage": PropertyRule(dict, members={"Size": PropertyRule(int)}),
        "LoggingConfig": PropertyRule(dict, members={"LogGroup": PropertyRule(str), "LogFormat": PropertyRule(str)}),
        "PackageType": PropertyRule(str, immutable=True),
        "ReservedConcurrentExecutions": PropertyRule(int),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the function; one that the same create made before a crash is taken up."""
        name = request.properties.get("FunctionName") or request.name(64)
        params = self._configuration(request) | {"FunctionName": name, "Code": self._code(request)}
        for optional in ("Architectures", "PackageType"):
            if optional in request.properties:
                params[optional] = request.properties[optional]
        if wanted := request.tags | tags.to_dict(request.properties.get("Tags")):
            params["Tags"] = wanted
        try:
            call.invoke("lambda", "CreateFunction", **params)
        except ApiError as error:
            if error.code != "ResourceConflictException" or not self._mine(call, name, request):
                raise
        self._reserve(call, name, request)
        return self._state(call, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change configuration and code where they differ."""
        name = str(request.physical_id)
        defaults = {"Timeout": 3, "MemorySize": 128, "Description": "", "Environment": {}, "Layers": []}
        before = {key: request.previous.get(key) for key in CONFIGURATION}
        if before != {key: request.properties.get(key) for key in CONFIGURATION}:
            dropped = {key: value for key, value in defaults.items() if before.get(key) is not None}
            params = dropped | self._configuration(request)
            call.invoke("lambda", "UpdateFunctionConfiguration", FunctionName=name, **params)
        if request.previous.get("Code") != request.properties.get("Code"):
            call.invoke("lambda", "UpdateFunctionCode", FunctionName=name, **self._code(request))
        self._reserve(call, name, request)
        state = self._state(call, name)
        wanted = request.tags | tags.to_dict(request.properties.get("Tags"))
        arn = state.attributes["Arn"]
        there = call.invoke("lambda", "ListTags", Resource=arn)["Tags"]
        if removed := [key for key in there if key not in wanted]:
            call.invoke("lambda", "UntagResource", Resource=arn, TagKeys=removed)
        if wanted:
            call.invoke("lambda", "TagResource", Resource=arn, Tags=wanted)
        return state

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the function with its versions."""
        gone_is_fine(call, "DeleteFunction", FunctionName=str(request.physical_id))

    @staticmethod
    def _configuration(request: ResourceRequest) -> dict[str, Any]:
        found = {key: request.properties[key] for key in CONFIGURATION if key in request.properties}
        for key in NUMBERS & found.keys():
            found[key] = int(found[key])
        if "EphemeralStorage" in found:
            found["EphemeralStorage"] = {"Size": int(found["EphemeralStorage"]["Size"])}
        if "Environment" in found:
            variables = found["Environment"].get("Variables") or {}
            found["Environment"] = {"Variables": {name: _text(value) for name, value in variables.items()}}
        return found

    @staticmethod
    def _code(request: ResourceRequest) -> dict[str, Any]:
        code = dict(request.properties["Code"])
        if "ZipFile" in code:
            code["ZipFile"] = zip_of("index.py", code["ZipFile"])
        return code

    @staticmethod
    def _reserve(call: Call, name: str, request: ResourceRequest) -> None:
        wanted = request.properties.get("ReservedConcurrentExecutions")
        if wanted is not None:
            number = int(wanted)
            call.invoke("lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=number)
        elif request.previous.get("ReservedConcurrentExecutions") is not None:
            call.invoke("lambda", "DeleteFunctionConcurrency", FunctionName=name)

    @staticmethod
    def _mine(call: Call, name: str, request: ResourceRequest) -> bool:
        return "FunctionName" not in request.properties and name == request.name(64)

    @staticmethod
    def _state(call: Call, name: str) -> ResourceState:
        return ResourceState(name, {"Arn": f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def zip_of(name: str, text: str) -> bytes:
    """A zip with one file, the same bytes for the same text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, text)
    return buffer.getvalue()


@resource_type("AWS::Lambda::Permission")
class PermissionResource(ResourceType):
    """Who may invoke a function (AWS: AWS::Lambda::Permission)."""

    properties = {
        "FunctionName": PropertyRule(str, required=True, immutable=True),
        "Action": PropertyRule(str, required=True, immutable=True),
        "Principal": PropertyRule(str, required=True, immutable=True),
        "SourceArn": PropertyRule(str, immutable=True),
        "SourceAccount": PropertyRule(str, immutable=True),
        "PrincipalOrgID": PropertyRule(str, immutable=True),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Add the statement."""
        statement = request.name(100)
        try:
            call.invoke("lambda", "AddPermission", StatementId=statement, **request.properties)
        except ApiError as error:
            if error.code != "ResourceConflictException":
                raise
        return ResourceState(statement)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Remove the statement."""
        function = request.properties["FunctionName"]
        gone_is_fine(call, "RemovePermission", FunctionName=function, StatementId=str(request.physical_id))


@resource_type("AWS::Lambda::Version")
class VersionResource(ResourceType):
    """A published version (AWS: AWS::Lambda::Version)."""

    properties = {
        "FunctionName": PropertyRule(str, required=True, immutable=True),
        "Description": PropertyRule(str, immutable=True),
        "CodeSha256": PropertyRule(str, immutable=True),
    }
    attributes = frozenset({"Version"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Publish it."""
        made = call.invoke("lambda", "PublishVersion", **request.properties)
        return ResourceState(made["FunctionArn"], {"Version": made["Version"], "FunctionArn": made["FunctionArn"]})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the version."""
        gone_is_fine(call, "DeleteFunction", FunctionName=str(request.physical_id))


@resource_type("AWS::Lambda::Alias")
class AliasResource(ResourceType):
    """An alias (AWS: AWS::Lambda::Alias)."""

    properties = {
        "FunctionName": PropertyRule(str, required=True, immutable=True),
        "FunctionVersion": PropertyRule(str, required=True),
        "Name": PropertyRule(str, required=True, immutable=True),
        "Description": PropertyRule(str),
    }
    attributes = frozenset({"AliasArn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create it."""
        made = call.invoke("lambda", "CreateAlias", **request.properties)
        return ResourceState(made["AliasArn"], {"AliasArn": made["AliasArn"]})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Point it elsewhere."""
        made = call.invoke("lambda", "UpdateAlias", **request.properties)
        return ResourceState(made["AliasArn"], {"AliasArn": made["AliasArn"]})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete it."""
        name = request.properties["Name"]
        gone_is_fine(call, "DeleteAlias", FunctionName=request.properties["FunctionName"], Name=name)


@resource_type("AWS::Lambda::LayerVersion")
class LayerVersionResource(ResourceType):
    """A layer's version (AWS: AWS::Lambda::LayerVersion)."""

    properties = {
        "LayerName": PropertyRule(str, immutable=True),
        "Content": PropertyRule(dict, required=True, immutable=True, members=CODE),
        "CompatibleRuntimes": PropertyRule(list, immutable=True),
        "CompatibleArchitectures": PropertyRule(list, immutable=True),
        "Description": PropertyRule(str, immutable=True),
        "LicenseInfo": PropertyRule(str, immutable=True),
    }
    attributes = frozenset({"LayerVersionArn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Publish it."""
        params = {"LayerName": request.name(140)} | request.properties
        made = call.invoke("lambda", "PublishLayerVersion", **params)
        return ResourceState(made["LayerVersionArn"], {"LayerVersionArn": made["LayerVersionArn"]})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the version; functions that use it keep it."""
        name, _, version = str(request.physical_id).rpartition(":")
        gone_is_fine(call, "DeleteLayerVersion", LayerName=name, VersionNumber=int(version))


@resource_type("AWS::Lambda::EventInvokeConfig")
class EventInvokeConfigResource(ResourceType):
    """How asynchronous invocations are tried again (AWS: AWS::Lambda::EventInvokeConfig)."""

    properties = {
        "FunctionName": PropertyRule(str, required=True, immutable=True),
        "Qualifier": PropertyRule(str, required=True, immutable=True),
        "MaximumRetryAttempts": PropertyRule(int),
        "MaximumEventAgeInSeconds": PropertyRule(int),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Set it."""
        call.invoke("lambda", "PutFunctionEventInvokeConfig", **request.properties)
        return ResourceState(f"{request.properties['FunctionName']}|{request.properties['Qualifier']}")

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Set it anew."""
        return self.create(call, request)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Back to the defaults."""
        properties = request.properties
        gone_is_fine(
            call,
            "DeleteFunctionEventInvokeConfig",
            FunctionName=properties["FunctionName"],
            Qualifier=properties["Qualifier"],
        )
