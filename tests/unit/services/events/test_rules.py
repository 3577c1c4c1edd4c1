"""Rules, targets and buses as records, and their resource types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.resource_types import ResourceRequest
from boatyard.services.events.resources import EventBusResource, RuleResource

from .conftest import FUNCTION, TOPIC

Events = Callable[..., dict[str, Any]]
PATTERN = '{"source": ["shop"]}'


def test_rules_and_targets_are_kept(events: Events) -> None:
    arn = events("PutRule", Name="watch", EventPattern=PATTERN, Description="all of it")["RuleArn"]
    assert arn == "arn:aws:events:us-east-1:000000000000:rule/watch"
    targets = [{"Id": "one", "Arn": FUNCTION}, {"Id": "two", "Arn": TOPIC, "Input": '"hello"'}]
    events("PutTargets", Rule="watch", Targets=targets)
    rule = events("DescribeRule", Name="watch")
    assert (rule["State"], rule["EventPattern"], rule["Description"]) == ("ENABLED", PATTERN, "all of it")
    assert events("ListTargetsByRule", Rule="watch")["Targets"] == targets
    assert events("ListRuleNamesByTarget", TargetArn=TOPIC)["RuleNames"] == ["watch"]
    with pytest.raises(ApiError, match="since it has targets"):
        events("DeleteRule", Name="watch")
    removed = events("RemoveTargets", Rule="watch", Ids=["one", "two", "three"])
    assert [entry["TargetId"] for entry in removed["FailedEntries"]] == ["three"]
    events("DeleteRule", Name="watch")
    events("DeleteRule", Name="watch")
    with pytest.raises(ApiError, match="Rule watch does not exist on EventBus default"):
        events("DescribeRule", Name="watch")


def test_rules_are_listed_page_by_page(events: Events) -> None:
    for number in range(5):
        events("PutRule", Name=f"rule-{number}", ScheduleExpression="rate(1 day)")
    first = events("ListRules", NamePrefix="rule", Limit=3)
    second = events("ListRules", NamePrefix="rule", Limit=3, NextToken=first["NextToken"])
    names = [rule["Name"] for page in (first, second) for rule in page["Rules"]]
    assert names == [f"rule-{number}" for number in range(5)]
    assert not second.get("NextToken")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "must be specified"),
        ({"ScheduleExpression": "rate(1 minutes)"}, "ScheduleExpression is not valid"),
        ({"EventPattern": "{}"}, "InvalidEventPatternException"),
        ({"EventPattern": PATTERN, "EventBusName": "nowhere"}, "Event bus nowhere does not exist"),
        ({"EventPattern": PATTERN, "Name": "a b"}, "regular expression"),
    ],
)
def test_a_wrong_rule_is_refused(events: Events, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError, match=words):
        events("PutRule", **{"Name": "watch", **params})


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"Arn": "arn:aws:sqs:us-east-1:000000000000:queue"}, "not of a kind"),
        ({"Arn": "arn:aws:codepipeline:us-east-1:000000000000:line"}, "RoleArn is required"),
        ({"Arn": FUNCTION, "Input": "{"}, "JSON syntax error"),
        ({"Arn": FUNCTION, "Input": "1", "InputPath": "$"}, "Only one of Input"),
        ({"Arn": FUNCTION, "DeadLetterConfig": {"Arn": "arn:x"}}, "DeadLetterConfig"),
    ],
)
def test_a_wrong_target_is_refused(events: Events, target: dict[str, Any], words: str) -> None:
    events("PutRule", Name="watch", EventPattern=PATTERN)
    with pytest.raises(ApiError, match=words):
        events("PutTargets", Rule="watch", Targets=[{"Id": "one", **target}])


def test_buses(events: Events) -> None:
    arn = events("CreateEventBus", Name="orders", Tags=[{"Key": "a", "Value": "1"}])["EventBusArn"]
    with pytest.raises(ApiError, match="ResourceAlreadyExistsException"):
        events("CreateEventBus", Name="orders")
    assert [bus["Name"] for bus in events("ListEventBuses")["EventBuses"]] == ["default", "orders"]
    assert events("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    rule = events("PutRule", Name="watch", EventPattern=PATTERN, EventBusName=arn)["RuleArn"]
    assert rule.endswith("rule/orders/watch")
    with pytest.raises(ApiError, match="since it has rules"):
        events("DeleteEventBus", Name="orders")
    events("DeleteRule", Name="watch", EventBusName="orders")
    events("DeleteEventBus", Name="orders")


def request(logical: str, properties: dict[str, Any], **more: Any) -> ResourceRequest:
    stack = "arn:aws:cloudformation:us-east-1:000000000000:stack/lab/1"
    return ResourceRequest(logical, "lab", stack, properties, "token", **more)


def test_the_resource_types(events: Events, installation: Installation) -> None:
    call = installation.root_call()
    bus, rule = EventBusResource(), RuleResource()
    made = bus.create(call, request("Bus", {"Name": "orders"}))
    with pytest.raises(ApiError, match="already exists"):
        bus.create(call, request("Bus", {"Name": "orders"}))
    assert bus.create(call, request("Bus", {"Name": "orders"}, resumed=True)) == made
    properties = {
        "EventBusName": "orders",
        "EventPattern": {"source": ["shop"]},
        "Targets": [{"Id": "one", "Arn": FUNCTION}, {"Id": "two", "Arn": TOPIC}],
    }
    state = rule.create(call, request("Rule", properties))
    assert state.physical_id.startswith("orders|lab-Rule-")
    with pytest.raises(ApiError, match="already exists"):
        rule.create(call, request("Rule", properties))
    after = {**properties, "State": "DISABLED", "Targets": [{"Id": "two", "Arn": TOPIC}]}
    rule.update(call, request("Rule", after, physical_id=state.physical_id, previous=properties))
    name = state.physical_id.partition("|")[2]
    assert events("DescribeRule", Name=name, EventBusName="orders")["State"] == "DISABLED"
    assert [t["Id"] for t in events("ListTargetsByRule", Rule=name, EventBusName="orders")["Targets"]] == ["two"]
    for _ in range(2):
        rule.delete(call, request("Rule", after, physical_id=state.physical_id))
    bus.delete(call, request("Bus", {"Name": "orders"}, physical_id="orders"))
    assert [one["Name"] for one in events("ListEventBuses")["EventBuses"]] == ["default"]
