"""Condition keys: what a request, its resource and its way say of themselves when policies ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.identity.actions import needs_of
from boatyard.identity.principals import Principal
from boatyard.identity.records import Role, User
from boatyard.settings import Settings
from tests.unit.identity.conftest import ACCOUNT, trust

HERE = f"us-east-1:{ACCOUNT}"
OTHERS = ["logs:*", "sns:*", "kms:*", "s3:*", "iam:*", "ecr:*", "ssm:*", "codecommit:*", "cloudformation:*", "events:*"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same settings, with policies enforced."""
    return settings.model_copy(update={"authorization": "enforce"})


@pytest.fixture
def user(call: Call, make_user: Callable[..., User]) -> Callable[..., Call]:
    """A call by a new user who may all under a condition; `denied` forbids all under one instead."""
    made = 0

    def make(condition: dict[str, Any], *, denied: bool = False) -> Call:
        nonlocal made
        made += 1
        statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": OTHERS, "Resource": "*"}]
        if denied:
            statements.append({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition})
        else:
            statements[0]["Condition"] = condition
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        record = make_user(f"user{made}", inline={"p": document}, tags={"Team": "a"})
        return replace(call, principal=Principal.of_user(ACCOUNT, "/", record.name, record.id))

    return make


def keys(call: Call, service: str, operation: str, **params: Any) -> dict[str, Any]:
    return dict(needs_of(call, service, operation, params)[0].context)


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "a/"}, {"s3:prefix": "a/", "s3:max-keys": "1000"}),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k", "ACL": "private"}, {"s3:x-amz-acl": "private"}),
        (
            "s3",
            "PutObject",
            {"Bucket": "b", "Key": "k", "Tagging": "Team=a%20b&x="},
            {
                "s3:requestobjecttag/team": "a b",
                "s3:requestobjecttag/x": "",
                "s3:requestobjecttagkeys": ("Team", "x"),
            },
        ),
        ("s3", "DeleteObject", {"Bucket": "b", "Key": "k", "IfMatch": "e"}, {"s3:if-match": "e"}),
        (
            "iam",
            "AttachRolePolicy",
            {"RoleName": "R", "PolicyArn": "arn:aws:iam::aws:policy/X"},
            {"iam:policyarn": "arn:aws:iam::aws:policy/X"},
        ),
        ("ssm", "GetParametersByPath", {"Path": "/a", "Recursive": True}, {"ssm:recursive": "true"}),
        ("ssm", "PutParameter", {"Name": "a", "Value": "v"}, {"ssm:overwrite": "false"}),
        (
            "sns",
            "Subscribe",
            {"TopicArn": f"arn:aws:sns:{HERE}:t", "Protocol": "lambda", "Endpoint": "e"},
            {"sns:protocol": "lambda", "sns:endpoint": "e"},
        ),
        (
            "events",
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "1", "Arn": "x"}, {"Id": "2", "Arn": "y"}]},
            {"events:targetarn": ("x", "y")},
        ),
        (
            "events",
            "PutRule",
            {"Name": "r", "EventPattern": '{"source": ["aws.s3"]}'},
            {"events:source": ("aws.s3",), "events:creatoraccount": ACCOUNT},
        ),
        (
            "codecommit",
            "PutFile",
            {"repositoryName": "r", "branchName": "main"},
            {"codecommit:references": "refs/heads/main"},
        ),
        (
            "codebuild",
            "StartBuild",
            {"projectName": "p", "privilegedModeOverride": True, "environmentVariablesOverride": [{"name": "A"}]},
            {
                "codebuild:environment.privilegedmode": "true",
                "codebuild:environment.environmentvariables.name": ("A",),
            },
        ),
        (
            "sagemaker",
            "CreateTrainingJob",
            {
                "TrainingJobName": "j",
                "ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": "k"},
                "StoppingCondition": {"MaxRuntimeInSeconds": 60},
                "EnableNetworkIsolation": True,
            },
            {
                "sagemaker:instancetypes": ("ml.m5.large",),
                "sagemaker:volumekmskey": "k",
                "sagemaker:maxruntimeinseconds": "60",
                "sagemaker:networkisolation": "true",
            },
        ),
        (
            "sagemaker",
            "CreateEndpointConfig",
            {
                "EndpointConfigName": "c",
                "ProductionVariants": [{"ModelName": "M", "InstanceType": "ml.m5.large"}],
                "Tags": [{"Key": "Team", "Value": "a"}],
            },
            {
                "sagemaker:instancetypes": ("ml.m5.large",),
                "sagemaker:modelarn": f"arn:aws:sagemaker:{HERE}:model/m",
                "aws:requesttag/team": "a",
                "aws:tagkeys": ("Team",),
            },
        ),
        (
            "lambda",
            "AddPermission",
            {"FunctionName": "f", "Principal": "s3.amazonaws.com"},
            {"lambda:principal": "s3.amazonaws.com"},
        ),
        (
            "cloudformation",
            "CreateChangeSet",
            {"StackName": "s", "ChangeSetName": "c", "ResourceTypes": ["AWS::S3::Bucket"]},
            {"cloudformation:changesetname": "c", "cloudformation:resourcetypes": ("AWS::S3::Bucket",)},
        ),
        ("cloudwatch", "PutMetricData", {"Namespace": "N"}, {"cloudwatch:namespace": "N"}),
        ("sns", "UntagResource", {"ResourceArn": f"arn:aws:sns:{HERE}:t", "TagKeys": ["a"]}, {"aws:tagkeys": ("a",)}),
        ("kms", "CreateKey", {"KeySpec": "HMAC_256"}, {"kms:keyspec": "HMAC_256", "kms:multiregion": "false"}),
    ],
)
def test_keys_of_services(
    call: Call, service: str, operation: str, params: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert expected.items() <= keys(call, service, operation, **params).items()


def test_a_boundary_can_be_demanded_of_whoever_changes_roles(call: Call, make_role: Callable[..., Role]) -> None:
    edge = f"arn:aws:iam::{ACCOUNT}:policy/edge"
    make_role("Held", trust({"AWS": ACCOUNT}), boundary=edge)
    make_role("Free", trust({"AWS": ACCOUNT}))
    policy = {"PolicyName": "p", "PolicyDocument": "{}"}
    assert keys(call, "iam", "PutRolePolicy", RoleName="Held", **policy)["iam:permissionsboundary"] == edge
    assert "iam:permissionsboundary" not in keys(call, "iam", "PutRolePolicy", RoleName="Free", **policy)
    assert keys(call, "iam", "CreateRole", RoleName="New", PermissionsBoundary=edge)["iam:permissionsboundary"] == edge


TAG = {"Key": "Team", "Value": "a"}
TRUST = trust({"AWS": ACCOUNT})
TAGGED: dict[str, tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]], str]] = {
    "sns": (
        ("CreateTopic", {"Name": "t", "Tags": [TAG]}),
        ("ListTagsForResource", {"ResourceArn": f"arn:aws:sns:{HERE}:t"}),
        "aws",
    ),
    "logs": (
        ("CreateLogGroup", {"logGroupName": "/g", "tags": {"Team": "a"}}),
        ("DescribeLogStreams", {"logGroupName": "/g"}),
        "aws",
    ),
    "ecr": (
        ("CreateRepository", {"repositoryName": "box", "tags": [TAG]}),
        ("ListImages", {"repositoryName": "box"}),
        "ecr",
    ),
    "iam": (
        ("CreateRole", {"RoleName": "R", "AssumeRolePolicyDocument": TRUST, "Tags": [TAG]}),
        ("GetRole", {"RoleName": "R"}),
        "iam",
    ),
    "ssm": (
        ("PutParameter", {"Name": "/a/b", "Value": "v", "Type": "String", "Tags": [TAG]}),
        ("GetParameter", {"Name": "/a/b"}),
        "ssm",
    ),
    "codecommit": (
        ("CreateRepository", {"repositoryName": "r", "tags": {"Team": "a"}}),
        ("GetRepository", {"repositoryName": "r"}),
        "aws",
    ),
    "events": (
        ("PutRule", {"Name": "r", "ScheduleExpression": "rate(1 day)", "State": "DISABLED", "Tags": [TAG]}),
        ("DescribeRule", {"Name": "r"}),
        "aws",
    ),
}


@pytest.mark.parametrize("service", TAGGED)
def test_a_resources_tags_open_it(call: Call, user: Callable[..., Call], service: str) -> None:
    (make, made), (ask, asked), own = TAGGED[service]
    call.invoke(service, make, **made)
    for name in {"aws", own}:
        user({"StringEquals": {f"{name}:ResourceTag/team": "a"}}).invoke(service, ask, **asked)
        user({"StringEquals": {f"{name}:ResourceTag/team": "${aws:PrincipalTag/Team}"}}).invoke(service, ask, **asked)
        with pytest.raises(ApiError, match="because no identity-based policy allows"):
            user({"StringEquals": {f"{name}:ResourceTag/Team": "b"}}).invoke(service, ask, **asked)
        with pytest.raises(ApiError, match="explicit deny"):
            user({"StringEquals": {f"{name}:ResourceTag/Team": "a"}}, denied=True).invoke(service, ask, **asked)


def test_a_keys_tags_open_it(call: Call, user: Callable[..., Call]) -> None:
    key = call.invoke("kms", "CreateKey", Tags=[{"TagKey": "Team", "TagValue": "a"}])["KeyMetadata"]["KeyId"]
    user({"StringEquals": {"aws:ResourceTag/Team": "a"}}).invoke("kms", "DescribeKey", KeyId=key)
    with pytest.raises(ApiError, match="identity-based"):
        user({"StringEquals": {"aws:ResourceTag/Team": "b"}}).invoke("kms", "DescribeKey", KeyId=key)


def test_an_objects_tags_open_it(call: Call, user: Callable[..., Call]) -> None:
    call.invoke("s3", "CreateBucket", Bucket="tagged")
    call.invoke("s3", "PutObject", Bucket="tagged", Key="k", Body=b"x", Tagging="Team=a")
    mine, other = (user({"StringEquals": {"s3:ExistingObjectTag/Team": team}}) for team in ("a", "b"))
    assert mine.invoke("s3", "GetObject", Bucket="tagged", Key="k")["ContentLength"] == 1
    with pytest.raises(ApiError, match="identity-based"):
        other.invoke("s3", "GetObject", Bucket="tagged", Key="k")


def test_a_key_may_be_for_use_through_s3_alone(call: Call, user: Callable[..., Call]) -> None:
    key = call.invoke("kms", "CreateKey")["KeyMetadata"]["KeyId"]
    call.invoke("s3", "CreateBucket", Bucket="sealed")
    through = {"StringEqualsIfExists": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    direct = {"Null": {"kms:ViaService": "false"}}
    put = {"Bucket": "sealed", "Key": "k", "Body": b"x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    user(through).invoke("s3", "PutObject", **put)
    user({"StringNotEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, denied=False).invoke(
        "kms", "GenerateDataKey", KeyId=key, KeySpec="AES_256"
    )
    with pytest.raises(ApiError, match="kms:GenerateDataKey"):
        user(direct, denied=True).invoke("s3", "PutObject", **put)
    with pytest.raises(ApiError, match="kms:GenerateDataKey"):
        user({"Bool": {"aws:ViaAWSService": "true"}}, denied=True).invoke("s3", "PutObject", **put)


def test_the_parts_of_an_upload_count_as_it_was_begun(call: Call, user: Callable[..., Call]) -> None:
    """Deny what is not encrypted: parts carry no header that says how the whole is."""
    call.invoke("s3", "CreateBucket", Bucket="parts")
    sealed_only = user({"Null": {"s3:x-amz-server-side-encryption": "true"}}, denied=True)
    document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::parts/*",
                "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}},
            },
        }
    )
    call.invoke("s3", "PutBucketPolicy", Bucket="parts", Policy=document)
    writer = user({"StringEquals": {"aws:PrincipalTag/team": "a"}})
    named = {"Bucket": "parts", "Key": "k"}
    upload = writer.invoke("s3", "CreateMultipartUpload", **named, ServerSideEncryption="AES256")["UploadId"]
    writer.invoke("s3", "UploadPart", **named, UploadId=upload, PartNumber=1, Body=b"x")
    with pytest.raises(ApiError, match="explicit deny in a resource-based policy"):
        writer.invoke("s3", "CreateMultipartUpload", **named)
    with pytest.raises(ApiError, match="explicit deny in an identity-based policy"):
        sealed_only.invoke("s3", "PutObject", **named, Body=b"x")


def test_a_service_says_on_whose_behalf_it_calls(call: Call) -> None:
    topic = call.invoke("sns", "CreateTopic", Name="t")["TopicArn"]

    def allow(**condition: Any) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": condition,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        call.invoke("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    rule = f"arn:aws:events:{HERE}:rule/r"
    events = replace(call.as_service("events.amazonaws.com"), source_arn=rule)
    allow(ArnLike={"aws:SourceArn": f"arn:aws:events:{HERE}:rule/*"}, StringEquals={"aws:SourceAccount": ACCOUNT})
    events.invoke("sns", "Publish", TopicArn=topic, Message="m")
    for wrong in (
        {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{HERE}:rule/other"}},
        {"StringEquals": {"aws:SourceAccount": "111111111111"}},
    ):
        allow(**wrong)
        with pytest.raises(ApiError, match="SNS:Publish"):
            events.invoke("sns", "Publish", TopicArn=topic, Message="m")


def test_a_service_may_nothing_of_its_own_but_keep_its_records(call: Call) -> None:
    service = call.as_service("sagemaker.amazonaws.com")
    service.invoke(
        "cloudwatch", "PutMetricData", Namespace="AWS/SageMaker", MetricData=[{"MetricName": "m", "Value": 1.0}]
    )
    call.invoke("s3", "CreateBucket", Bucket="private")
    with pytest.raises(ApiError, match="s3:ListBucket"):
        service.invoke("s3", "ListObjectsV2", Bucket="private")
    with pytest.raises(ApiError, match="iam:ListRoles"):
        service.invoke("iam", "ListRoles")
