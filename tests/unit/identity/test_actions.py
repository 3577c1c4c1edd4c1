"""Which actions on which resources operations need."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.models import service_model
from boatyard.identity.actions import needs_of, table_of
from boatyard.services import PACKAGES

HERE = "us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/service-role/R"


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("s3", "ListBuckets", {}, ["s3:ListAllMyBuckets *"]),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k/x"}, ["s3:GetObject arn:aws:s3:::b/k/x"]),
        (
            "s3",
            "GetObject",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            ["s3:GetObjectVersion arn:aws:s3:::b/k"],
        ),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, ["s3:ListBucket arn:aws:s3:::b"]),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "a/x%20y?versionId=3", "Tagging": "a=b"},
            [
                "s3:GetObjectVersion arn:aws:s3:::a/x y",
                "s3:PutObject arn:aws:s3:::b/k",
                "s3:PutObjectTagging arn:aws:s3:::b/k",
            ],
        ),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, ["s3:PutObject arn:aws:s3:::b/k"]),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b", "Delete": {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "1"}]}},
            ["s3:DeleteObject arn:aws:s3:::b/x", "s3:DeleteObjectVersion arn:aws:s3:::b/y"],
        ),
        ("s3", "PutBucketCors", {"Bucket": "b"}, ["s3:PutBucketCORS arn:aws:s3:::b"]),
        (
            "s3",
            "GetObjectAttributes",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            ["s3:GetObjectVersion arn:aws:s3:::b/k", "s3:GetObjectVersionAttributes arn:aws:s3:::b/k"],
        ),
        (
            "s3",
            "PutObjectAcl",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            ["s3:PutObjectVersionAcl arn:aws:s3:::b/k"],
        ),
        (
            "s3",
            "DeleteObjectTagging",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            ["s3:DeleteObjectVersionTagging arn:aws:s3:::b/k"],
        ),
        (
            "s3",
            "CreateMultipartUpload",
            {"Bucket": "b", "Key": "k", "Tagging": "a=b", "ACL": "private"},
            [f"s3:{action} arn:aws:s3:::b/k" for action in ("PutObject", "PutObjectTagging", "PutObjectAcl")],
        ),
        (
            "s3",
            "DeleteObject",
            {"Bucket": "b", "Key": "k", "VersionId": "1", "BypassGovernanceRetention": True},
            ["s3:DeleteObjectVersion arn:aws:s3:::b/k", "s3:BypassGovernanceRetention arn:aws:s3:::b/k"],
        ),
        (
            "s3",
            "CreateBucket",
            {
                "Bucket": "b",
                "ObjectOwnership": "ObjectWriter",
                "CreateBucketConfiguration": {"Tags": [{"Key": "a", "Value": "b"}]},
            },
            [f"s3:{action} arn:aws:s3:::b" for action in ("CreateBucket", "PutBucketOwnershipControls", "TagResource")],
        ),
        (
            "iam",
            "AddRoleToInstanceProfile",
            {"InstanceProfileName": "I", "RoleName": "R"},
            [
                "iam:AddRoleToInstanceProfile arn:aws:iam::000000000000:instance-profile/I",
                "iam:PassRole arn:aws:iam::000000000000:role/R",
            ],
        ),
        *(
            (service, operation, {name: "x", tags: [{"Key": "a", "Value": "b"}]}, [f"{made} {arn}", f"{tagged} {arn}"])
            for service, operation, name, tags, made, tagged, arn in (
                (
                    "iam",
                    "CreateRole",
                    "RoleName",
                    "Tags",
                    "iam:CreateRole",
                    "iam:TagRole",
                    "arn:aws:iam::000000000000:role/x",
                ),
                ("sns", "CreateTopic", "Name", "Tags", "sns:CreateTopic", "sns:TagResource", f"arn:aws:sns:{HERE}:x"),
                (
                    "ssm",
                    "PutParameter",
                    "Name",
                    "Tags",
                    "ssm:PutParameter",
                    "ssm:AddTagsToResource",
                    f"arn:aws:ssm:{HERE}:parameter/x",
                ),
                (
                    "ecr",
                    "CreateRepository",
                    "repositoryName",
                    "tags",
                    "ecr:CreateRepository",
                    "ecr:TagResource",
                    f"arn:aws:ecr:{HERE}:repository/x",
                ),
                (
                    "events",
                    "PutRule",
                    "Name",
                    "Tags",
                    "events:PutRule",
                    "events:TagResource",
                    f"arn:aws:events:{HERE}:rule/x",
                ),
                (
                    "lambda",
                    "CreateFunction",
                    "FunctionName",
                    "Tags",
                    "lambda:CreateFunction",
                    "lambda:TagResource",
                    f"arn:aws:lambda:{HERE}:function:x",
                ),
            )
        ),
        ("iam", "GetRole", {"RoleName": "R"}, ["iam:GetRole arn:aws:iam::000000000000:role/R"]),
        (
            "iam",
            "CreateRole",
            {"RoleName": "R", "Path": "/service-role/"},
            ["iam:CreateRole arn:aws:iam::000000000000:role/service-role/R"],
        ),
        ("iam", "GetPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/X"}, ["iam:GetPolicy arn:aws:iam::aws:policy/X"]),
        ("sts", "GetCallerIdentity", {}, []),
        ("ssm", "GetParameter", {"Name": "/a/b:3"}, [f"ssm:GetParameter arn:aws:ssm:{HERE}:parameter/a/b"]),
        ("ssm", "GetParametersByPath", {"Path": "/a/"}, [f"ssm:GetParametersByPath arn:aws:ssm:{HERE}:parameter/a"]),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            [f"logs:PutLogEvents arn:aws:logs:{HERE}:log-group:/g:log-stream:s"],
        ),
        ("events", "PutRule", {"Name": "r"}, [f"events:PutRule arn:aws:events:{HERE}:rule/r"]),
        (
            "events",
            "PutTargets",
            {"Rule": "r", "EventBusName": "bus", "Targets": [{"Id": "1", "Arn": "x", "RoleArn": ROLE}]},
            [f"events:PutTargets arn:aws:events:{HERE}:rule/bus/r", f"iam:PassRole {ROLE}"],
        ),
        ("sns", "CreateTopic", {"Name": "t"}, [f"sns:CreateTopic arn:aws:sns:{HERE}:t"]),
        ("sns", "PublishBatch", {"TopicArn": f"arn:aws:sns:{HERE}:t"}, [f"sns:Publish arn:aws:sns:{HERE}:t"]),
        ("ecr", "GetAuthorizationToken", {}, ["ecr:GetAuthorizationToken *"]),
        ("ecr", "PutImage", {"repositoryName": "a/b"}, [f"ecr:PutImage arn:aws:ecr:{HERE}:repository/a/b"]),
        ("codecommit", "GitPush", {"repositoryName": "r"}, [f"codecommit:GitPush arn:aws:codecommit:{HERE}:r"]),
        (
            "codebuild",
            "BatchGetBuilds",
            {"ids": ["p:1", "p:2", "q:1"]},
            [
                f"codebuild:BatchGetBuilds arn:aws:codebuild:{HERE}:project/p",
                f"codebuild:BatchGetBuilds arn:aws:codebuild:{HERE}:project/q",
            ],
        ),
        (
            "codepipeline",
            "CreatePipeline",
            {"pipeline": {"name": "p", "roleArn": ROLE}},
            [f"codepipeline:CreatePipeline arn:aws:codepipeline:{HERE}:p", f"iam:PassRole {ROLE}"],
        ),
        (
            "codepipeline",
            "RetryStageExecution",
            {"pipelineName": "p", "stageName": "Build"},
            [f"codepipeline:RetryStageExecution arn:aws:codepipeline:{HERE}:p/Build"],
        ),
        (
            "cloudformation",
            "CreateStack",
            {"StackName": "s"},
            [f"cloudformation:CreateStack arn:aws:cloudformation:{HERE}:stack/s/*"],
        ),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f", "Qualifier": "live"},
            [f"lambda:InvokeFunction arn:aws:lambda:{HERE}:function:f:live"],
        ),
        (
            "lambda",
            "GetFunction",
            {"FunctionName": f"arn:aws:lambda:{HERE}:function:f"},
            [f"lambda:GetFunction arn:aws:lambda:{HERE}:function:f"],
        ),
        ("lambda", "ListFunctions", {}, ["lambda:ListFunctions *"]),
        (
            "sagemaker",
            "CreateTrainingJob",
            {"TrainingJobName": "Job", "RoleArn": ROLE, "Tags": [{"Key": "a", "Value": "b"}]},
            [
                f"sagemaker:CreateTrainingJob arn:aws:sagemaker:{HERE}:training-job/job",
                f"sagemaker:AddTags arn:aws:sagemaker:{HERE}:training-job/job",
                f"iam:PassRole {ROLE}",
            ],
        ),
        (
            "sagemaker-runtime",
            "InvokeEndpoint",
            {"EndpointName": "e"},
            [f"sagemaker:InvokeEndpoint arn:aws:sagemaker:{HERE}:endpoint/e"],
        ),
    ],
)
def test_needs(call: Call, service: str, operation: str, params: dict[str, Any], expected: list[str]) -> None:
    assert [f"{need.action} {need.resource}" for need in needs_of(call, service, operation, params)] == expected


def test_kms_needs_name_the_key(call: Call) -> None:
    kms = call.client("kms")
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    kms.create_alias(AliasName="alias/k", TargetKeyId=first)
    (need,) = needs_of(call, "kms", "Encrypt", {"KeyId": "alias/k", "EncryptionContext": {"A": "1"}})
    assert (need.action, need.resource) == ("kms:Encrypt", first)
    assert need.context["kms:encryptioncontext:a"] == "1"
    blob = kms.encrypt(KeyId=first, Plaintext=b"x")["CiphertextBlob"]
    assert [item.resource for item in needs_of(call, "kms", "Decrypt", {"CiphertextBlob": blob})] == [first]
    moved = needs_of(call, "kms", "ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": second})
    assert [(item.action, item.resource) for item in moved] == [
        ("kms:ReEncryptFrom", first),
        ("kms:ReEncryptTo", second),
    ]


def test_tables_name_operations_that_exist() -> None:
    for service in PACKAGES:
        table, known = table_of(service), set(service_model(service).operation_names)
        named = {*table.rules, *table.special, *table.lists, *table.passed_roles}
        assert named <= known | {"GetBucketLifecycle"}, service
