"""Buckets of CloudFormation stacks: configured, changed, deleted only when empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.server import unique

WAIT = {"Delay": 1, "MaxAttempts": 120}


def _template(**bucket: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/kept/*"},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return json.dumps(
        {
            "Resources": {
                "Bucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
                "Policy": {
                    "Type": "AWS::S3::BucketPolicy",
                    "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": document},
                },
            },
            "Outputs": {"Name": {"Value": {"Ref": "Bucket"}}, "Arn": {"Value": {"Fn::GetAtt": ["Bucket", "Arn"]}}},
        }
    )


def test_stack_with_a_bucket(client: Callable[..., Any], s3: Any) -> None:
    stacks, name = client("cloudformation"), unique("Stack")
    properties: dict[str, Any] = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        "LifecycleConfiguration": {"Rules": [{"Id": "r", "Status": "Enabled", "Prefix": "p", "ExpirationInDays": 3}]},
        "Tags": [{"Key": "a", "Value": "1"}],
        "AccessControl": "Private",
    }
    stacks.create_stack(StackName=name, TemplateBody=_template(**properties))
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)
    described = stacks.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described}
    bucket = outputs["Name"]
    assert bucket.startswith(name.lower())
    assert outputs["Arn"] == f"arn:aws:s3:::{bucket}"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert (rule["Filter"], rule["Expiration"]) == ({"Prefix": "p"}, {"Days": 3})
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert (tags["a"], tags["aws:cloudformation:logical-id"]) == ("1", "Bucket")
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Effect"] == "Deny"

    changed = {"VersioningConfiguration": {"Status": "Suspended"}, "Tags": [{"Key": "a", "Value": "2"}]}
    stacks.update_stack(StackName=name, TemplateBody=_template(**changed))
    stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket)

    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    stacks.delete_stack(StackName=name)
    with pytest.raises(WaiterError):
        stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=WAIT)
    reasons = [
        event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert any("The bucket you tried to delete is not empty" in reason for reason in reasons)
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert bucket not in [each["Name"] for each in s3.list_buckets()["Buckets"]]
