"""The CloudFormation resource type of CodePipeline: AWS::CodePipeline::Pipeline."""

from __future__ import annotations

import json
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import (
    PropertyRule,
    ResourceRequest,
    ResourceState,
    ResourceType,
    resource_type,
)

_TEXT = PropertyRule(str)
_NAMED = PropertyRule(list, members={"Name": PropertyRule(str, required=True)})
_STORE = PropertyRule(
    dict,
    members={
        "Type": PropertyRule(str, required=True),
        "Location": PropertyRule(str, required=True),
        "EncryptionKey": PropertyRule(dict, members={"Id": _TEXT, "Type": _TEXT}),
    },
)
_ACTION = {
    "Name": PropertyRule(str, required=True),
    "ActionTypeId": PropertyRule(
        dict, required=True, members=dict.fromkeys(("Category", "Owner", "Provider", "Version"), _TEXT)
    ),
    "Configuration": PropertyRule(dict),
    "InputArtifacts": _NAMED,
    "OutputArtifacts": _NAMED,
    "Namespace": _TEXT,
    "Region": _TEXT,
    "RoleArn": _TEXT,
    "RunOrder": PropertyRule(int),
    "TimeoutInMinutes": PropertyRule(int),
}
_STAGE = {
    "Name": PropertyRule(str, required=True),
    "Actions": PropertyRule(list, required=True, members=_ACTION),
}


@resource_type("AWS::CodePipeline::Pipeline")
class PipelineResource(ResourceType):
    """A pipeline. Ref is its name, GetAtt Version the number of its newest version."""

    properties = {
        "Name": PropertyRule(str, immutable=True),
        "RoleArn": PropertyRule(str, required=True),
        "ArtifactStore": _STORE,
        "Stages": PropertyRule(list, required=True, members=_STAGE),
        "DisableInboundStageTransitions": PropertyRule(list, members={"StageName": _TEXT, "Reason": _TEXT}),
        "RestartExecutionOnUpdate": PropertyRule(bool),
        "PipelineType": _TEXT,
        "ExecutionMode": _TEXT,
        "Variables": PropertyRule(list, members={"Name": _TEXT, "DefaultValue": _TEXT, "Description": _TEXT}),
        "Tags": PropertyRule(list, members={"Key": _TEXT, "Value": _TEXT}),
    }
    attributes = frozenset({"Version"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the pipeline, which starts its first execution, and shut the doors that are to be shut."""
        name = str(request.properties.get("Name") or request.name(100))
        pipeline = call.client("codepipeline")
        try:
            pipeline.create_pipeline(pipeline=declaration(name, request.properties), tags=_tags(request))
        except ApiError as error:
            if error.code != "PipelineNameInUseException" or not request.resumed:
                raise
        _turn_doors(call, name, {}, request.properties)
        return _state(call, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Update the declaration, doors and tags; start an execution only if RestartExecutionOnUpdate says so."""
        name = str(request.physical_id)
        pipeline = call.client("codepipeline")
        pipeline.update_pipeline(pipeline=declaration(name, request.properties))
        _turn_doors(call, name, request.previous, request.properties)
        _retag(call, name, request)
        if str(request.properties.get("RestartExecutionOnUpdate", False)).lower() == "true":
            pipeline.start_pipeline_execution(name=name, clientRequestToken=request.token)
        return _state(call, name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the pipeline; one that is not there is deleted."""
        call.client("codepipeline").delete_pipeline(name=str(request.physical_id))


def declaration(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A template's properties as the pipeline declaration of the API."""
    wanted: dict[str, Any] = {
        "name": name,
        "roleArn": properties["RoleArn"],
        "stages": [
            {"name": stage["Name"], "actions": [_action(action) for action in stage["Actions"]]}
            for stage in properties["Stages"]
        ],
    }
    if "ArtifactStore" in properties:
        store = properties["ArtifactStore"]
        wanted["artifactStore"] = {"type": store["Type"], "location": store["Location"]}
        if "EncryptionKey" in store:
            wanted["artifactStore"]["encryptionKey"] = _lowered(store["EncryptionKey"])
    for member in ("PipelineType", "ExecutionMode"):
        if member in properties:
            wanted[_lower(member)] = properties[member]
    if "Variables" in properties:
        wanted["variables"] = [_lowered(item) for item in properties["Variables"]]
    return wanted


def _action(given: dict[str, Any]) -> dict[str, Any]:
    action: dict[str, Any] = {
        "name": given["Name"],
        "actionTypeId": {_lower(key): _text(value) for key, value in given["ActionTypeId"].items()},
        "configuration": {key: _text(value) for key, value in given.get("Configuration", {}).items()},
        "inputArtifacts": [{"name": item["Name"]} for item in given.get("InputArtifacts", [])],
        "outputArtifacts": [{"name": item["Name"]} for item in given.get("OutputArtifacts", [])],
    }
    for member in ("Namespace", "Region", "RoleArn"):
        if member in given:
            action[_lower(member)] = given[member]
    for member in ("RunOrder", "TimeoutInMinutes"):
        if member in given:
            action[_lower(member)] = int(given[member])
    return action


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _lowered(members: dict[str, Any]) -> dict[str, Any]:
    return {_lower(key): value for key, value in members.items()}


def _text(value: Any) -> str:
    """A configuration value as text: templates write true and 1 where the API wants "true" and "1"."""
    return value if isinstance(value, str) else json.dumps(value)


def _tags(request: ResourceRequest) -> list[dict[str, str]]:
    tags = {**request.tags, **{item["Key"]: item["Value"] for item in request.properties.get("Tags", [])}}
    return [{"key": key, "value": value} for key, value in tags.items() if not key.startswith("aws:")]


def _retag(call: Call, name: str, request: ResourceRequest) -> None:
    arn = f"arn:aws:codepipeline:{call.region}:{call.account}:{name}"
    client = call.client("codepipeline")
    wanted = _tags(request)
    present = client.list_tags_for_resource(resourceArn=arn)["tags"]
    gone = sorted({item["key"] for item in present} - {item["key"] for item in wanted})
    if gone:
        client.untag_resource(resourceArn=arn, tagKeys=gone)
    if wanted:
        client.tag_resource(resourceArn=arn, tags=wanted)


def _turn_doors(call: Call, name: str, previous: dict[str, Any], properties: dict[str, Any]) -> None:
    before = {item["StageName"] for item in previous.get("DisableInboundStageTransitions", [])}
    shut = {item["StageName"]: item["Reason"] for item in properties.get("DisableInboundStageTransitions", [])}
    client = call.client("codepipeline")
    stages = {stage["Name"] for stage in properties["Stages"]}
    for stage in sorted((before - set(shut)) & stages):
        client.enable_stage_transition(pipelineName=name, stageName=stage, transitionType="Inbound")
    for stage, reason in shut.items():
        client.disable_stage_transition(pipelineName=name, stageName=stage, transitionType="Inbound", reason=reason)


def _state(call: Call, name: str) -> ResourceState:
    version = call.client("codepipeline").get_pipeline(name=name)["pipeline"]["version"]
    return ResourceState(name, {"Version": str(version)})
