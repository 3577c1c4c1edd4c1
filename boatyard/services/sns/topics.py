"""SNS topics and their attributes."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from boatyard.api import json_text
from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.paging import page_of
from boatyard.api.timestamps import now
from boatyard.services.sns import quotas
from boatyard.services.sns.lookup import invalid, not_done, place, require_topic, subscriptions_of
from boatyard.services.sns.permissions import check_policy, default_policy
from boatyard.services.sns.records import SUBSCRIPTIONS, TOPICS, Topic

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SETTABLE = ("DisplayName", "Policy", "DeliveryPolicy", "KmsMasterKeyId", "TracingConfig", "SignatureVersion")
_PAGE = 100


def _check_attribute(name: str, value: str) -> None:
    if name in ("FifoTopic", "ContentBasedDeduplication"):
        if value.lower() == "true":
            raise not_done("FIFO topics")
        return
    if name not in _SETTABLE:
        raise not_done(f"the topic attribute {name}")
    if name == "TracingConfig" and value != "PassThrough":
        raise not_done("active tracing")
    if name == "DisplayName" and len(value) > 100:
        raise invalid("DisplayName Reason: must be at most 100 characters long")
    if name == "Policy":
        check_policy(value)
    if name == "DeliveryPolicy" and value:
        _check_json(name, value)


def _check_json(name: str, value: str) -> None:
    try:
        json_text.read(value)
    except ValueError as error:
        raise invalid(f"{name}: failed to parse JSON") from error


def create_topic(call: Call, params: Params) -> dict[str, Any]:
    """Make a topic, or answer the one of that name with the same attributes. (SNS API: CreateTopic)"""
    name = params["Name"]
    if name.endswith(".fifo"):
        raise not_done("FIFO topics")
    if not _NAME.fullmatch(name):
        raise invalid("Topic Name")
    if params.get("DataProtectionPolicy"):
        raise not_done("data protection policies")
    given = params.get("Attributes", {})
    for key, value in given.items():
        _check_attribute(key, value)
    attributes = {key: value for key, value in given.items() if key in _SETTABLE and key != "Policy"}
    tags = tag_lists.to_dict(params.get("Tags"))
    tag_lists.check(tags, "InvalidParameter")
    topic = Topic(
        account=call.account,
        region=call.region,
        name=name,
        created=now(),
        policy=given.get("Policy") or default_policy(call.account, call.region, name),
        attributes=attributes,
        tags=tags,
    )
    with call.installation.database.transaction() as tx:
        there = TOPICS.get(tx, call.account, call.region, name)
        if there is None:
            TOPICS.insert(tx, topic)
            quotas.TOPICS.check_new(call, tx, TOPICS)
        elif any(there.attributes.get(key) != value for key, value in attributes.items()):
            raise invalid("Attributes Reason: Topic already exists with different attributes")
        elif tags and tags != there.tags:
            raise invalid("Tags Reason: Topic already exists with different tags")
    return {"TopicArn": topic.arn}


def delete_topic(call: Call, params: Params) -> None:
    """Delete a topic with its subscriptions; not being there is success. (SNS API: DeleteTopic)"""
    account, region, name = place(params["TopicArn"])
    with call.installation.database.transaction() as tx:
        TOPICS.delete(tx, account, region, name)
        for subscription in subscriptions_of(tx, params["TopicArn"]):
            SUBSCRIPTIONS.delete(tx, subscription.topic, subscription.id)


def list_topics(call: Call, params: Params) -> dict[str, Any]:
    """List topics, a hundred at a time. (SNS API: ListTopics)"""
    with call.installation.database.reading() as rx:
        where = {"account": call.account, "region": call.region}
        chosen, token = page_of(rx, TOPICS, where, params.get("NextToken"), _PAGE, code="InvalidParameter")
    answer: dict[str, Any] = {"Topics": [{"TopicArn": topic.arn} for topic in chosen]}
    return answer | ({"NextToken": token} if token else {})


_EFFECTIVE = {
    "http": {
        "defaultHealthyRetryPolicy": {
            "minDelayTarget": 20,
            "maxDelayTarget": 20,
            "numRetries": 3,
            "numMaxDelayRetries": 0,
            "numNoDelayRetries": 0,
            "numMinDelayRetries": 0,
            "backoffFunction": "linear",
        },
        "disableSubscriptionOverrides": False,
    }
}


def get_topic_attributes(call: Call, params: Params) -> dict[str, Any]:
    """Tell a topic's attributes. (SNS API: GetTopicAttributes)"""
    with call.installation.database.reading() as rx:
        topic = require_topic(rx, call, params["TopicArn"])
        subscriptions = subscriptions_of(rx, topic.arn)
    attributes = {
        "TopicArn": topic.arn,
        "Owner": topic.account,
        "Policy": topic.policy,
        "DisplayName": "",
        "SubscriptionsPending": str(sum(item.pending for item in subscriptions)),
        "SubscriptionsConfirmed": str(sum(not item.pending for item in subscriptions)),
        "SubscriptionsDeleted": "0",
        "EffectiveDeliveryPolicy": topic.attributes.get("DeliveryPolicy") or json.dumps(_EFFECTIVE),
    }
    return {"Attributes": attributes | topic.attributes}


def set_topic_attributes(call: Call, params: Params) -> None:
    """Set one of a topic's attributes. (SNS API: SetTopicAttributes)"""
    name, value = params["AttributeName"], params.get("AttributeValue", "")
    _check_attribute(name, value)
    with call.installation.database.transaction() as tx:
        topic = require_topic(tx, call, params["TopicArn"])
        if name == "Policy":
            TOPICS.put(tx, msgspec.structs.replace(topic, policy=value))
            return
        attributes = {key: text for key, text in topic.attributes.items() if key != name}
        TOPICS.put(tx, msgspec.structs.replace(topic, attributes=attributes | ({name: value} if value else {})))
