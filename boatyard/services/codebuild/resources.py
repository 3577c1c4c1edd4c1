"""The CloudFormation resource type of CodeBuild."""

from __future__ import annotations

from typing import Any

from boatyard.api import tags
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.models import operation_model
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type

SOURCE = {
    "Type": PropertyRule(str),
    "Location": PropertyRule(str),
    "BuildSpec": PropertyRule(str),
    "GitCloneDepth": PropertyRule(int),
    "SourceIdentifier": PropertyRule(str),
    "InsecureSsl": PropertyRule(bool),
    "ReportBuildStatus": PropertyRule(bool),
}
ARTIFACTS = {
    name: PropertyRule()
    for name in (
        "Type", "Location", "Path", "NamespaceType", "Name", "Packaging", "EncryptionDisabled", "ArtifactIdentifier",
        "OverrideArtifactName",
    )
}  # fmt: skip
ENVIRONMENT = {
    name: PropertyRule()
    for name in (
        "Type", "Image", "ComputeType", "PrivilegedMode", "EnvironmentVariables", "ImagePullCredentialsType",
        "Certificate",
    )
}  # fmt: skip
NAMES = {"BuildSpec": "buildspec"}


@resource_type("AWS::CodeBuild::Project")
class ProjectResource(ResourceType):
    """A build project (AWS: AWS::CodeBuild::Project)."""

    properties = {
        "Name": PropertyRule(str, immutable=True),
        "Description": PropertyRule(str),
        "ServiceRole": PropertyRule(str, required=True),
        "Source": PropertyRule(dict, required=True, members=SOURCE),
        "SourceVersion": PropertyRule(str),
        "SecondarySources": PropertyRule(list),
        "SecondarySourceVersions": PropertyRule(list),
        "Artifacts": PropertyRule(dict, required=True, members=ARTIFACTS),
        "SecondaryArtifacts": PropertyRule(list),
        "Environment": PropertyRule(dict, required=True, members=ENVIRONMENT),
        "Cache": PropertyRule(dict),
        "EncryptionKey": PropertyRule(str),
        "TimeoutInMinutes": PropertyRule(int),
        "QueuedTimeoutInMinutes": PropertyRule(int),
        "ConcurrentBuildLimit": PropertyRule(int),
        "LogsConfig": PropertyRule(dict),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the project; one that the same create made before a crash is taken up."""
        name = request.properties.get("Name") or request.name(150)
        params = self._params(request)
        try:
            call.invoke("codebuild", "CreateProject", name=name, **params)
        except ApiError as error:
            if error.code != "ResourceAlreadyExistsException" or "Name" in request.properties:
                raise
        return self._state(call, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change the project."""
        name = str(request.physical_id)
        call.invoke("codebuild", "UpdateProject", name=name, **self._params(request))
        return self._state(call, name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the project."""
        call.invoke("codebuild", "DeleteProject", name=str(request.physical_id))

    @staticmethod
    def _params(request: ResourceRequest) -> dict[str, Any]:
        shape = operation_model("codebuild", "CreateProject").input_shape
        properties = {name: value for name, value in request.properties.items() if name not in ("Name", "Tags")}
        params = {_lower(name): convert(shape.members[_lower(name)], value) for name, value in properties.items()}  # type: ignore[union-attr]
        wanted = request.tags | tags.to_dict(request.properties.get("Tags"))
        return params | {"tags": tags.to_list(wanted, "key", "value")}

    @staticmethod
    def _state(call: Call, name: str) -> ResourceState:
        return ResourceState(name, {"Arn": f"arn:aws:codebuild:{call.region}:{call.account}:project/{name}"})


def _lower(name: str) -> str:
    return NAMES.get(name, name[:1].lower() + name[1:])


def convert(shape: Any, value: Any) -> Any:
    """A template's value in the API's spelling and types: CloudFormation takes "true" for true, and "60" for 60."""
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {member.lower(): member for member in shape.members}
        found: dict[str, Any] = {}
        for name, each in value.items():
            member = names.get(name.lower(), _lower(name))
            found[member] = convert(shape.members[member], each) if member in shape.members else each
        return found
    if shape.type_name == "list" and isinstance(value, list):
        return [convert(shape.member, each) for each in value]
    if shape.type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if shape.type_name in ("integer", "long") and isinstance(value, str):
        return int(value)
    if shape.type_name == "string" and isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value
