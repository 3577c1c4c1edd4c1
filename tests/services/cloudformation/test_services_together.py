"""Stacks whose resources belong to several services."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import unique
from tests.services.cloudformation.waiting import until

QUICK = {"Delay": 1, "MaxAttempts": 120}
Clients = Callable[..., Any]


def test_a_full_bucket_holds_up_the_deletion(client: Clients) -> None:
    cloudformation, name = client("cloudformation"), unique("full")
    stack_id = cloudformation.create_stack(
        StackName=name, TemplateBody="Resources: {Bucket: {Type: AWS::S3::Bucket}, Group: {Type: AWS::Logs::LogGroup}}"
    )["StackId"]
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICK)
    (resource,) = cloudformation.describe_stack_resources(StackName=name, LogicalResourceId="Bucket")["StackResources"]
    bucket = resource["PhysicalResourceId"]
    client("s3").put_object(Bucket=bucket, Key="kept", Body=b"1")
    cloudformation.delete_stack(StackName=name)

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])

    until(lambda: status() == "DELETE_FAILED", "the deletion to fail")
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = next(event for event in events if event["LogicalResourceId"] == "Bucket")
    assert failed["ResourceStatus"] == "DELETE_FAILED"
    assert "BucketNotEmpty" in failed["ResourceStatusReason"]
    client("s3").delete_object(Bucket=bucket, Key="kept")
    cloudformation.delete_stack(StackName=name)
    until(lambda: status() == "DELETE_COMPLETE", "the deletion")


ROLE_AND_POLICY = {
    "Parameters": {"Level": {"Type": "AWS::SSM::Parameter::Value<String>"}},
    "Conditions": {"Loud": {"Fn::Equals": [{"Ref": "Level"}, "loud"]}},
    "Resources": {
        "Data": {"Type": "AWS::S3::Bucket"},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    },
                }
            },
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "read",
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Fn::Sub": "${Data.Arn}/*"}}
                    ],
                },
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Condition": "Loud"},
        "Note": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": {"Fn::If": ["Loud", {"Ref": "Topic"}, "no topic"]}},
        },
    },
    "Outputs": {"Role": {"Value": {"Ref": "Role"}}, "Note": {"Value": {"Fn::GetAtt": ["Note", "Value"]}}},
}


def test_roles_policies_buckets_and_stored_parameters(client: Clients) -> None:
    cloudformation, name, stored = client("cloudformation"), unique("together"), unique("level")
    client("ssm").put_parameter(Name=stored, Value="quiet", Type="String")
    request = {
        "StackName": name,
        "TemplateBody": json.dumps(ROLE_AND_POLICY),
        "Parameters": [{"ParameterKey": "Level", "ParameterValue": stored}],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]"):
        cloudformation.create_stack(**{**request, "Capabilities": []})
    cloudformation.create_stack(**request)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICK)
    assert outputs(client, name)["Note"] == "no topic"

    client("ssm").put_parameter(Name=stored, Value="loud", Type="String", Overwrite=True)
    cloudformation.update_stack(**request)
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=QUICK)
    assert outputs(client, name)["Note"].startswith("arn:aws:sns:")
    (parameter,) = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Parameters"]
    assert (parameter["ParameterValue"], parameter["ResolvedValue"]) == (stored, "loud")
    policy = client("iam").get_role_policy(RoleName=outputs(client, name)["Role"], PolicyName="read")
    assert policy["PolicyDocument"]["Statement"][0]["Resource"].startswith(f"arn:aws:s3:::{name}-data-")


def outputs(client: Clients, name: str) -> dict[str, str]:
    """A stack's outputs."""
    (stack,) = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
