"""Delivery: each message to each subscriber is a durable workflow that tries until it has arrived or is given up."""

from __future__ import annotations

import json
import logging
import secrets
import ssl
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.sns.records import (
    DELIVERIES,
    SUBSCRIPTIONS,
    TOPICS,
    Delivery,
    Notification,
    Subscription,
    Topic,
)
from boatyard.state.database import Transaction
from boatyard.workflows import Work, workflow

log = logging.getLogger(__name__)

SERVICE = "sns.amazonaws.com"
_NONCE = 12
_ANSWER_WITHIN = 15.0
_RETRIES = 3
_DELAY = 20.0
_FUNCTION_RETRIES = 5


@dataclass(frozen=True)
class Envelope:
    """A published message, ready to be stored for each subscriber; encrypted where the topic has a key."""

    notification: Notification
    variants: dict[str, str]
    plain_key: bytes | None
    data_key: bytes | None

    @classmethod
    def of(cls, call: Call, topic: Topic, notification: Notification, variants: dict[str, str]) -> Envelope:
        """With a data key of the topic's KMS key, which the publisher must be allowed to make."""
        key_id = topic.attributes.get("KmsMasterKeyId")
        if not key_id:
            return cls(notification, variants, None, None)
        context = {"aws:sns:topicArn": topic.arn}
        try:
            made = call.invoke("kms", "GenerateDataKey", KeyId=key_id, KeySpec="AES_256", EncryptionContext=context)
        except ApiError as error:
            codes = {
                "NotFoundException": "KMSNotFound",
                "DisabledException": "KMSDisabled",
                "KMSInvalidStateException": "KMSInvalidState",
                "AccessDeniedException": "KMSAccessDenied",
            }
            raise ApiError(codes.get(error.code, error.code), error.message, status=400) from error
        return cls(notification, variants, made["Plaintext"], made["CiphertextBlob"])

    def content_for(self, subscription: Subscription) -> bytes:
        """The notification with the variant of the message that the subscriber's protocol gets."""
        message = self.variants.get(subscription.protocol, self.variants["default"])
        content = msgspec.json.encode(msgspec.structs.replace(self.notification, message=message))
        if self.plain_key is None:
            return content
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self.plain_key).encrypt(nonce, content, subscription.topic.encode())


def enqueue(installation: Installation, tx: Transaction, subscription: Subscription, envelope: Envelope) -> None:
    """Stores a message for a subscriber and starts its delivery."""
    _start(
        installation,
        tx,
        Delivery(
            id=str(uuid.uuid4()),
            topic=subscription.topic,
            subscription=subscription.id,
            content=envelope.content_for(subscription),
            data_key=envelope.data_key,
            created=now(),
        ),
    )


def ask_for_confirmation(installation: Installation, tx: Transaction, subscription: Subscription) -> None:
    """Sends an endpoint the token with which it confirms its subscription."""
    text = (
        f"You have chosen to subscribe to the topic {subscription.topic}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    notification = Notification(message_id=str(uuid.uuid4()), message=text, timestamp=now())
    _start(
        installation,
        tx,
        Delivery(
            id=str(uuid.uuid4()),
            topic=subscription.topic,
            subscription=subscription.id,
            content=msgspec.json.encode(notification),
            created=now(),
            confirmation=True,
        ),
    )


def _start(installation: Installation, tx: Transaction, delivery: Delivery) -> None:
    DELIVERIES.insert(tx, delivery)
    installation.workflows.start(tx, "sns.delivery", id=f"sns-delivery-{delivery.id}", args=[delivery.id])


def _give_up(installation: Installation, args: list[Any], error: BaseException) -> None:
    log.error("A message of SNS could not be delivered: %s", error)
    _remove(installation, str(args[0]))


@workflow("sns.delivery", on_failure=_give_up)
def deliver(work: Work, delivery_id: str) -> None:
    """Try to hand a message over; try again after a while, as the delivery policy says, then give it up."""
    installation = work.installation
    with installation.database.reading() as rx:
        delivery = DELIVERIES.get(rx, delivery_id)
        subscription = SUBSCRIPTIONS.get(rx, delivery.topic, delivery.subscription) if delivery else None
    if delivery is None:
        return
    attempt = 0
    while subscription is not None:
        problem = work.step("try", _try, installation, delivery, subscription)
        if problem is None:
            break
        retries, delay = _patience(installation, subscription)
        attempt += 1
        if attempt > retries:
            log.warning("SNS gave up a message to %s: %s", subscription.endpoint, problem)
            break
        seconds = work.step("delay", _delay_until, delay)
        work.sleep_until(datetime.fromtimestamp(seconds, UTC))
        with installation.database.reading() as rx:
            subscription = SUBSCRIPTIONS.get(rx, delivery.topic, delivery.subscription)
    _remove(installation, delivery_id)


def _delay_until(seconds: float) -> float:
    return (now() + timedelta(seconds=seconds)).timestamp()


def _remove(installation: Installation, delivery_id: str) -> None:
    with installation.database.transaction() as tx:
        DELIVERIES.delete(tx, delivery_id)


def _patience(installation: Installation, subscription: Subscription) -> tuple[int, float]:
    """How often to try again, and after how many seconds: the subscription's policy, the topic's, the default."""
    if subscription.protocol == "lambda":
        return _FUNCTION_RETRIES, 1.0
    account, region, name = subscription.account, subscription.region, subscription.topic.rpartition(":")[2]
    with installation.database.reading() as rx:
        topic = TOPICS.get(rx, account, region, name)
    own = json.loads(subscription.attributes.get("DeliveryPolicy") or "{}")
    shared = json.loads((topic.attributes.get("DeliveryPolicy") if topic else None) or "{}")
    policy = own.get("healthyRetryPolicy") or shared.get("http", {}).get("defaultHealthyRetryPolicy") or {}
    return int(policy.get("numRetries", _RETRIES)), float(policy.get("minDelayTarget", _DELAY))


def _try(installation: Installation, delivery: Delivery, subscription: Subscription) -> str | None:
    """One attempt: None when the message has arrived, else what went wrong."""
    call = installation.service_call(SERVICE, subscription.account, subscription.region)
    call = replace(call, source_arn=subscription.topic)
    try:
        notification = _open(call, delivery)
        if subscription.protocol == "lambda":
            return _invoke(call, subscription, notification)
        return _post(installation, subscription, notification, delivery.confirmation)
    except ApiError as error:
        return f"{error.code}: {error.message}"


def _open(call: Call, delivery: Delivery) -> Notification:
    content = delivery.content
    if delivery.data_key is not None:
        context = {"aws:sns:topicArn": delivery.topic}
        opened = call.invoke("kms", "Decrypt", CiphertextBlob=delivery.data_key, EncryptionContext=context)
        content = AESGCM(opened["Plaintext"]).decrypt(content[:_NONCE], content[_NONCE:], delivery.topic.encode())
    return msgspec.json.decode(content, type=Notification)


def _timestamp(notification: Notification) -> str:
    return notification.timestamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{notification.timestamp.microsecond // 1000:03d}Z"


def _link(installation: Installation, subscription: Subscription, action: str) -> str:
    query = urlencode({"TopicArn": subscription.topic, "Token": subscription.token})
    return f"{installation.gateway_url}/_boatyard/sns/{action}?{query}"


def _invoke(call: Call, subscription: Subscription, notification: Notification) -> str | None:
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {
            "Type": "Notification",
            "MessageId": notification.message_id,
            "TopicArn": subscription.topic,
            "Subject": notification.subject,
            "Message": notification.message,
            "Timestamp": _timestamp(notification),
            "UnsubscribeUrl": _link(call.installation, subscription, "unsubscribe"),
            "MessageAttributes": notification.attributes,
        },
    }
    payload = json.dumps({"Records": [record]}).encode()
    call.invoke("lambda", "Invoke", FunctionName=subscription.endpoint, InvocationType="Event", Payload=payload)
    return None


def _post(
    installation: Installation, subscription: Subscription, notification: Notification, confirmation: bool
) -> str | None:
    kind = "SubscriptionConfirmation" if confirmation else "Notification"
    raw = not confirmation and subscription.attributes.get("RawMessageDelivery", "").lower() == "true"
    body: dict[str, Any] = {
        "Type": kind,
        "MessageId": notification.message_id,
        "TopicArn": subscription.topic,
        "Message": notification.message,
        "Timestamp": _timestamp(notification),
    }
    if confirmation:
        body["Token"] = subscription.token
        body["SubscribeURL"] = _link(installation, subscription, "confirm")
    else:
        body |= {"Subject": notification.subject} if notification.subject else {}
        body |= {"MessageAttributes": notification.attributes} if notification.attributes else {}
        body["UnsubscribeURL"] = _link(installation, subscription, "unsubscribe")
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": notification.message_id,
        "x-amz-sns-topic-arn": subscription.topic,
    }
    if not confirmation:
        headers["x-amz-sns-subscription-arn"] = subscription.arn
    if raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    content = notification.message if raw else json.dumps(body, indent=2)
    return _send(urllib.request.Request(subscription.endpoint, content.encode(), headers, method="POST"))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An endpoint may not send the message on to another machine."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Never."""
        return


def _send(request: urllib.request.Request) -> str | None:
    """Posts to this machine, past any proxy and after no redirect; None on an answer of 2xx."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _NoRedirect(),
    )
    try:
        with opener.open(request, timeout=_ANSWER_WITHIN) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        return f"the endpoint answered {error.code}"
    except OSError as error:
        return str(error)
    return None
