"""CloudFormation's AWS::SNS::Topic, Subscription and TopicPolicy."""

from __future__ import annotations

import json
from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type
from boatyard.services.sns.permissions import default_policy

_TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId", "DeliveryPolicy", "TracingConfig", "SignatureVersion")
_SUBSCRIPTION_ATTRIBUTES = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "DeliveryPolicy")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _ignore_missing(call: Call, operation: str, **params: Any) -> None:
    try:
        call.invoke("sns", operation, **params)
    except ApiError as error:
        if error.code != "NotFound":
            raise


@resource_type("AWS::SNS::Topic")
class TopicResource(ResourceType):
    """A topic, with subscriptions (CloudFormation: AWS::SNS::Topic)."""

    properties = {
        "DisplayName": PropertyRule(str),
        "DeliveryPolicy": PropertyRule(object),
        "FifoTopic": PropertyRule(bool, immutable=True),
        "KmsMasterKeyId": PropertyRule(str),
        "SignatureVersion": PropertyRule(str),
        "Subscription": PropertyRule(
            list, members={"Endpoint": PropertyRule(str, True), "Protocol": PropertyRule(str, True)}
        ),
        "Tags": PropertyRule(list),
        "TopicName": PropertyRule(str, immutable=True),
        "TracingConfig": PropertyRule(str),
    }
    attributes = frozenset({"TopicArn", "TopicName"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Make the topic and its subscriptions."""
        properties = request.properties
        name = properties.get("TopicName") or request.name(256)
        attributes = {key: _text(properties[key]) for key in _TOPIC_ATTRIBUTES if key in properties}
        if "FifoTopic" in properties:
            attributes["FifoTopic"] = _text(properties["FifoTopic"])
        tags = tag_lists.to_list(self._tags(request))
        arn = call.invoke("sns", "CreateTopic", Name=name, Attributes=attributes, Tags=tags or None)["TopicArn"]
        self._subscribe(call, arn, properties.get("Subscription", []), [])
        return ResourceState(arn, {"TopicArn": arn, "TopicName": name})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change attributes, tags and subscriptions."""
        arn, properties = str(request.physical_id), request.properties
        for key in _TOPIC_ATTRIBUTES:
            if key in properties or key in request.previous:
                value = _text(properties[key]) if key in properties else ""
                if key in ("TracingConfig", "SignatureVersion") and not value:
                    continue
                call.invoke("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=key, AttributeValue=value)
        wanted = self._tags(request)
        there = call.invoke("sns", "ListTagsForResource", ResourceArn=arn)["Tags"]
        gone = [tag["Key"] for tag in there if tag["Key"] not in wanted]
        if gone:
            call.invoke("sns", "UntagResource", ResourceArn=arn, TagKeys=gone)
        if wanted:
            call.invoke("sns", "TagResource", ResourceArn=arn, Tags=tag_lists.to_list(wanted))
        before = request.previous.get("Subscription", [])
        self._subscribe(call, arn, properties.get("Subscription", []), before)
        return ResourceState(arn, {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the topic with its subscriptions."""
        call.invoke("sns", "DeleteTopic", TopicArn=str(request.physical_id))

    @staticmethod
    def _subscribe(call: Call, arn: str, wanted: list[dict[str, str]], before: list[dict[str, str]]) -> None:
        for item in wanted:
            call.invoke("sns", "Subscribe", TopicArn=arn, Protocol=item["Protocol"], Endpoint=item["Endpoint"])
        gone = [(item["Protocol"], item["Endpoint"]) for item in before if item not in wanted]
        if not gone:
            return
        for item in call.invoke("sns", "ListSubscriptionsByTopic", TopicArn=arn)["Subscriptions"]:
            if (item["Protocol"], item["Endpoint"]) in gone and item["SubscriptionArn"].startswith("arn:"):
                call.invoke("sns", "Unsubscribe", SubscriptionArn=item["SubscriptionArn"])

    @staticmethod
    def _tags(request: ResourceRequest) -> dict[str, str]:
        found = request.tags | tag_lists.to_dict(request.properties.get("Tags"))
        return {key: value for key, value in found.items() if not key.startswith("aws:")}


@resource_type("AWS::SNS::Subscription")
class SubscriptionResource(ResourceType):
    """A subscription (CloudFormation: AWS::SNS::Subscription)."""

    properties = {
        "DeliveryPolicy": PropertyRule(object),
        "Endpoint": PropertyRule(str, required=True, immutable=True),
        "FilterPolicy": PropertyRule(object),
        "FilterPolicyScope": PropertyRule(str),
        "Protocol": PropertyRule(str, required=True, immutable=True),
        "RawMessageDelivery": PropertyRule(bool),
        "TopicArn": PropertyRule(str, required=True, immutable=True),
    }
    attributes = frozenset({"Arn"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Subscribe."""
        properties = request.properties
        attributes = {key: _text(properties[key]) for key in _SUBSCRIPTION_ATTRIBUTES if key in properties}
        arn = call.invoke(
            "sns",
            "Subscribe",
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
            Attributes=attributes or None,
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return ResourceState(arn, {"Arn": arn})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Change filter and delivery."""
        arn = str(request.physical_id)
        for key in _SUBSCRIPTION_ATTRIBUTES:
            if request.properties.get(key) != request.previous.get(key):
                value = _text(request.properties[key]) if key in request.properties else ""
                if not value and key == "FilterPolicyScope":
                    value = "MessageAttributes"
                call.invoke(
                    "sns",
                    "SetSubscriptionAttributes",
                    SubscriptionArn=arn,
                    AttributeName=key,
                    AttributeValue=value,
                )
        return ResourceState(arn, {"Arn": arn})

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Unsubscribe."""
        _ignore_missing(call, "Unsubscribe", SubscriptionArn=str(request.physical_id))


@resource_type("AWS::SNS::TopicPolicy")
class TopicPolicyResource(ResourceType):
    """The policy of some topics (CloudFormation: AWS::SNS::TopicPolicy)."""

    properties = {
        "PolicyDocument": PropertyRule(object, required=True),
        "Topics": PropertyRule(list, required=True),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Set the policy of every topic named."""
        for arn in request.properties["Topics"]:
            self._set(call, arn, _text(request.properties["PolicyDocument"]))
        return ResourceState(request.physical_id or request.name(128))

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Set the new policy; topics that are no longer named get the default one."""
        state = self.create(call, request)
        self._reset(call, [arn for arn in request.previous["Topics"] if arn not in request.properties["Topics"]])
        return state

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Give the topics their default policy again."""
        self._reset(call, request.properties["Topics"])

    @staticmethod
    def _set(call: Call, arn: str, policy: str) -> None:
        call.invoke("sns", "SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)

    @staticmethod
    def _reset(call: Call, arns: list[str]) -> None:
        for arn in arns:
            parts = arn.split(":")
            _ignore_missing(
                call,
                "SetTopicAttributes",
                TopicArn=arn,
                AttributeName="Policy",
                AttributeValue=default_policy(parts[4], parts[3], parts[5]),
            )
