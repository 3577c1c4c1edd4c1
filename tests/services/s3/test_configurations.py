"""What a bucket is set to, with boto3: put, got back, taken away; what boatyard does not do is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., dict[str, Any]]


def test_new_bucket_is_as_aws_makes_it(s3: Any, bucket: str, refused: Refused) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
    assert acl["Grants"][0]["Grantee"]["ID"] == acl["Owner"]["ID"]
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    for code, method in {
        "NoSuchBucketPolicy": s3.get_bucket_policy,
        "NoSuchTagSet": s3.get_bucket_tagging,
        "NoSuchCORSConfiguration": s3.get_bucket_cors,
        "NoSuchLifecycleConfiguration": s3.get_bucket_lifecycle_configuration,
        "NoSuchWebsiteConfiguration": s3.get_bucket_website,
        "ReplicationConfigurationNotFoundError": s3.get_bucket_replication,
        "ObjectLockConfigurationNotFoundError": s3.get_object_lock_configuration,
    }.items():
        refused(code, method, Bucket=bucket)


def test_tags_cors_and_lifecycle_come_back_as_put(s3: Any, bucket: str) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    cors = [{"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://example.com"], "MaxAgeSeconds": 60}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": cors})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == cors
    rules = [
        {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}},
        {
            "ID": "dated",
            "Status": "Disabled",
            "Filter": {"And": {"Prefix": "x/", "Tags": [{"Key": "k", "Value": "v"}]}},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket=bucket)


def test_lifecycle_date_comes_back_as_a_date(s3: Any, bucket: str) -> None:
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": "2030-01-01T00:00:00Z"}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    (got,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert got["Expiration"]["Date"].isoformat() == "2030-01-01T00:00:00+00:00"


def test_policy_is_checked_and_kept_letter_by_letter(s3: Any, bucket: str, refused: Refused) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=3)
    s3.put_bucket_policy(Bucket=bucket, Policy=document)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == document
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    for wrong in (
        "no JSON",
        json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": "arn:aws:s3:::other/*"}]}),
        json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Action": "ec2:RunInstances"}]}),
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}),
    ):
        refused("MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy=wrong)
    public = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Principal": "*"}]})
    refused("AccessDenied", s3.put_bucket_policy, Bucket=bucket, Policy=public)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    s3.delete_bucket_policy(Bucket=bucket)
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=bucket)


def test_ownership_decides_whether_acls_are_taken(s3: Any, bucket: str, refused: Refused) -> None:
    put = {"Bucket": bucket, "Key": "k", "Body": b""}
    s3.put_object(**put, ACL="bucket-owner-full-control")
    refused("AccessControlListNotSupported", s3.put_object, **put, ACL="public-read")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    response = refused("InvalidRequest", s3.put_object, **put, ACL="public-read")
    assert "S3:PutObject" in response["Error"]["Message"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        (
            "put_bucket_notification_configuration",
            {
                "NotificationConfiguration": {
                    "QueueConfigurations": [{"QueueArn": "arn:aws:sqs:us-east-1:1:q", "Events": ["s3:ObjectCreated:*"]}]
                }
            },
        ),
        (
            "put_bucket_logging",
            {"BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "b", "TargetPrefix": ""}}},
        ),
        ("put_bucket_accelerate_configuration", {"AccelerateConfiguration": {"Status": "Enabled"}}),
        ("put_object", {"Key": "k", "StorageClass": "GLACIER"}),
        ("put_object", {"Key": "k", "ObjectLockLegalHoldStatus": "ON"}),
    ],
)
def test_what_is_not_done_is_refused_by_name(
    s3: Any, bucket: str, refused: Refused, method: str, params: dict[str, Any]
) -> None:
    response = refused("InvalidRequest", getattr(s3, method), Bucket=bucket, **params)
    assert "does not support" in response["Error"]["Message"]


def test_operation_that_is_not_done_answers_501(s3: Any, bucket: str, refused: Refused) -> None:
    website = {"IndexDocument": {"Suffix": "index.html"}}
    response = refused("NotImplemented", s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=website)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
