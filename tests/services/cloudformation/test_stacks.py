"""Stacks against a real server, with boto3 and its waiters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique
from tests.services.cloudformation.waiting import until

QUICK = {"Delay": 1, "MaxAttempts": 120}
Clients = Callable[..., Any]


def template(retention: int, *groups: str) -> str:
    """A template of log groups, each after the one before."""
    resources: dict[str, Any] = {}
    for name in groups:
        before = list(resources)
        resources[name] = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"RetentionInDays": retention},
            **({"DependsOn": before[-1]} if before else {}),
        }
    outputs = {name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in groups}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def groups_of(client: Clients, stack: str) -> dict[str, Any]:
    """The log groups that belong to a stack, with their retention."""
    answer = client("logs").describe_log_groups(logGroupNamePrefix=f"{stack}-")
    return {each["logGroupName"]: each.get("retentionInDays") for each in answer["logGroups"]}


def test_the_life_of_a_stack(client: Clients) -> None:
    cloudformation, name = client("cloudformation"), unique("life")
    stack_id = cloudformation.create_stack(
        StackName=name, TemplateBody=template(7, "A", "B"), Tags=[{"Key": "a", "Value": "b"}]
    )["StackId"]
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICK)
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert (stack["StackId"], stack["StackStatus"]) == (stack_id, "CREATE_COMPLETE")
    assert stack["Tags"] == [{"Key": "a", "Value": "b"}]
    assert [output["OutputKey"] for output in stack["Outputs"]] == ["A", "B"]
    assert list(groups_of(client, name).values()) == [7, 7]

    cloudformation.update_stack(StackName=name, TemplateBody=template(14, "A", "C"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=QUICK)
    resources = cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert [each["LogicalResourceId"] for each in resources] == ["A", "C"]
    assert list(groups_of(client, name).values()) == [14, 14]

    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_id, WaiterConfig=QUICK)
    assert groups_of(client, name) == {}
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    events = [event for page in pages for event in page["StackEvents"]]
    assert events[0]["ResourceStatus"] == "DELETE_COMPLETE"
    assert events[-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert all(event["Timestamp"].tzinfo is not None for event in events)


def test_a_failure_rolls_back_and_says_why(client: Clients) -> None:
    cloudformation, name = client("cloudformation"), unique("fails")
    taken = unique("taken")
    client("logs").create_log_group(logGroupName=taken)
    body = json.loads(template(7, "A", "B"))
    body["Resources"]["B"]["Properties"]["LogGroupName"] = taken
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body))
    events = _ended(cloudformation, name, "ROLLBACK_COMPLETE")
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any("already exists" in reason for reason in reasons)
    assert any("failed to create: [B]" in reason for reason in reasons)
    assert taken in groups_of(client, "taken")
    assert groups_of(client, name) == {}


def _ended(cloudformation: Any, name: str, status: str) -> list[dict[str, Any]]:
    """The stack's events once it has come to a status."""
    until(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == status, status)
    events: list[dict[str, Any]] = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return events


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("Resources: [", "Template format error: YAML not well-formed. (line 1, column 13)"),
        ("Resources: {A: {Type: 'AWS::Nothing::AtAll'}}", "resource type AWS::Nothing::AtAll is not supported"),
        (
            "Resources: {A: {Type: AWS::Logs::LogGroup, DependsOn: B}, B: {Type: AWS::Logs::LogGroup, DependsOn: A}}",
            "Circular dependency between resources: [A, B]",
        ),
        (
            "Parameters: {P: {Type: String}}\nResources: {A: {Type: 'AWS::Logs::LogGroup'}}",
            "Parameters: [P] must have values",
        ),
    ],
)
def test_wrong_templates_are_validation_errors(client: Clients, body: str, message: str) -> None:
    with pytest.raises(ClientError) as caught:
        client("cloudformation").create_stack(StackName=unique("wrong"), TemplateBody=body)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert message in caught.value.response["Error"]["Message"]


def test_a_template_from_a_bucket(client: Clients, server: RunningServer) -> None:
    bucket, name = unique("templates"), unique("url")
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="dir/one.json", Body=template(3, "A").encode())
    cloudformation = client("cloudformation")
    for url in (f"{server.url}/{bucket}/dir/one.json", f"https://{bucket}.s3.amazonaws.com/dir/one.json"):
        cloudformation.validate_template(TemplateURL=url)
    cloudformation.create_stack(StackName=name, TemplateURL=f"https://s3.amazonaws.com/{bucket}/dir/one.json")
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICK)
    assert cloudformation.get_template(StackName=name)["TemplateBody"] == json.loads(template(3, "A"))


def test_a_killed_server_goes_on_with_the_stack(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    names = [f"G{number}" for number in range(40)]
    server.client("cloudformation").create_stack(StackName="killed", TemplateBody=template(7, *names))
    server.kill()
    server.start()
    cloudformation = server.client("cloudformation")
    cloudformation.get_waiter("stack_create_complete").wait(StackName="killed", WaiterConfig=QUICK)
    assert len(groups_of(server.client, "killed")) == len(names)
