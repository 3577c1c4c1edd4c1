"""Event patterns, operator by operator."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.api.errors import ApiError
from boatyard.services.events.patterns import compiled

EVENT: dict[str, Any] = {
    "source": "aws.ec2",
    "detail-type": "State Change",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "state": "Running",
        "count": 5,
        "ok": True,
        "none": None,
        "address": "10.1.2.3",
        "file": "data/train/iris.csv",
        "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}],
    },
}


def matches(pattern: dict[str, Any]) -> bool:
    return compiled(json.dumps(pattern))(EVENT)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.ec2", "aws.s3"]}, True),
        ({"source": ["aws.s3"]}, False),
        ({"resources": ["arn:b"]}, True),
        ({"source": ["aws.ec2"], "resources": ["arn:c"]}, False),
        ({"detail": {"count": [5]}}, True),
        ({"detail": {"count": ["5"]}}, False),
        ({"detail": {"ok": [True]}}, True),
        ({"detail": {"ok": [1]}}, False),
        ({"detail": {"none": [None]}}, True),
        ({"detail": {"missing": [None]}}, False),
        ({"detail": {"state": [{"prefix": "Run"}]}}, True),
        ({"detail": {"state": [{"prefix": "run"}]}}, False),
        ({"detail": {"state": [{"prefix": {"equals-ignore-case": "run"}}]}}, True),
        ({"detail": {"file": [{"suffix": ".csv"}]}}, True),
        ({"detail": {"file": [{"suffix": {"equals-ignore-case": ".CSV"}}]}}, True),
        ({"detail": {"state": [{"equals-ignore-case": "running"}]}}, True),
        ({"detail": {"file": [{"wildcard": "data/*/iris.*"}]}}, True),
        ({"detail": {"file": [{"wildcard": "data/iris.*"}]}}, False),
        ({"detail": {"count": [{"numeric": [">", 0, "<=", 5]}]}}, True),
        ({"detail": {"count": [{"numeric": ["<", 5]}]}}, False),
        ({"detail": {"address": [{"cidr": "10.0.0.0/8"}]}}, True),
        ({"detail": {"address": [{"cidr": "192.168.0.0/16"}]}}, False),
        ({"detail": {"state": [{"anything-but": "Stopped"}]}}, True),
        ({"detail": {"state": [{"anything-but": ["Stopped", "Running"]}]}}, False),
        ({"detail": {"state": [{"anything-but": {"prefix": "Run"}}]}}, False),
        ({"detail": {"file": [{"anything-but": {"wildcard": ["*.txt", "*.md"]}}]}}, True),
        ({"detail": {"missing": [{"anything-but": "x"}]}}, False),
        ({"detail": {"state": [{"exists": True}], "missing": [{"exists": False}]}}, True),
        ({"detail": {"state": [{"exists": False}]}}, False),
        ({"nowhere": {"missing": [{"exists": False}]}}, True),
        ({"detail": {"tags": {"key": ["b"]}}}, True),
        ({"detail": {"tags": {"key": ["c"]}}}, False),
        ({"$or": [{"source": ["aws.s3"]}, {"detail": {"count": [5]}}]}, True),
        ({"detail": {"$or": [{"state": ["Stopped"]}, {"count": [6]}]}}, False),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "not json",
        "[]",
        "{}",
        '{"source": "aws.s3"}',
        '{"source": []}',
        '{"source": [["a"]]}',
        '{"source": [{"prefix": "a", "suffix": "b"}]}',
        '{"source": [{"unknown": "a"}]}',
        '{"source": [{"exists": "yes"}]}',
        '{"source": [{"numeric": ["~", 1]}]}',
        '{"source": [{"numeric": [">", "1"]}]}',
        '{"source": [{"cidr": "nowhere"}]}',
        '{"source": [{"wildcard": "a**b"}]}',
        '{"detail": {}}',
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ApiError, match="InvalidEventPatternException"):
        compiled(pattern)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=30))
def test_an_escaped_text_is_a_wildcard_of_itself_only(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("*", "\\*")
    test = compiled(json.dumps({"a": [{"wildcard": escaped}]}))
    assert test({"a": text})
    assert not test({"a": text + "x"})
