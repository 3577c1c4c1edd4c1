"""SNS with a real client and an endpoint that confirms by following the link it was sent."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.server import unique
from tests.unit.services.sns.conftest import Endpoint
from tests.unit.services.sns.conftest import endpoint as endpoint


def test_a_message_reaches_an_endpoint(client: Callable[..., Any], endpoint: Endpoint) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    with urllib.request.urlopen(endpoint.next_json()["SubscribeURL"], timeout=60) as answer:
        assert answer.status == 200
    sns.publish(TopicArn=topic, Message="grün", Subject="s")
    told = endpoint.next_json()
    assert (told["Message"], told["Subject"]) == ("grün", "s")
    with urllib.request.urlopen(told["UnsubscribeURL"], timeout=60) as answer:
        assert answer.status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=topic + "x", Message="m")
    sns.delete_topic(TopicArn=topic)
