"""Publishing: a message is stored for every subscriber before the publisher is answered."""

from __future__ import annotations

import base64
import re
import uuid
from typing import Any

from boatyard.api import json_text
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.sns.delivery import Envelope, enqueue
from boatyard.services.sns.filters import accepts
from boatyard.services.sns.lookup import invalid, not_done, require_topic, subscriptions_of
from boatyard.services.sns.records import Notification, Subscription, Topic

_MAXIMUM = 256 * 1024
_BATCH = 10


def publish(call: Call, params: Params) -> dict[str, Any]:
    """Send a message to a topic's subscribers. (SNS API: Publish)"""
    if params.get("PhoneNumber"):
        raise not_done("PhoneNumber (SMS)")
    arn = params.get("TopicArn") or params.get("TargetArn")
    if not arn:
        raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
    with call.installation.database.reading() as rx:
        topic = require_topic(rx, call, arn)
    return {"MessageId": _publish(call, topic, params)}


def _publish(call: Call, topic: Topic, params: Params) -> str:
    for name in ("MessageDeduplicationId", "MessageGroupId"):
        if params.get(name):
            raise invalid(f"{name} Reason: The request includes a parameter that is not valid for this topic type")
    message, attributes = params["Message"], params.get("MessageAttributes", {})
    _check(params, message, attributes)
    variants = _variants(message) if params.get("MessageStructure") == "json" else {"default": message}
    published = Notification(
        message_id=str(uuid.uuid4()),
        message="",
        subject=params.get("Subject"),
        timestamp=now(),
        attributes=_kept(attributes),
    )
    with call.installation.database.reading() as rx:
        reached = [item for item in subscriptions_of(rx, topic.arn) if _reaches(item, message, attributes)]
    envelope = Envelope.of(call, topic, published, variants)
    with call.installation.database.transaction() as tx:
        require_topic(tx, call, topic.arn)
        for subscription in reached:
            enqueue(call.installation, tx, subscription, envelope)
    return published.message_id


def _reaches(subscription: Subscription, message: str, attributes: dict[str, Any]) -> bool:
    if subscription.pending:
        return False
    scope = subscription.attributes.get("FilterPolicyScope", "MessageAttributes")
    return accepts(subscription.attributes.get("FilterPolicy"), scope, message, attributes)


def _check(params: Params, message: str, attributes: dict[str, Any]) -> None:
    if not message:
        raise invalid("Empty message")
    size = len(message.encode()) + sum(
        len(name) + len(item["DataType"]) + len(item.get("StringValue", "")) + len(item.get("BinaryValue", b""))
        for name, item in attributes.items()
    )
    if size > _MAXIMUM:
        raise invalid("Message too long")
    subject = params.get("Subject")
    if subject is not None and not re.fullmatch(r"[\x21-\x7e][\x20-\x7e]{0,99}", subject):
        raise invalid("Subject")
    structure = params.get("MessageStructure")
    if structure not in (None, "json"):
        raise invalid(f"MessageStructure: {structure}")
    for name, item in attributes.items():
        kind = item["DataType"]
        if not re.fullmatch(r"(String|Number|Binary|String\.Array)(\..+)?", kind):
            raise ApiError(
                "ParameterValueInvalid",
                f"The message attribute '{name}' has an invalid message attribute type, the set of supported type"
                " prefixes is Binary, Number, and String.",
                status=400,
            )
        if kind.startswith("Number"):
            _check_number(name, item.get("StringValue", ""))


def _check_number(name: str, text: str) -> None:
    try:
        float(text)
    except ValueError as error:
        raise ApiError(
            "ParameterValueInvalid",
            f"Could not cast message attribute '{name}' value to number.",
            status=400,
        ) from error


def _variants(message: str) -> dict[str, str]:
    try:
        content = json_text.read(message)
    except ValueError as error:
        raise invalid("Message Structure - JSON message body failed to parse") from error
    if not isinstance(content, dict) or not isinstance(content.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")
    return {key: value for key, value in content.items() if isinstance(value, str)}


def _kept(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "Type": item["DataType"],
            "Value": item.get("StringValue") or base64.b64encode(item.get("BinaryValue", b"")).decode(),
        }
        for name, item in attributes.items()
    }


def publish_batch(call: Call, params: Params) -> dict[str, Any]:
    """Send up to ten messages to a topic. (SNS API: PublishBatch)"""
    entries = params["PublishBatchRequestEntries"]
    if not entries:
        raise ApiError("EmptyBatchRequest", "The batch request doesn't contain any entries.", status=400)
    if len(entries) > _BATCH:
        raise ApiError("TooManyEntriesInBatchRequest", f"A batch has at most {_BATCH} entries.", status=400)
    if len({entry["Id"] for entry in entries}) != len(entries):
        raise ApiError("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.", status=400)
    with call.installation.database.reading() as rx:
        topic = require_topic(rx, call, params["TopicArn"])
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            successful.append({"Id": entry["Id"], "MessageId": _publish(call, topic, entry)})
        except ApiError as error:
            failed.append({"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True})
    return {"Successful": successful, "Failed": failed}
