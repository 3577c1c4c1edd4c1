"""CloudWatch Logs without a server."""

from __future__ import annotations

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.log_shipping import LogShipper
from boatyard.api.timestamps import milliseconds
from boatyard.services.logs.hooks import expire_events
from boatyard.services.logs.patterns import compile_pattern
from boatyard.services.logs.records import add_events

GROUP = "/aws/lambda/f"


@pytest.fixture
def stream(call: Call) -> str:
    """A stream of GROUP."""
    call.invoke("logs", "CreateLogGroup", logGroupName=GROUP)
    call.invoke("logs", "CreateLogStream", logGroupName=GROUP, logStreamName="s")
    return "s"


def put(call: Call, stream: str, *messages: str, at: int | None = None) -> None:
    """Put lines that are a millisecond apart."""
    start = at or milliseconds() - 1000
    events = [{"timestamp": start + index, "message": text} for index, text in enumerate(messages)]
    call.invoke("logs", "PutLogEvents", logGroupName=GROUP, logStreamName=stream, logEvents=events)


def test_reading_along_a_stream(call: Call, stream: str) -> None:
    put(call, stream, *"abcde")
    client = call.client("logs")
    first = client.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, limit=2)
    assert [event["message"] for event in first["events"]] == ["a", "b"]
    second = client.get_log_events(logGroupName=GROUP, logStreamName=stream, nextToken=first["nextForwardToken"])
    assert [event["message"] for event in second["events"]] == ["c", "d", "e"]
    end = client.get_log_events(logGroupName=GROUP, logStreamName=stream, nextToken=second["nextForwardToken"])
    assert end["events"] == []
    assert end["nextForwardToken"] == second["nextForwardToken"]
    back = client.get_log_events(logGroupName=GROUP, logStreamName=stream, nextToken=second["nextBackwardToken"])
    assert [event["message"] for event in back["events"]] == ["a", "b"]
    tail = client.get_log_events(logGroupName=GROUP, logStreamName=stream, limit=2)
    assert [event["message"] for event in tail["events"]] == ["d", "e"]


def test_filtering_pages_over_streams(call: Call, stream: str) -> None:
    call.invoke("logs", "CreateLogStream", logGroupName=GROUP, logStreamName="t")
    start = milliseconds() - 1000
    put(call, stream, "ERROR one", "fine", "ERROR two", at=start)
    put(call, "t", "ERROR three", at=start + 10)
    client = call.client("logs")
    page = client.filter_log_events(logGroupName=GROUP, filterPattern="ERROR", limit=2)
    assert [event["message"] for event in page["events"]] == ["ERROR one", "ERROR two"]
    rest = client.filter_log_events(logGroupName=GROUP, filterPattern="ERROR", nextToken=page["nextToken"])
    assert [event["message"] for event in rest["events"]] == ["ERROR three"]
    assert "nextToken" not in rest
    only = client.filter_log_events(logGroupName=GROUP, logStreamNames=["t"])
    assert [event["logStreamName"] for event in only["events"]] == ["t"]


def test_what_is_too_old_is_left_out_and_reported(call: Call, stream: str) -> None:
    old = milliseconds() - 15 * 24 * 3600 * 1000
    answer = call.invoke(
        "logs", "PutLogEvents", logGroupName=GROUP, logStreamName=stream,
        logEvents=[{"timestamp": old, "message": "old"}],
    )  # fmt: skip
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert call.invoke("logs", "GetLogEvents", logGroupName=GROUP, logStreamName=stream)["events"] == []


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("CreateLogGroup", {"logGroupName": GROUP}, "ResourceAlreadyExistsException"),
        ("CreateLogGroup", {"logGroupName": "a b"}, "InvalidParameterException"),
        ("CreateLogStream", {"logGroupName": GROUP, "logStreamName": "a:b"}, "InvalidParameterException"),
        ("CreateLogStream", {"logGroupName": "none", "logStreamName": "a"}, "ResourceNotFoundException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "none"}, "ResourceNotFoundException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "nextToken": "?"}, "InvalidParameterException"),
        ("PutRetentionPolicy", {"logGroupName": GROUP, "retentionInDays": 2}, "InvalidParameterException"),
    ],
)
def test_refusals(call: Call, stream: str, operation: str, params: dict[str, object], code: str) -> None:
    with pytest.raises(ApiError) as raised:
        call.invoke("logs", operation, **params)
    assert raised.value.code == code


def test_retention_is_carried_out(installation: Installation, call: Call, stream: str) -> None:
    call.invoke("logs", "PutRetentionPolicy", logGroupName=GROUP, retentionInDays=1)
    put(call, stream, "new")
    with installation.database.transaction() as tx:
        add_events(tx, f"{call.account}/{call.region}/{GROUP}", stream, [(1000, "old")], 1000)
    assert expire_events(installation) == 1
    events = call.invoke("logs", "GetLogEvents", logGroupName=GROUP, logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["new"]


def test_a_shipper_brings_every_line_in_order(call: Call) -> None:
    shipper = LogShipper(call, "/made/by/it", "stream")
    start = milliseconds()
    for number in range(2500):
        shipper.send(start, f"line {number}")
    shipper.send(start, "x" * 600_000)
    shipper.close()
    events = call.invoke("logs", "GetLogEvents", logGroupName="/made/by/it", logStreamName="stream")["events"]
    assert [event["message"] for event in events[:2500]] == [f"line {number}" for number in range(2500)]
    assert sum(len(event["message"]) for event in events[2500:]) == 600_000


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR Fatal", "an ERROR here", False),
        ("?ERROR ?WARN", "WARN", True),
        ("ERROR -Exiting", "ERROR Exiting", False),
        ('"two words"', "the two words", True),
        ("%a[0-9]c%", "xa5cx", True),
        ('{ $.kind = "build" && $.count > 3 }', '{"kind": "build", "count": 4}', True),
        ('{ $.kind = "build" && $.count > 3 }', '{"kind": "build", "count": 3}', False),
        ('{ ($.a.b[0] = "x*") || $.c IS NULL }', '{"a": {"b": ["xyz"]}}', True),
        ("{ $.c NOT EXISTS }", '{"c": 1}', False),
        ("{ $.c = 1 }", "no json", False),
    ],
)
def test_patterns(pattern: str, message: str, expected: bool) -> None:
    assert compile_pattern(pattern)(message) is expected


@pytest.mark.parametrize("pattern", ["[a, b]", "{ $.a = }", '"open', "{ $.a"])
def test_patterns_that_cannot_be_understood(pattern: str) -> None:
    with pytest.raises(ApiError) as raised:
        compile_pattern(pattern)
    assert raised.value.code == "InvalidParameterException"


def test_an_expression_that_never_ends_is_refused() -> None:
    matches = compile_pattern("%(a|aa)+$%")
    with pytest.raises(ApiError, match="takes too long"):
        matches("a" * 60 + "b")


@pytest.mark.parametrize("pattern", ["{" + "(" * 500 + "}", "%" + "(" * 500 + "%"])
def test_a_pattern_nested_too_deep_is_refused(pattern: str) -> None:
    with pytest.raises(ApiError, match="Invalid filter pattern"):
        compile_pattern(pattern)
