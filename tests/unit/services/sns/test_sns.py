"""SNS: topics, subscriptions that confirm, messages that arrive, filters, and the CloudFormation types."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.resource_types import ResourceRequest, all_types
from boatyard.services.sns.filters import accepts
from boatyard.services.sns.records import DELIVERIES
from tests.unit.services.sns.conftest import Endpoint

TOPIC = "arn:aws:sns:us-east-1:000000000000:news"


def code_of(call: Call, operation: str, **params: Any) -> str:
    with pytest.raises(ApiError) as error:
        call.invoke("sns", operation, **params)
    return error.value.code


def settled(installation: Installation) -> bool:
    """Whether every message has arrived or was given up; waits for it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with installation.database.reading() as rx:
            if not DELIVERIES.count(rx):
                return True
        time.sleep(0.05)
    return False


def confirmed(call: Call, endpoint: Endpoint, **attributes: str) -> str:
    """A subscription of the endpoint that has confirmed."""
    sns = call.client("sns")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url, Attributes=attributes)
    asked = endpoint.next_json()
    assert asked["Type"] == "SubscriptionConfirmation"
    assert asked["Token"] in asked["SubscribeURL"]
    arn: str = sns.confirm_subscription(TopicArn=TOPIC, Token=asked["Token"])["SubscriptionArn"]
    return arn


def test_a_message_reaches_an_endpoint_that_has_confirmed(
    started: Installation, call: Call, endpoint: Endpoint
) -> None:
    sns = call.client("sns")
    assert sns.create_topic(Name="news")["TopicArn"] == TOPIC
    subscribed = sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=endpoint.url)
    assert subscribed["SubscriptionArn"] == "pending confirmation"
    token = endpoint.next_json()["Token"]
    sns.publish(TopicArn=TOPIC, Message="nobody is told")
    arn = sns.confirm_subscription(TopicArn=TOPIC, Token=token)["SubscriptionArn"]
    published = sns.publish(
        TopicArn=TOPIC,
        Message="hello",
        Subject="greeting",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}},
    )
    headers, text = endpoint.next()
    body = json.loads(text)
    assert (body["Message"], body["Subject"], body["MessageId"]) == ("hello", "greeting", published["MessageId"])
    assert body["MessageAttributes"] == {"kind": {"Type": "String", "Value": "x"}}
    assert headers["x-amz-sns-subscription-arn"] == arn
    assert settled(started)
    counts = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    assert (counts["SubscriptionsConfirmed"], counts["SubscriptionsPending"]) == ("1", "0")
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"] == []


def test_a_refused_message_is_tried_again_and_then_given_up(
    started: Installation, call: Call, endpoint: Endpoint
) -> None:
    sns = call.client("sns")
    sns.create_topic(Name="news")
    policy = json.dumps({"healthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 0}})
    confirmed(call, endpoint, DeliveryPolicy=policy, RawMessageDelivery="true")
    endpoint.answers = [500, 200, 500, 500]
    sns.publish(TopicArn=TOPIC, Message="first")
    assert [endpoint.next()[1], endpoint.next()[1]] == ["first", "first"]
    assert settled(started)
    sns.publish(TopicArn=TOPIC, Message="second")
    assert [endpoint.next()[1], endpoint.next()[1]] == ["second", "second"]
    assert settled(started)
    assert endpoint.received.empty()


def test_messages_of_a_topic_with_a_key_are_encrypted_until_they_arrive(
    started: Installation, call: Call, endpoint: Endpoint
) -> None:
    sns = call.client("sns")
    sns.create_topic(Name="news", Attributes={"KmsMasterKeyId": "alias/aws/sns"})
    confirmed(call, endpoint)
    assert settled(started)
    sns.publish(TopicArn=TOPIC, Message=json.dumps({"default": "d", "http": "secret"}), MessageStructure="json")
    assert endpoint.next_json()["Message"] == "secret"
    assert call.invoke("kms", "DescribeKey", KeyId="alias/aws/sns")["KeyMetadata"]["Enabled"]


def test_only_what_a_filter_accepts_arrives(started: Installation, call: Call, endpoint: Endpoint) -> None:
    sns = call.client("sns")
    sns.create_topic(Name="news")
    confirmed(call, endpoint, FilterPolicy=json.dumps({"kind": ["good"]}))
    for kind in ("bad", "good"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=TOPIC, Message=kind, MessageAttributes=attributes)
    assert endpoint.next_json()["Message"] == "good"
    assert settled(started)
    assert endpoint.received.empty()


@pytest.mark.parametrize(
    ("policy", "accepted"),
    [
        ({"a": ["x", "y"]}, True),
        ({"a": ["y"]}, False),
        ({"a": [{"prefix": "x"}], "n": [{"numeric": [">", 1, "<=", 5]}]}, True),
        ({"n": [{"numeric": [">", 5]}]}, False),
        ({"a": [{"anything-but": ["x"]}]}, False),
        ({"a": [{"anything-but": {"prefix": "z"}}]}, True),
        ({"a": [{"equals-ignore-case": "X"}]}, True),
        ({"none": [{"exists": False}]}, True),
        ({"none": ["x"]}, False),
        ({"deep": {"list": [3]}}, True),
        ({"deep": {"list": [{"suffix": "x"}]}}, False),
        ({"flag": [True]}, True),
    ],
)
def test_filters_on_bodies(policy: dict[str, Any], accepted: bool) -> None:
    message = json.dumps({"a": "x", "n": 5, "deep": {"list": [1, 3]}, "flag": True})
    assert accepts(json.dumps(policy), "MessageBody", message, {}) is accepted


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("CreateTopic", {"Name": "a b"}, "InvalidParameter"),
        ("CreateTopic", {"Name": "a.fifo"}, "InvalidParameter"),
        ("CreateTopic", {"Name": "news", "Attributes": {"DisplayName": "other"}}, "InvalidParameter"),
        ("Subscribe", {"Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:1:q"}, "InvalidParameter"),
        ("Subscribe", {"Protocol": "http", "Endpoint": "http://example.com/"}, "InvalidParameter"),
        ("Subscribe", {"Protocol": "https", "Endpoint": "http://localhost/"}, "InvalidParameter"),
        ("Subscribe", {"Protocol": "carrier-pigeon", "Endpoint": "x"}, "InvalidParameter"),
        ("Publish", {"Message": ""}, "InvalidParameter"),
        ("Publish", {"Message": "x" * 262145}, "InvalidParameter"),
        ("Publish", {"Message": "{}", "MessageStructure": "json"}, "InvalidParameter"),
        ("Publish", {"Message": "x", "Subject": "two\nlines"}, "InvalidParameter"),
        ("Publish", {"Message": "x", "TopicArn": TOPIC + "2"}, "NotFound"),
        ("ConfirmSubscription", {"Token": "guess"}, "InvalidParameter"),
        ("SetTopicAttributes", {"AttributeName": "Policy", "AttributeValue": "{"}, "InvalidParameter"),
    ],
)
def test_what_is_refused(call: Call, operation: str, params: dict[str, Any], code: str) -> None:
    call.invoke("sns", "CreateTopic", Name="news")
    topic = {} if operation == "CreateTopic" else {"TopicArn": TOPIC}
    assert code_of(call, operation, **{**topic, **params}) == code


def test_mail_stays_pending(call: Call) -> None:
    sns = call.client("sns")
    sns.create_topic(Name="news")
    sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="a@example.com")
    (listed,) = sns.list_subscriptions()["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"


def test_permissions_batches_and_tags(call: Call) -> None:
    sns = call.client("sns")
    sns.create_topic(Name="news", Tags=[{"Key": "a", "Value": "1"}])
    sns.add_permission(TopicArn=TOPIC, Label="more", AWSAccountId=["111111111111"], ActionName=["Publish"])
    policy = json.loads(sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])
    assert policy["Statement"][1]["Action"] == ["SNS:Publish"]
    sns.remove_permission(TopicArn=TOPIC, Label="more")
    entries = [{"Id": "1", "Message": "x"}, {"Id": "2", "Message": ""}]
    answer = sns.publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries)
    assert [item["Id"] for item in answer["Successful"]] == ["1"]
    assert [item["Id"] for item in answer["Failed"]] == ["2"]
    sns.tag_resource(ResourceArn=TOPIC, Tags=[{"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=TOPIC, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=TOPIC)["Tags"] == [{"Key": "b", "Value": "2"}]
    sns.delete_topic(TopicArn=TOPIC)
    assert sns.list_topics()["Topics"] == []


def test_the_cloudformation_types(call: Call) -> None:
    types = all_types()

    def request(properties: dict[str, Any], previous: dict[str, Any], physical_id: str | None) -> ResourceRequest:
        return ResourceRequest("T", "stack", "id", properties, "token", physical_id, previous, {"stack": "s"})

    mail = {"Protocol": "email", "Endpoint": "a@example.com"}
    first = {"DisplayName": "news", "Subscription": [mail]}
    topic = types["AWS::SNS::Topic"].create(call, request(first, {}, None))
    types["AWS::SNS::Topic"].update(call, request({"Subscription": [mail]}, first, topic.physical_id))
    attributes = call.invoke("sns", "GetTopicAttributes", TopicArn=topic.physical_id)["Attributes"]
    assert (attributes["DisplayName"], attributes["SubscriptionsPending"]) == ("", "1")
    function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    wanted = {"TopicArn": topic.physical_id, "Protocol": "lambda", "Endpoint": function}
    subscription = types["AWS::SNS::Subscription"].create(call, request(wanted, {}, None))
    filtered = wanted | {"FilterPolicy": {"a": ["b"]}}
    types["AWS::SNS::Subscription"].update(call, request(filtered, wanted, subscription.physical_id))
    shown = call.invoke("sns", "GetSubscriptionAttributes", SubscriptionArn=subscription.physical_id)
    assert json.loads(shown["Attributes"]["FilterPolicy"]) == {"a": ["b"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic.physical_id,
    }
    allowed = {"PolicyDocument": {"Version": "2012-10-17", "Statement": statement}, "Topics": [topic.physical_id]}
    policy = types["AWS::SNS::TopicPolicy"].create(call, request(allowed, {}, None))
    types["AWS::SNS::TopicPolicy"].delete(call, request(allowed, {}, policy.physical_id))
    types["AWS::SNS::Subscription"].delete(call, request(filtered, {}, subscription.physical_id))
    types["AWS::SNS::Topic"].delete(call, request(first, {}, topic.physical_id))
    assert call.invoke("sns", "ListTopics")["Topics"] == []
