"""EventBridge with a real client: events from users and from services reach a log group."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.server import unique

Client = Callable[..., Any]
LIMIT = 240.0


def delivered(client: Client, group: str, count: int) -> list[dict[str, Any]]:
    """The events in the log group as soon as there are so many."""
    deadline = time.monotonic() + LIMIT
    while True:
        found = client("logs").filter_log_events(logGroupName=group)["events"]
        if len(found) >= count:
            return [json.loads(event["message"]) for event in found]
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def watch(client: Client, pattern: dict[str, Any], bus: str = "default", **target: Any) -> str:
    """A rule whose events go to a log group; the group's name."""
    name = unique("watch")
    group = f"/aws/events/{name}"
    client("logs").create_log_group(logGroupName=group)
    client("events").put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    answer = client("events").put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "log", "Arn": arn, **target}])
    assert answer["FailedEntryCount"] == 0
    return group


def test_what_a_user_sends_reaches_the_target(client: Client) -> None:
    bus, source = unique("orders"), unique("shop")
    client("events").create_event_bus(Name=bus)
    group = watch(client, {"source": [source], "detail": {"total": [{"numeric": [">", 10]}]}}, bus)
    entries = [
        {"Source": source, "DetailType": "Order", "Detail": json.dumps({"total": total}), "EventBusName": bus}
        for total in (5, 50)
    ]
    answer = client("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 0
    (event,) = delivered(client, group, 1)
    assert (event["id"], event["detail"]) == (answer["Entries"][1]["EventId"], {"total": 50})


def test_a_push_is_an_event_that_a_template_sums_up(client: Client) -> None:
    repository = unique("model")
    template = {
        "InputPathsMap": {"branch": "$.detail.referenceName", "time": "$.time"},
        "InputTemplate": '{"timestamp": <time>, "message": "{\\"branch\\": \\"<branch>\\"}"}',
    }
    pattern = {"source": ["aws.codecommit"], "detail": {"repositoryName": [repository], "event": [{"prefix": "ref"}]}}
    plain, summed = watch(client, pattern), watch(client, pattern, InputTransformer=template)
    client("codecommit").create_repository(repositoryName=repository)
    commit = client("codecommit").create_commit(
        repositoryName=repository, branchName="main", putFiles=[{"filePath": "a", "fileContent": b"a"}]
    )["commitId"]
    (event,) = delivered(client, plain, 1)
    assert event["detail-type"] == "CodeCommit Repository State Change"
    assert (event["detail"]["referenceName"], event["detail"]["commitId"]) == ("main", commit)
    assert delivered(client, summed, 1) == [{"branch": "main"}]
