"""From events to targets: matching, delivering, trying again, schedules, pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from boatyard.api.errors import ApiError
from boatyard.api.events import emit
from boatyard.api.installation import Installation
from boatyard.services.events import deliveries
from boatyard.services.events.records import DELIVERIES, RULES

from .conftest import FUNCTION, TOPIC, Received, entry, until

Events = Callable[..., dict[str, Any]]


def watch(events: Events, pattern: dict[str, Any], arn: str = FUNCTION, **target: Any) -> None:
    events("PutRule", Name="watch", EventPattern=json.dumps(pattern))
    events("PutTargets", Rule="watch", Targets=[{"Id": "one", "Arn": arn, **target}])


def test_a_custom_event_reaches_the_targets_of_matching_rules(events: Events, received: Received) -> None:
    watch(events, {"source": ["shop"], "detail": {"total": [{"numeric": [">", 10]}]}})
    answer = events("PutEvents", Entries=[entry({"total": 5}), entry({"total": 50}, Resources=["r"])])
    assert answer["FailedEntryCount"] == 0
    until(lambda: received.events)
    assert len(received.events) == 1
    (event,) = received.events
    assert (event["id"], event["detail"]) == (answer["Entries"][1]["EventId"], {"total": 50})
    assert (event["resources"], event["detail-type"]) == (["r"], "Order")


def test_a_services_event_reaches_rules_unless_it_is_internal(
    events: Events, received: Received, installation: Installation
) -> None:
    watch(events, {"source": ["aws.sagemaker"]}, TOPIC, InputPath="$.detail.name")
    with installation.database.transaction() as tx:
        for name, internal in (("hidden", True), ("job", False)):
            emit(
                installation,
                tx,
                source="aws.sagemaker",
                detail_type="x",
                detail={"name": name},
                account="000000000000",
                region="us-east-1",
                internal=internal,
            )
    until(lambda: received.messages)
    assert received.messages == ['"job"']


def test_a_passing_failure_is_tried_again(events: Events, received: Received, installation: Installation) -> None:
    watch(events, {"source": ["shop"]})
    received.failures = [ApiError("ServiceException", "broken", status=500)]
    events("PutEvents", Entries=[entry({})])
    until(lambda: received.events)
    assert received.attempts == 2
    until(lambda: not waiting(installation))


def test_a_refusal_is_not_tried_again(events: Events, received: Received, installation: Installation) -> None:
    watch(events, {"source": ["shop"]})
    received.failures = [ApiError("ResourceNotFoundException", "no such function", status=404)]
    events("PutEvents", Entries=[entry({})])
    until(lambda: received.attempts and not waiting(installation))
    assert (received.attempts, received.events) == (1, [])


def waiting(installation: Installation) -> list[Any]:
    with installation.database.reading() as rx:
        return list(DELIVERIES.select(rx))


def test_a_disabled_rule_matches_nothing(events: Events, received: Received) -> None:
    watch(events, {"source": ["shop"]})
    events("DisableRule", Name="watch")
    events("PutEvents", Entries=[entry({"n": 1})])
    events("EnableRule", Name="watch")
    events("PutEvents", Entries=[entry({"n": 2})])
    until(lambda: received.events)
    assert [event["detail"]["n"] for event in received.events] == [2]


def test_a_custom_bus_has_rules_of_its_own(events: Events, received: Received) -> None:
    events("CreateEventBus", Name="orders")
    watch(events, {"source": ["shop"]})
    events("PutRule", Name="watch", EventBusName="orders", EventPattern='{"source": ["shop"]}')
    target = {"Id": "two", "Arn": FUNCTION, "Input": '{"bus": "orders"}'}
    events("PutTargets", Rule="watch", EventBusName="orders", Targets=[target])
    events("PutEvents", Entries=[entry({}, EventBusName="orders")])
    until(lambda: received.events)
    assert received.events == [{"bus": "orders"}]


def test_what_cannot_be_sent_is_told_entry_by_entry(events: Events) -> None:
    wrong = [
        entry({}, Source="aws.s3"),
        entry({}, Detail="no object"),
        entry({}, EventBusName="nowhere"),
        {"Source": "shop", "Detail": "{}"},
        entry({}),
    ]
    answer = events("PutEvents", Entries=wrong)
    codes = [result.get("ErrorCode") for result in answer["Entries"]]
    assert answer["FailedEntryCount"] == 4
    assert codes == [
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "ResourceNotFoundException",
        "InvalidArgument",
        None,
    ]


def test_a_schedule_that_is_due_fires_once(events: Events, received: Received, installation: Installation) -> None:
    rule = events("PutRule", Name="nightly", ScheduleExpression="rate(1 day)")["RuleArn"]
    events("PutTargets", Rule="nightly", Targets=[{"Id": "one", "Arn": FUNCTION}])
    with installation.database.transaction() as tx:
        RULES.update(tx, ("000000000000", "us-east-1", "default", "nightly"), lambda stored: replace(stored, due=1.0))
    deliveries.wake(installation)
    until(lambda: received.events)
    (event,) = received.events
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.events", "Scheduled Event", [rule])
    with installation.database.reading() as rx:
        stored = RULES.get(rx, "000000000000", "us-east-1", "default", "nightly")
    assert stored is not None
    assert stored.due is not None
    assert stored.due > 1.0


def test_a_pattern_can_be_tried(events: Events) -> None:
    event = {
        "id": "1",
        "account": "0",
        "source": "shop",
        "time": "2024-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "Order",
    }
    pattern = '{"source": ["shop"]}'
    assert events("TestEventPattern", EventPattern=pattern, Event=json.dumps(event))["Result"] is True
    with pytest.raises(ApiError, match="detail-type is missing"):
        del event["detail-type"]
        events("TestEventPattern", EventPattern=pattern, Event=json.dumps(event))
