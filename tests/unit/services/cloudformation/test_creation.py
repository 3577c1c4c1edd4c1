"""Stacks are created in order, told about, and rolled back when something fails."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError
from tests.unit.services.cloudformation.conftest import Cloud, Formation, things


def test_a_stack_is_created_in_order_with_events_and_outputs(formation: Formation, cloud: Cloud) -> None:
    template = things(
        B={"Value": {"Fn::GetAtt": ["A", "Arn"]}, "Count": "7", "On": "true"}, A={"Value": {"Ref": "Word"}}
    )
    template["Parameters"] = {"Word": {"Type": "String", "Default": "hello"}}
    template["Outputs"] = {"Id": {"Value": {"Ref": "B"}}, "Value": {"Value": {"Fn::GetAtt": ["A", "Value"]}}}
    stack_id = formation.create(template, Parameters=[{"ParameterKey": "Word", "ParameterValue": "hi"}])
    assert formation.settled() == "CREATE_COMPLETE"
    assert stack_id.startswith("arn:aws:cloudformation:us-east-1:000000000000:stack/lab/")
    assert cloud.story == ["create A", "create B"]
    assert formation.events() == [
        ("lab", "CREATE_IN_PROGRESS"),
        ("A", "CREATE_IN_PROGRESS"),
        ("A", "CREATE_COMPLETE"),
        ("B", "CREATE_IN_PROGRESS"),
        ("B", "CREATE_COMPLETE"),
        ("lab", "CREATE_COMPLETE"),
    ]
    a, b = formation.resources()["A"], formation.resources()["B"]
    assert a.startswith("lab-A-")
    assert cloud.things[b] == {"Value": f"arn:aws:test:::{a}", "Count": 7, "On": True}
    assert formation.outputs() == {"Id": b, "Value": "hi"}
    assert formation.stack()["Parameters"] == [{"ParameterKey": "Word", "ParameterValue": "hi"}]


def test_independent_resources_are_made_at_once(formation: Formation, cloud: Cloud) -> None:
    cloud.hold("create A")
    cloud.hold("create B")
    formation.create(things(A={}, B={}))
    assert cloud.begun["create A"].wait(60)
    assert cloud.begun["create B"].wait(60)
    cloud.gate["create A"].set()
    cloud.gate["create B"].set()
    assert formation.settled() == "CREATE_COMPLETE"


def test_a_failure_rolls_back_with_the_reason(formation: Formation, cloud: Cloud) -> None:
    cloud.broken["create B"] = "there is no room"
    formation.create(things(A={}, B={"Needed": {"Ref": "A"}}, C={"Needed": {"Ref": "B"}}))
    assert formation.settled() == "ROLLBACK_COMPLETE"
    assert cloud.things == {}
    assert cloud.story == ["create A", "delete A"]
    assert "The following resource(s) failed to create: [B]. Rollback requested by user." in formation.reasons()
    assert 'Resource handler returned message: "there is no room" (HandlerErrorCode: InvalidRequest)' in (
        formation.reasons()
    )
    with pytest.raises(ApiError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        formation.update(things(A={}))


def test_what_was_half_made_is_deleted_too(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"HalfMade": True}))
    assert formation.settled() == "ROLLBACK_COMPLETE"
    assert cloud.story == ["create A", "delete A"]


def test_rollback_can_be_left_out_or_be_a_deletion(formation: Formation, cloud: Cloud) -> None:
    cloud.broken["create B"] = "no"
    template = things(A={}, B={"Needed": {"Ref": "A"}})
    formation.create(template, "kept", OnFailure="DO_NOTHING")
    assert formation.settled("kept") == "CREATE_FAILED"
    assert list(cloud.things) == [formation.resources("kept")["A"]]
    deleted = formation.create(template, "gone", OnFailure="DELETE")
    assert formation.settled(deleted) == "DELETE_COMPLETE"
    formation.delete("kept")
    assert formation.settled(formation.call.invoke("cloudformation", "ListStacks")["StackSummaries"][-1]["StackId"])
    assert cloud.things == {}


def test_everything_unsupported_is_named_at_once_and_nothing_is_made(formation: Formation, cloud: Cloud) -> None:
    template = things(A={"Colour": "red", "Parts": [{"Weight": 1}]}, B={"Needed": {"Fn::GetAtt": ["A", "Colour"]}})
    template["Resources"]["C"] = {"Type": "AWS::Test::Nothing"}
    template["Resources"]["D"] = {"Type": "AWS::Test::Thing", "Properties": {"Count": "many"}}
    with pytest.raises(ApiError) as caught:
        formation.create(template)
    for wanted in (
        "A (AWS::Test::Thing): property Colour is not supported",
        "A (AWS::Test::Thing): property Parts.Weight is not supported",
        "A (AWS::Test::Thing): property Parts.Size is required",
        "A (AWS::Test::Thing): Fn::GetAtt of Colour is not supported",
        "C: resource type AWS::Test::Nothing is not supported",
        "D (AWS::Test::Thing): property Count must be an integer",
    ):
        assert wanted in caught.value.message
    assert cloud.things == {}
    with pytest.raises(ApiError, match="Stack with id lab does not exist"):
        formation.stack()


def test_names_are_taken_once_and_tokens_repeat(formation: Formation) -> None:
    first = formation.create(things(A={}), ClientRequestToken="one")
    assert formation.create(things(A={}), ClientRequestToken="one") == first
    with pytest.raises(ApiError, match=r"Stack \[lab\] already exists") as caught:
        formation.create(things(A={}))
    assert caught.value.code == "AlreadyExistsException"
    with pytest.raises(ApiError) as caught:
        formation.create(things(A={}), "other", ClientRequestToken="one")
    assert caught.value.code == "TokenAlreadyExistsException"
    assert formation.settled() == "CREATE_COMPLETE"


def test_secrets_are_shown_nowhere(formation: Formation) -> None:
    template = things(A={"Value": {"Ref": "Password"}})
    template["Parameters"] = {"Password": {"Type": "String", "NoEcho": True}}
    formation.create(template, Parameters=[{"ParameterKey": "Password", "ParameterValue": 'hush"hush'}])
    assert formation.settled() == "CREATE_COMPLETE"
    events = formation.call.invoke("cloudformation", "DescribeStackEvents", StackName="lab")
    assert "hush" not in str([formation.stack(), events])
    assert "****" in str(events)


def test_a_role_that_is_not_there_is_refused(formation: Formation, cloud: Cloud) -> None:
    with pytest.raises(ApiError, match="is invalid or cannot be assumed"):
        formation.create(things(A={}), RoleARN="arn:aws:iam::000000000000:role/nobody")
    assert cloud.things == {}


def test_a_stack_works_as_its_role(formation: Formation) -> None:
    trust = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",'
        ' "Principal": {"Service": "cloudformation.amazonaws.com"}}}'
    )
    role = formation.call.invoke("iam", "CreateRole", RoleName="deployer", AssumeRolePolicyDocument=trust)["Role"]
    formation.create(things(A={}), RoleARN=role["Arn"])
    assert formation.settled() == "CREATE_COMPLETE"
    assert formation.stack()["RoleARN"] == role["Arn"]


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"StackPolicyBody": "{}"}, "does not support the parameter StackPolicyBody"),
        ({"DeploymentConfig": {"Mode": "EXPRESS"}}, "does not support DeploymentConfig.Mode EXPRESS"),
        ({"DeploymentConfig": {"DisableRollback": True}}, "does not support DeploymentConfig.DisableRollback True"),
        ({"OnFailure": "DELETE", "DisableRollback": True}, "either DisableRollback or OnFailure"),
        ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, "aws: prefixed tag key names"),
        ({"RollbackConfiguration": {"RollbackTriggers": [{"Arn": "a", "Type": "b"}]}}, "RollbackTriggers"),
    ],
)
def test_what_is_not_supported_is_refused(formation: Formation, params: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ApiError, match=wanted):
        formation.create(things(A={}), **params)


def test_the_default_deployment_may_be_asked_for_by_name(formation: Formation) -> None:
    # The CDK's CLI does.
    formation.create(things(A={}), DeploymentConfig={"Mode": "STANDARD", "DisableRollback": False})
    assert formation.settled() == "CREATE_COMPLETE"


@pytest.mark.parametrize("name", ["1lab", "la_b", "l" * 129, "läb", "../x"])
def test_names_are_checked(formation: Formation, name: str) -> None:
    with pytest.raises(ApiError, match="failed to satisfy constraint") as caught:
        formation.create(things(A={}), name)
    assert caught.value.code == "ValidationError"


def test_a_failed_creation_that_was_left_can_be_rolled_back_later(formation: Formation, cloud: Cloud) -> None:
    cloud.broken["create B"] = "no"
    formation.create(things(A={}, B={"Needed": {"Ref": "A"}}), DisableRollback=True)
    assert formation.settled() == "CREATE_FAILED"
    assert len(cloud.things) == 1
    formation.call.invoke("cloudformation", "RollbackStack", StackName="lab")
    assert formation.settled() == "ROLLBACK_COMPLETE"
    assert cloud.things == {}
