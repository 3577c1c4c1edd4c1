"""JSON texts of users: what is nested too deep is refused like what is no JSON, wherever it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.api import json_text
from boatyard.api.call import Call
from boatyard.api.errors import ApiError

DEEP = "[" * 100_000
CLOSED = "[" * 400 + "]" * 400
OBJECTS = '{"a":' * 400 + "1" + "}" * 400


@pytest.mark.parametrize("text", [DEEP, CLOSED, OBJECTS, OBJECTS.encode()])
def test_what_is_nested_too_deep_is_no_json(text: str | bytes) -> None:
    with pytest.raises(json.JSONDecodeError, match="Nested too deeply"):
        json_text.read(text)


def test_many_brackets_are_not_deep() -> None:
    assert json_text.read(json.dumps([["["]] * 500)) == [["["]] * 500


@pytest.mark.parametrize("text", [DEEP, OBJECTS])
@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("events", "TestEventPattern", {"EventPattern": None, "Event": "{}"}),
        ("events", "PutRule", {"Name": "deep", "EventPattern": None}),
        ("iam", "CreatePolicy", {"PolicyName": "deep", "PolicyDocument": None}),
        ("iam", "CreateRole", {"RoleName": "deep", "AssumeRolePolicyDocument": None}),
        ("kms", "CreateKey", {"Policy": None}),
        ("cloudformation", "ValidateTemplate", {"TemplateBody": None}),
        ("sns", "Publish", {"TopicArn": "TOPIC", "Message": None, "MessageStructure": "json"}),
        ("sns", "SetTopicAttributes", {"TopicArn": "TOPIC", "AttributeName": "Policy", "AttributeValue": None}),
        ("logs", "FilterLogEvents", {"logGroupName": "group", "nextToken": None}),
        ("s3", "PutBucketPolicy", {"Bucket": "deep-bucket", "Policy": None}),
    ],
)
def test_operations_refuse_it(call: Call, service: str, operation: str, params: dict[str, Any], text: str) -> None:
    call.invoke("logs", "CreateLogGroup", logGroupName="group")
    call.invoke("s3", "CreateBucket", Bucket="deep-bucket")
    topic = call.invoke("sns", "CreateTopic", Name="topic")["TopicArn"]
    filled = {name: text[:50_000] if value is None else value for name, value in params.items()}
    if "TopicArn" in filled:
        filled["TopicArn"] = topic
    with pytest.raises(ApiError) as refused:
        call.invoke(service, operation, **filled)
    assert refused.value.code not in ("InternalError", "InternalFailure")
