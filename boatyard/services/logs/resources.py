"""The CloudFormation resource types of CloudWatch Logs."""

from __future__ import annotations

import contextlib

from boatyard.api import tags
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type

MAXIMUM_NAME = 512


@resource_type("AWS::Logs::LogGroup")
class LogGroupResource(ResourceType):
    """A log group (AWS: AWS::Logs::LogGroup)."""

    properties = {
        "LogGroupName": PropertyRule(str, immutable=True),
        "RetentionInDays": PropertyRule(int),
        "LogGroupClass": PropertyRule(str, immutable=True),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the group; taken up when the same create was cut off by a crash."""
        name = request.properties.get("LogGroupName") or request.name(MAXIMUM_NAME)
        params = {"logGroupName": name, "tags": self._tags(request)}
        if group_class := request.properties.get("LogGroupClass"):
            params["logGroupClass"] = group_class
        generated = "LogGroupName" not in request.properties
        try:
            call.invoke("logs", "CreateLogGroup", **{key: value for key, value in params.items() if value})
        except ApiError as error:
            if not (generated and error.code == "ResourceAlreadyExistsException"):
                raise
        self._retain(call, name, request.properties.get("RetentionInDays"))
        return self._state(call, name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change retention and tags."""
        name = str(request.physical_id)
        self._retain(call, name, request.properties.get("RetentionInDays"))
        arn = self._state(call, name).attributes["Arn"].removesuffix(":*")
        wanted = self._tags(request)
        there = call.invoke("logs", "ListTagsForResource", resourceArn=arn)["tags"]
        if gone := [key for key in there if key not in wanted]:
            call.invoke("logs", "UntagResource", resourceArn=arn, tagKeys=gone)
        if wanted:
            call.invoke("logs", "TagResource", resourceArn=arn, tags=wanted)
        return self._state(call, name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the group; not being there any more is success."""
        try:
            call.invoke("logs", "DeleteLogGroup", logGroupName=str(request.physical_id))
        except ApiError as error:
            if error.code != "ResourceNotFoundException":
                raise

    @staticmethod
    def _tags(request: ResourceRequest) -> dict[str, str]:
        return request.tags | tags.to_dict(request.properties.get("Tags"))

    @staticmethod
    def _retain(call: Call, name: str, days: int | str | None) -> None:
        if days is None:
            call.invoke("logs", "DeleteRetentionPolicy", logGroupName=name)
        else:
            call.invoke("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=int(days))

    @staticmethod
    def _state(call: Call, name: str) -> ResourceState:
        return ResourceState(name, {"Arn": f"arn:aws:logs:{call.region}:{call.account}:log-group:{name}:*"})


@resource_type("AWS::Logs::LogStream")
class LogStreamResource(ResourceType):
    """A log stream (AWS: AWS::Logs::LogStream)."""

    properties = {
        "LogGroupName": PropertyRule(str, required=True, immutable=True),
        "LogStreamName": PropertyRule(str, immutable=True),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the stream."""
        name = request.properties.get("LogStreamName") or request.name(MAXIMUM_NAME)
        group = request.properties["LogGroupName"]
        call.invoke("logs", "CreateLogStream", logGroupName=group, logStreamName=name)
        return ResourceState(name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the stream; not being there any more is success."""
        with contextlib.suppress(ApiError):
            call.invoke(
                "logs",
                "DeleteLogStream",
                logGroupName=request.properties["LogGroupName"],
                logStreamName=str(request.physical_id),
            )
