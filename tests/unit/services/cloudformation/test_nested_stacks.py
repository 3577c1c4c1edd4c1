"""Stacks inside stacks."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.operations import submission
from tests.unit.services.cloudformation.conftest import Cloud, Formation, text, things

URL = "https://s3.amazonaws.com/templates/inner.json"


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Templates by URL, in place of S3's."""
    templates: dict[str, Any] = {}
    monkeypatch.setattr(submission, "fetch_template", lambda call, url: text(templates[url]))
    return templates


def outer(**parameters: Any) -> dict[str, Any]:
    """A template with a nested stack and something that uses its output."""
    template = things(After={"Value": {"Fn::GetAtt": ["Inner", "Outputs.Word"]}})
    template["Resources"]["Inner"] = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": URL, "Parameters": parameters},
    }
    return template


def inner() -> dict[str, Any]:
    """The nested template."""
    template = things(A={"Value": {"Ref": "Word"}})
    template["Parameters"] = {"Word": {"Type": "String"}}
    template["Outputs"] = {"Word": {"Value": {"Fn::GetAtt": ["A", "Value"]}}}
    return template


def test_a_nested_stack_lives_with_its_parent(formation: Formation, cloud: Cloud, stored: dict[str, Any]) -> None:
    stored[URL] = inner()
    parent = formation.create(outer(Word="one"))
    assert formation.settled() == "CREATE_COMPLETE"
    nested = formation.resources()["Inner"]
    assert formation.stack(nested)["ParentId"] == parent
    assert cloud.things[formation.resources()["After"]] == {"Value": "one"}
    formation.update(outer(Word="two"))
    assert formation.settled() == "UPDATE_COMPLETE"
    assert formation.outputs(nested) == {"Word": "two"}
    formation.delete()
    assert formation.settled(parent) == "DELETE_COMPLETE"
    assert formation.stack(nested)["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.things == {}


def test_nested_change_sets_are_refused_where_there_would_be_any(formation: Formation, stored: dict[str, Any]) -> None:
    stored[URL] = inner()
    new: dict[str, Any] = {"StackName": "lab", "ChangeSetType": "CREATE", "IncludeNestedStacks": True}
    with pytest.raises(ApiError, match=r"IncludeNestedStacks .* with nested stacks \(Inner\)"):
        formation.call.invoke("cloudformation", "CreateChangeSet", **new, ChangeSetName="a", TemplateBody=text(outer()))
    formation.call.invoke(
        "cloudformation",
        "CreateChangeSet",
        **new,
        ChangeSetName="b",
        TemplateBody=text(inner()),
        Parameters=[{"ParameterKey": "Word", "ParameterValue": "w"}],
    )


def test_a_nested_failure_is_the_parents(formation: Formation, cloud: Cloud, stored: dict[str, Any]) -> None:
    stored[URL] = inner()
    cloud.broken["create A"] = "no"
    formation.create(outer(Word="one"))
    assert formation.settled() == "ROLLBACK_COMPLETE"
    assert "was not successfully created: " in formation.reasons()
    assert cloud.things == {}
