"""Change sets say what would change, and do it when asked."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError
from tests.unit.services.cloudformation.conftest import Cloud, Formation, text, things


def prepare(formation: Formation, template: Any, kind: str = "UPDATE", name: str = "next", **params: Any) -> Any:
    """Make a change set and describe it."""
    call = formation.call
    made = call.invoke(
        "cloudformation",
        "CreateChangeSet",
        StackName="lab",
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=text(template),
        **params,
    )
    return call.invoke("cloudformation", "DescribeChangeSet", ChangeSetName=made["Id"])


def test_a_new_stack_by_change_set(formation: Formation, cloud: Cloud) -> None:
    described = prepare(formation, things(A={}), "CREATE")
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert formation.stack()["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert formation.events() == [("lab", "REVIEW_IN_PROGRESS")]
    assert cloud.things == {}
    formation.call.invoke("cloudformation", "ExecuteChangeSet", ChangeSetName="next", StackName="lab")
    assert formation.settled() == "CREATE_COMPLETE"
    described = formation.call.invoke("cloudformation", "DescribeChangeSet", ChangeSetName="next", StackName="lab")
    assert described["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert len(cloud.things) == 1


def test_changes_are_told_before_they_are_made(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Kind": "x"}, B={"Kind": {"Ref": "A"}}, C={}, D={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    described = prepare(formation, things(A={"Kind": "y"}, B={"Kind": {"Ref": "A"}}, D={"Value": "2"}, E={}))
    changes = {
        each["ResourceChange"]["LogicalResourceId"]: (
            each["ResourceChange"]["Action"],
            each["ResourceChange"].get("Replacement"),
        )
        for each in described["Changes"]
    }
    assert changes == {
        "A": ("Modify", "True"),
        "B": ("Modify", "Conditional"),
        "C": ("Remove", None),
        "D": ("Modify", "False"),
        "E": ("Add", None),
    }
    detail = next(
        each["ResourceChange"]["Details"][0]
        for each in described["Changes"]
        if each["ResourceChange"]["LogicalResourceId"] == "B"
    )
    assert (detail["Evaluation"], detail["ChangeSource"], detail["CausingEntity"]) == (
        "Dynamic",
        "ResourceReference",
        "A",
    )
    formation.call.invoke("cloudformation", "ExecuteChangeSet", ChangeSetName="next", StackName="lab")
    assert formation.settled() == "UPDATE_COMPLETE"
    assert sorted(formation.resources()) == ["A", "B", "D", "E"]


def test_no_changes_make_a_failed_change_set(formation: Formation) -> None:
    formation.create(things(A={}))
    assert formation.settled() == "CREATE_COMPLETE"
    described = prepare(formation, things(A={}))
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in described["StatusReason"]
    with pytest.raises(ApiError) as caught:
        formation.call.invoke("cloudformation", "ExecuteChangeSet", ChangeSetName="next", StackName="lab")
    assert caught.value.code == "InvalidChangeSetStatus"
    formation.call.invoke("cloudformation", "DeleteChangeSet", ChangeSetName="next", StackName="lab")
    listed = formation.call.invoke("cloudformation", "ListChangeSets", StackName="lab")
    assert listed["Summaries"] == []
    with pytest.raises(ApiError) as caught:
        formation.call.invoke("cloudformation", "DescribeChangeSet", ChangeSetName="next", StackName="lab")
    assert caught.value.code == "ChangeSetNotFound"


def test_another_change_makes_a_change_set_obsolete(formation: Formation) -> None:
    formation.create(things(A={}))
    assert formation.settled() == "CREATE_COMPLETE"
    prepare(formation, things(A={"Value": "1"}))
    formation.update(things(A={"Value": "2"}))
    assert formation.settled() == "UPDATE_COMPLETE"
    with pytest.raises(ApiError, match="OBSOLETE"):
        formation.call.invoke("cloudformation", "ExecuteChangeSet", ChangeSetName="next", StackName="lab")


def test_a_stack_that_was_only_reviewed_can_be_deleted(formation: Formation) -> None:
    prepare(formation, things(A={}), "CREATE")
    formation.delete()
    with pytest.raises(ApiError, match="Stack with id lab does not exist"):
        formation.stack()


def test_capabilities(formation: Formation) -> None:
    role = {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "x"}}}}
    with pytest.raises(ApiError) as caught:
        formation.create(role, Capabilities=["CAPABILITY_IAM"])
    assert caught.value.code == "InsufficientCapabilitiesException"
    assert caught.value.message == "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    looped = {"Transform": "AWS::LanguageExtensions", **things(A={})}
    with pytest.raises(ApiError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]"):
        formation.create(looped)
    assert prepare(formation, looped, "CREATE")["Status"] == "CREATE_COMPLETE"
