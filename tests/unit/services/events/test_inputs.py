"""What targets get: parts of events and templates."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.events.inputs import at_path, check_path, check_transformer, of_target

EVENT: dict[str, Any] = {"id": "1", "detail": {"name": 'the "best"', "list": [1, 2], "nested": {"a": 1}}}


def test_paths() -> None:
    assert at_path(EVENT, "$.detail.list[1]") == 2
    assert at_path(EVENT, "$.detail['name']") == 'the "best"'
    assert at_path(EVENT, "$") == EVENT
    assert at_path(EVENT, "$.detail.nothing.more") is None
    with pytest.raises(ApiError, match="Invalid InputPath"):
        check_path("detail.name")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"who": <name>, "what": <nested>}', {"who": 'the "best"', "what": {"a": 1}}),
        ('{"text": "name is <name>, list <list>"}', {"text": 'name is the "best", list [1, 2]'}),
        ('"<name> of <aws.events.rule-name>"', 'the "best" of watch'),
        ('{"gone": <gone>}', {"gone": ""}),
    ],
)
def test_templates(template: str, expected: Any) -> None:
    paths = {"name": "$.detail.name", "nested": "$.detail.nested", "list": "$.detail.list", "gone": "$.detail.gone"}
    target = {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    assert json.loads(of_target(target, EVENT, "watch", "arn")) == expected


def test_a_template_may_use_only_what_is_defined() -> None:
    with pytest.raises(ApiError, match="invalid placeholder other"):
        check_transformer("one", {"InputTemplate": "<other>"})


def test_a_constant_and_a_path() -> None:
    assert of_target({"Input": '{"a": 1}'}, EVENT, "watch", "arn") == '{"a": 1}'
    assert of_target({"InputPath": "$.detail.nested"}, EVENT, "watch", "arn") == '{"a": 1}'
