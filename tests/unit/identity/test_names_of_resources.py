"""However a request spells the name of a resource: what is asked for is the permission on what is touched."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.identity.actions import needs_of

HERE = "us-east-1:000000000000"
ELSEWHERE = "eu-west-1:000000000000"
FUNCTION = f"arn:aws:lambda:{HERE}:function:secret"
GROUP = f"arn:aws:logs:{HERE}:log-group:secret"


@pytest.mark.parametrize(
    ("service", "operation", "params", "touched"),
    [
        *(
            ("lambda", "GetFunction", {"FunctionName": name}, FUNCTION)
            for name in (
                "secret",
                "000000000000:secret",
                "000000000000:function:secret",
                "function:secret",
                f"{HERE}:function:secret",
                f"arn:aws:lambda:{HERE}:secret",
                f"arn:aws-cn:lambda:{HERE}:function:secret",
                f"arn:aws:lambda:{ELSEWHERE}:function:secret",
                "arn:aws:lambda:us-east-1:111111111111:function:secret",
            )
        ),
        ("lambda", "Invoke", {"FunctionName": "000000000000:secret:1"}, f"{FUNCTION}:1"),
        ("lambda", "TagResource", {"Resource": "secret", "Tags": {}}, FUNCTION),
        (
            "lambda",
            "DeleteLayerVersion",
            {"LayerName": "x:layer:secret", "VersionNumber": 1},
            f"arn:aws:lambda:{HERE}:layer:secret:1",
        ),
        ("logs", "TagResource", {"resourceArn": f"arn:aws-cn:logs:{HERE}:log-group:secret:*", "tags": {}}, GROUP),
        ("logs", "TagResource", {"resourceArn": "secret", "tags": {}}, GROUP),
        ("logs", "TagResource", {"resourceArn": f"arn:aws:logs:{HERE}:x:log-group:secret", "tags": {}}, GROUP),
        ("logs", "FilterLogEvents", {"logGroupIdentifier": f"arn:aws:logs:{ELSEWHERE}:log-group:secret"}, GROUP),
        (
            "ssm",
            "GetParameter",
            {"Name": f"arn:aws:ssm:{HERE}:parameter/a/b:3"},
            f"arn:aws:ssm:{HERE}:parameter/a/b",
        ),
        (
            "ecr",
            "ListTagsForResource",
            {"resourceArn": f"arn:x:ecr:{ELSEWHERE}:repository/r"},
            f"arn:aws:ecr:{HERE}:repository/r",
        ),
        ("sns", "DeleteTopic", {"TopicArn": f"x:y:z:{HERE}:t"}, f"arn:aws:sns:{HERE}:t"),
        ("sns", "DeleteTopic", {"TopicArn": f"arn:aws:sns:{ELSEWHERE}:t"}, f"arn:aws:sns:{ELSEWHERE}:t"),
        (
            "events",
            "PutEvents",
            {"Entries": [{"EventBusName": f"arn:aws-cn:events:{HERE}:event-bus/b"}]},
            f"arn:aws:events:{HERE}:event-bus/b",
        ),
        (
            "codebuild",
            "BatchGetProjects",
            {"names": [f"arn:aws:codebuild:{HERE}:project/p"]},
            f"arn:aws:codebuild:{HERE}:project/p",
        ),
        ("sagemaker", "DeleteEndpoint", {"EndpointName": "Secret"}, f"arn:aws:sagemaker:{HERE}:endpoint/secret"),
        ("s3", "CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "/a/%2e%2e?versionId=1"}, "arn:aws:s3:::a/.."),
        (
            "codebuild",
            "StartBuild",
            {"projectName": "p", "serviceRoleOverride": "R"},
            "arn:aws:iam::000000000000:role/R",
        ),
    ],
)
def test_the_resource_that_is_touched_is_asked_about(
    call: Call, service: str, operation: str, params: dict[str, Any], touched: str
) -> None:
    asked = {need.resource for need in needs_of(call, service, operation, params)}
    assert touched in {arn.removesuffix(":log-stream:") for arn in asked}


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("cloudwatch", "ListTagsForResource", {"ResourceARN": f"arn:aws:cloudwatch:{HERE}:secret"}),
        ("cloudwatch", "ListTagsForResource", {"ResourceARN": f"arn:aws:sns:{HERE}:alarm:secret"}),
        ("sns", "DeleteTopic", {"TopicArn": f"x:y:z:{HERE}:secret"}),
    ],
)
def test_what_is_no_arn_of_the_kind_is_refused(
    call: Call, service: str, operation: str, params: dict[str, Any]
) -> None:
    call.invoke("sns", "CreateTopic", Name="secret")
    alarm = {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    rule = {"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    call.invoke("cloudwatch", "PutMetricAlarm", AlarmName="secret", **alarm, **rule)
    with pytest.raises(ApiError):
        call.invoke(service, operation, **params)


def test_a_change_set_is_asked_about_at_its_own_stack(call: Call) -> None:
    """The stack that a request names beside the change set's ARN does not count: it is not what is changed."""
    body = '{"Resources": {"H": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}'
    made = call.invoke(
        "cloudformation",
        "CreateChangeSet",
        StackName="secret",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=body,
    )
    params = {"StackName": "mine", "ChangeSetName": made["Id"]}
    needs = needs_of(call, "cloudformation", "ExecuteChangeSet", params)
    assert [need.resource for need in needs] == [made["StackId"]]


@pytest.mark.parametrize("name", ["arn:", "arn:aws:cloudformation", "/", "c/", "arn:aws:x/y/z"])
def test_a_change_sets_name_may_be_anything(call: Call, name: str) -> None:
    params = {"StackName": "mine", "ChangeSetName": name}
    assert needs_of(call, "cloudformation", "DescribeChangeSet", params)


def test_a_grant_is_retired_by_whom_it_names_and_no_other(call: Call) -> None:
    key = call.invoke("kms", "CreateKey")["KeyMetadata"]["KeyId"]
    ana, bob = (f"arn:aws:iam::000000000000:user/{name}" for name in ("ana", "bob"))
    grants = [
        call.invoke(
            "kms",
            "CreateGrant",
            KeyId=key,
            GranteePrincipal=bob,
            RetiringPrincipal=who,
            Operations=["Decrypt"],
            Name=who,
        )
        for who in (ana, bob)
    ]
    asked = [needs_of(call, "kms", "RetireGrant", {"GrantToken": grant["GrantToken"]})[0] for grant in grants]
    assert [need.resource.rpartition("/")[2] for need in asked] == [key, key]
    assert asked[0].context != asked[1].context


def test_a_grant_for_nobody_known_is_refused(call: Call) -> None:
    """It would be in the way of every later use of the key."""
    key = call.invoke("kms", "CreateKey")["KeyMetadata"]["KeyId"]
    with pytest.raises(ApiError, match="InvalidArnException"):
        call.invoke("kms", "CreateGrant", KeyId=key, GranteePrincipal="nobody", Operations=["Decrypt"])
