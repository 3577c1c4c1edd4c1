"""CloudFormation's AWS::SSM::Parameter."""

from __future__ import annotations

from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type

_PASSED = ("Type", "Value", "Description", "AllowedPattern", "Tier", "DataType")


@resource_type("AWS::SSM::Parameter")
class ParameterResource(ResourceType):
    """A parameter of type String or StringList (CloudFormation: AWS::SSM::Parameter)."""

    properties = {
        "AllowedPattern": PropertyRule(str),
        "DataType": PropertyRule(str),
        "Description": PropertyRule(str),
        "Name": PropertyRule(str, immutable=True),
        "Tags": PropertyRule(object),
        "Tier": PropertyRule(str),
        "Type": PropertyRule(str, required=True),
        "Value": PropertyRule(str, required=True),
    }
    attributes = frozenset({"Type", "Value"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the parameter; a name of CloudFormation's own may be there from a try before a crash."""
        properties = request.properties
        generated = "Name" not in properties
        name = properties.get("Name") or request.name(128)
        tags = self._tags(request)
        try:
            self._put(call, name, properties, Tags=tag_lists.to_list(tags) if tags else None)
        except ApiError as error:
            if not (generated and error.code == "ParameterAlreadyExists"):
                raise
            self._put(call, name, properties, Overwrite=True)
        return self._state(name, properties)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Write a new version and set the tags."""
        name = str(request.physical_id)
        self._put(call, name, request.properties, Overwrite=True)
        wanted = self._tags(request)
        reference = {"ResourceType": "Parameter", "ResourceId": name}
        there = call.invoke("ssm", "ListTagsForResource", **reference)["TagList"]
        gone = [tag["Key"] for tag in there if tag["Key"] not in wanted]
        if gone:
            call.invoke("ssm", "RemoveTagsFromResource", **reference, TagKeys=gone)
        if wanted:
            call.invoke("ssm", "AddTagsToResource", **reference, Tags=tag_lists.to_list(wanted))
        return self._state(name, request.properties)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the parameter."""
        try:
            call.invoke("ssm", "DeleteParameter", Name=str(request.physical_id))
        except ApiError as error:
            if error.code != "ParameterNotFound":
                raise

    @staticmethod
    def _put(call: Call, name: str, properties: dict[str, Any], **more: Any) -> None:
        if properties["Type"] not in ("String", "StringList"):
            raise ApiError("ValidationError", "AWS::SSM::Parameter can have the Type String or StringList.", status=400)
        params = {key: str(properties[key]) for key in _PASSED if key in properties}
        call.invoke("ssm", "PutParameter", Name=name, **params, **more)

    @staticmethod
    def _state(name: str, properties: dict[str, Any]) -> ResourceState:
        return ResourceState(name, {"Type": properties["Type"], "Value": str(properties["Value"])})

    @staticmethod
    def _tags(request: ResourceRequest) -> dict[str, str]:
        """The template gives tags as a map here; the stack's own are added."""
        given = request.properties.get("Tags") or {}
        own = given if isinstance(given, dict) else tag_lists.to_dict(given)
        found = request.tags | {key: str(value) for key, value in own.items()}
        return {key: value for key, value in found.items() if not key.startswith("aws:")}
