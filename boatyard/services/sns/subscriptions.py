"""Subscriptions: made, confirmed, listed, changed and ended."""

from __future__ import annotations

import ipaddress
import secrets
import uuid
from typing import Any
from urllib.parse import urlsplit

import msgspec

from boatyard.api import json_text
from boatyard.api.call import Call, Params
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.sns import quotas
from boatyard.services.sns.delivery import ask_for_confirmation
from boatyard.services.sns.filters import check_filter
from boatyard.services.sns.lookup import (
    invalid,
    not_done,
    require_subscription,
    require_topic,
    subscriptions_of,
)
from boatyard.services.sns.records import SUBSCRIPTIONS, Subscription
from boatyard.state.database import Transaction

_ATTRIBUTES = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "DeliveryPolicy")
_PENDING = "pending confirmation"
_PAGE = 100


def _check_endpoint(protocol: str, endpoint: str) -> None:
    if protocol in ("http", "https"):
        parts = urlsplit(endpoint)
        if parts.scheme != protocol or not parts.hostname:
            raise invalid("Endpoint must match the specified protocol")
        if not is_this_machine(parts.hostname):
            raise not_done(f"the endpoint {parts.hostname}: only 127.0.0.1, ::1 and localhost are reached, and it")
    elif protocol == "lambda":
        if not endpoint.startswith("arn:aws:lambda:"):
            raise invalid("Lambda endpoint ARN")
    elif protocol in ("email", "email-json"):
        if "@" not in endpoint:
            raise invalid("Email address")
    elif protocol in ("sqs", "sms", "application", "firehose"):
        raise not_done(f"the protocol {protocol}")
    else:
        raise invalid(f"Does not support this protocol string: {protocol}")


def is_this_machine(host: str) -> bool:
    """Whether a host name or address is a loopback one; no name but localhost is looked up."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_attribute(name: str, value: str, protocol: str) -> None:
    if name not in _ATTRIBUTES:
        raise not_done(f"the subscription attribute {name}")
    if name == "RawMessageDelivery" and value.lower() == "true" and protocol == "lambda":
        raise invalid("Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.")
    if name == "FilterPolicyScope" and value not in ("MessageAttributes", "MessageBody"):
        raise invalid(
            "FilterPolicyScope: Invalid value [" + value + "]. Please use either MessageBody or MessageAttributes"
        )
    if name == "FilterPolicy" and value:
        check_filter(value)
    if name == "DeliveryPolicy" and value:
        try:
            json_text.read(value)
        except ValueError as error:
            raise invalid("DeliveryPolicy: failed to parse JSON") from error


def subscribe(call: Call, params: Params) -> dict[str, Any]:
    """Have a topic's messages sent somewhere; an address confirms first. (SNS API: Subscribe)"""
    protocol, endpoint = params["Protocol"], params.get("Endpoint", "")
    if not endpoint:
        raise invalid("Endpoint")
    _check_endpoint(protocol, endpoint)
    attributes = params.get("Attributes", {})
    for name, value in attributes.items():
        _check_attribute(name, value, protocol)
    with call.installation.database.transaction() as tx:
        topic = require_topic(tx, call, params["TopicArn"])
        for there in subscriptions_of(tx, topic.arn):
            if (there.protocol, there.endpoint) == (protocol, endpoint):
                if attributes and attributes != there.attributes:
                    raise invalid("Attributes Reason: Subscription already exists with different attributes")
                return _subscribed(there, params)
        made = Subscription(
            topic=topic.arn,
            id=str(uuid.uuid4()),
            account=topic.account,
            region=topic.region,
            owner=call.account,
            protocol=protocol,
            endpoint=endpoint,
            pending=protocol != "lambda",
            token=secrets.token_hex(64),
            created=now(),
            attributes=dict(attributes),
        )
        SUBSCRIPTIONS.insert(tx, made)
        quotas.SUBSCRIPTIONS.check_count(call.installation, tx, SUBSCRIPTIONS, {"topic": topic.arn}, more=0)
        if protocol in ("http", "https"):
            ask_for_confirmation(call.installation, tx, made)
    return _subscribed(made, params)


def _subscribed(subscription: Subscription, params: Params) -> dict[str, Any]:
    hidden = subscription.pending and not params.get("ReturnSubscriptionArn")
    return {"SubscriptionArn": _PENDING if hidden else subscription.arn}


def confirm_subscription(call: Call, params: Params) -> dict[str, Any]:
    """Confirm a subscription with the token that its endpoint was sent. (SNS API: ConfirmSubscription)"""
    with call.installation.database.transaction() as tx:
        require_topic(tx, call, params["TopicArn"])
        return {"SubscriptionArn": confirm(tx, params["TopicArn"], params["Token"]).arn}


def confirm(tx: Transaction, topic: str, token: str) -> Subscription:
    """The subscription of a token, confirmed; InvalidParameter for a token that is not one."""
    for subscription in subscriptions_of(tx, topic):
        if secrets.compare_digest(subscription.token.encode(), token.encode()):
            confirmed = msgspec.structs.replace(subscription, pending=False)
            SUBSCRIPTIONS.put(tx, confirmed)
            return confirmed
    raise invalid("Token")


def unsubscribe(call: Call, params: Params) -> None:
    """End a subscription. (SNS API: Unsubscribe)"""
    with call.installation.database.transaction() as tx:
        topic, _, subscription_id = params["SubscriptionArn"].rpartition(":")
        if topic.count(":") != 5:
            raise invalid("SubscriptionArn Reason: An ARN must have at least 6 elements")
        SUBSCRIPTIONS.delete(tx, topic, subscription_id)


def _view(subscription: Subscription) -> dict[str, Any]:
    return {
        "SubscriptionArn": "PendingConfirmation" if subscription.pending else subscription.arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic,
    }


def _listed(subscriptions: list[Subscription], params: Params) -> dict[str, Any]:
    chosen, token = page(subscriptions, params.get("NextToken"), _PAGE, lambda item: item.arn, "InvalidParameter")
    answer: dict[str, Any] = {"Subscriptions": [_view(item) for item in chosen]}
    return answer | ({"NextToken": token} if token else {})


def list_subscriptions(call: Call, params: Params) -> dict[str, Any]:
    """List subscriptions, a hundred at a time. (SNS API: ListSubscriptions)"""
    with call.installation.database.reading() as rx:
        found = SUBSCRIPTIONS.select(rx, {"account": call.account, "region": call.region})
    return _listed(found, params)


def list_subscriptions_by_topic(call: Call, params: Params) -> dict[str, Any]:
    """List a topic's subscriptions. (SNS API: ListSubscriptionsByTopic)"""
    with call.installation.database.reading() as rx:
        return _listed(subscriptions_of(rx, require_topic(rx, call, params["TopicArn"]).arn), params)


def get_subscription_attributes(call: Call, params: Params) -> dict[str, Any]:
    """Tell a subscription's attributes. (SNS API: GetSubscriptionAttributes)"""
    with call.installation.database.reading() as rx:
        item = require_subscription(rx, params["SubscriptionArn"])
    attributes = {
        "SubscriptionArn": item.arn,
        "TopicArn": item.topic,
        "Owner": item.owner,
        "Protocol": item.protocol,
        "Endpoint": item.endpoint,
        "PendingConfirmation": "true" if item.pending else "false",
        "ConfirmationWasAuthenticated": "false" if item.pending else "true",
        "RawMessageDelivery": "false",
    }
    return {"Attributes": attributes | item.attributes}


def set_subscription_attributes(call: Call, params: Params) -> None:
    """Set one of a subscription's attributes. (SNS API: SetSubscriptionAttributes)"""
    name, value = params["AttributeName"], params.get("AttributeValue", "")
    with call.installation.database.transaction() as tx:
        item = require_subscription(tx, params["SubscriptionArn"])
        _check_attribute(name, value, item.protocol)
        kept = {key: text for key, text in item.attributes.items() if key != name}
        attributes = kept | ({name: value} if value else {})
        SUBSCRIPTIONS.put(tx, msgspec.structs.replace(item, attributes=attributes))
