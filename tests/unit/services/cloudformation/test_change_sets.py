"""Change sets say what would change, and do it when asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.change_values import KNOWN_LATER, without_values
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
    assert "TemplateBody" not in formation.call.invoke("cloudformation", "GetTemplate", StackName="lab")
    formation.call.invoke("cloudformation", "ExecuteChangeSet", ChangeSetName="next", StackName="lab")
    assert formation.settled() == "CREATE_COMPLETE"
    described = formation.call.invoke("cloudformation", "DescribeChangeSet", ChangeSetName="next", StackName="lab")
    assert described["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert len(cloud.things) == 1


def test_a_resource_that_is_there_is_not_imported_and_the_event_says_so(formation: Formation, cloud: Cloud) -> None:
    # `cdk bootstrap` always asks for imports.
    described = prepare(formation, things(A={"ThingName": "taken"}), "CREATE", ImportExistingResources=True)
    assert described["ImportExistingResources"] is True
    cloud.things["taken"] = {"Value": "of another"}
    formation.call.invoke("cloudformation", "ExecuteChangeSet", ChangeSetName="next", StackName="lab")
    assert formation.settled() == "ROLLBACK_COMPLETE"
    assert cloud.things == {"taken": {"Value": "of another"}}
    events = formation.call.invoke("cloudformation", "DescribeStackEvents", StackName="lab")["StackEvents"]
    (failed,) = [each for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert "taken already exists" in failed["ResourceStatusReason"]
    assert "boatyard imports nothing: delete it, or choose another name." in failed["ResourceStatusReason"]


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


def test_values_are_told_when_asked_for_and_secrets_never(formation: Formation) -> None:
    def template(value: str, **more: Any) -> dict[str, Any]:
        secret = {"Word": {"Type": "String", "NoEcho": True, "Default": "hush-hush"}}
        last = {"ThingName": "last", "Value": {"Ref": "A"}, "Needed": {"Ref": "Word"}}
        return {"Parameters": secret, **things(A={"ThingName": f"a-{value}", "Value": value}, B={**last, **more})}

    formation.create(template("one"))
    assert formation.settled() == "CREATE_COMPLETE"
    plain = prepare(formation, template("two", Count=3))
    told = formation.call.invoke(
        "cloudformation", "DescribeChangeSet", ChangeSetName=plain["ChangeSetId"], IncludePropertyValues=True
    )
    assert "Value" not in str([each["ResourceChange"].keys() for each in plain["Changes"]])
    assert without_values(told["Changes"]) == plain["Changes"]
    assert "hush" not in str(told)
    first, second = (each["ResourceChange"] for each in told["Changes"])
    assert json.loads(first["BeforeContext"]) == {"Properties": {"ThingName": "a-one", "Value": "one"}}
    assert json.loads(first["AfterContext"]) == {"Properties": {"ThingName": "a-two", "Value": "two"}}
    assert [each["Target"]["Path"] for each in first["Details"]] == ["/Properties/ThingName", "/Properties/Value"]
    targets = {each["Target"]["Name"]: each["Target"] for each in second["Details"]}
    assert (targets["Count"]["AttributeChangeType"], targets["Count"]["AfterValue"]) == ("Add", "3")
    assert "BeforeValue" not in targets["Count"]
    assert (targets["Value"]["BeforeValue"], targets["Value"]["AfterValue"]) == ("a-one", KNOWN_LATER)
    assert json.loads(second["AfterContext"])["Properties"]["Needed"] == "****"


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
