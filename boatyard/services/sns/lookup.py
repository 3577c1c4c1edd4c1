"""Finding topics and subscriptions, and SNS's errors."""

from __future__ import annotations

import re

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.sns.records import SUBSCRIPTIONS, TOPICS, Subscription, Topic
from boatyard.state.database import Reader

_ARN = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):(\d{12}):([a-zA-Z0-9_-]{1,256})")


def invalid(reason: str) -> ApiError:
    """InvalidParameter."""
    return ApiError("InvalidParameter", f"Invalid parameter: {reason}", status=400)


def not_done(what: str) -> ApiError:
    """InvalidParameter for what boatyard does not do."""
    return invalid(f"boatyard does not support {what} in SNS")


def place(arn: str) -> tuple[str, str, str]:
    """The account, region and name in a topic's ARN; InvalidParameter where it is none."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise invalid("TopicArn")
    return match.group(2), match.group(1), match.group(3)


def require_topic(rx: Reader, call: Call, arn: str) -> Topic:
    """A topic by its ARN; NotFound where there is none."""
    found = TOPICS.get(rx, *place(arn))
    if found is None or found.region != call.region:
        raise ApiError("NotFound", "Topic does not exist", status=404)
    return found


def require_subscription(rx: Reader, arn: str) -> Subscription:
    """A subscription by its ARN; NotFound where there is none."""
    topic, _, subscription_id = arn.rpartition(":")
    if not _ARN.fullmatch(topic):
        raise invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not 1")
    found = SUBSCRIPTIONS.get(rx, topic, subscription_id)
    if found is None:
        raise ApiError("NotFound", "Subscription does not exist", status=404)
    return found


def subscriptions_of(rx: Reader, topic: str) -> list[Subscription]:
    """A topic's subscriptions."""
    return SUBSCRIPTIONS.select(rx, {"topic": topic})
