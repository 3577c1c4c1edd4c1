"""What a bucket is set to: versioning, encryption, tags, notifications, CORS, lifecycle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from boatyard.api import tags as tagging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.services.s3 import lifecycle_rules
from boatyard.services.s3.encryption import check_algorithm, default_rule
from boatyard.services.s3.errors import invalid_argument, invalid_request, malformed_xml
from boatyard.services.s3.lookup import bucket_of, change_bucket, edit_bucket
from boatyard.services.s3.records import Bucket

SYSTEM = "aws:cloudformation:"
METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")


def put_bucket_versioning(call: Call, params: Params) -> None:
    """Turns versioning on, or suspends it (S3 API, "PutBucketVersioning")."""
    asked = params["VersioningConfiguration"]
    if params.get("MFA") or asked.get("MFADelete") == "Enabled":
        raise not_supported("S3", "PutBucketVersioning", "MFADelete")
    status = asked.get("Status")
    if status not in ("Enabled", "Suspended"):
        raise ApiError(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
            status=400,
        )
    change_bucket(call, params, versioning=status)


def get_bucket_versioning(call: Call, params: Params) -> dict[str, Any]:
    """Enabled, Suspended, or nothing if it never was on (S3 API, "GetBucketVersioning")."""
    status = bucket_of(call, params).versioning
    return {"Status": status} if status else {}


def put_bucket_encryption(call: Call, params: Params) -> None:
    """Sets the default encryption to SSE-S3 or SSE-KMS (S3 API, "PutBucketEncryption")."""
    rules = params["ServerSideEncryptionConfiguration"]["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    default = rules[0].get("ApplyServerSideEncryptionByDefault") or {"SSEAlgorithm": "AES256"}
    check_algorithm("PutBucketEncryption", default["SSEAlgorithm"])
    if default["SSEAlgorithm"] == "AES256" and default.get("KMSMasterKeyID"):
        message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise invalid_argument(message, ArgumentName="KMSMasterKeyID")
    kept = {
        "ApplyServerSideEncryptionByDefault": {
            name: default[name] for name in ("SSEAlgorithm", "KMSMasterKeyID") if default.get(name)
        },
        "BucketKeyEnabled": bool(rules[0].get("BucketKeyEnabled", False)),
    }
    change_bucket(call, params, encryption={"Rules": [kept]})


def get_bucket_encryption(call: Call, params: Params) -> dict[str, Any]:
    """The default encryption; SSE-S3 where nothing was set (S3 API, "GetBucketEncryption")."""
    return {"ServerSideEncryptionConfiguration": {"Rules": [default_rule(bucket_of(call, params))]}}


def delete_bucket_encryption(call: Call, params: Params) -> None:
    """Goes back to SSE-S3 (S3 API, "DeleteBucketEncryption")."""
    change_bucket(call, params, encryption=None)


def put_bucket_tagging(call: Call, params: Params) -> None:
    """Replaces the bucket's tags (S3 API, "PutBucketTagging")."""
    given = params["Tagging"]["TagSet"]
    tags = tagging.to_dict(given)
    if len(tags) < len(given):
        raise ApiError("InvalidTag", "Cannot provide multiple Tags with the same key", status=400)
    check_bucket_tags(tags)
    edit_bucket(call, params, lambda bucket: msgspec.structs.replace(bucket, tags={**_system_tags(bucket), **tags}))


def check_bucket_tags(tags: Mapping[str, str]) -> None:
    """InvalidTag for too many or wrong tags; those by which CloudFormation marks a stack's buckets may be there."""
    tagging.check({name: value for name, value in tags.items() if not name.startswith(SYSTEM)}, "InvalidTag")


def _system_tags(bucket: Bucket) -> dict[str, str]:
    return {name: value for name, value in bucket.tags.items() if name.startswith(SYSTEM)}


def get_bucket_tagging(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's tags; NoSuchTagSet without any (S3 API, "GetBucketTagging")."""
    bucket = bucket_of(call, params)
    if not bucket.tags:
        raise _missing("NoSuchTagSet", "The TagSet does not exist", bucket)
    return {"TagSet": tagging.to_list(bucket.tags)}


def delete_bucket_tagging(call: Call, params: Params) -> None:
    """Takes all tags but CloudFormation's away (S3 API, "DeleteBucketTagging")."""
    edit_bucket(call, params, lambda bucket: msgspec.structs.replace(bucket, tags=_system_tags(bucket)))


def put_bucket_notification_configuration(call: Call, params: Params) -> None:
    """Turns events to EventBridge on or off (S3 API, "PutBucketNotificationConfiguration")."""
    asked = params["NotificationConfiguration"]
    for name in ("TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations"):
        if asked.get(name):
            what = f"NotificationConfiguration.{name}; use EventBridgeConfiguration and an EventBridge rule"
            raise not_supported("S3", "PutBucketNotificationConfiguration", what)
    change_bucket(call, params, event_bridge=asked.get("EventBridgeConfiguration") is not None)


def get_bucket_notification_configuration(call: Call, params: Params) -> dict[str, Any]:
    """Whether events go to EventBridge (S3 API, "GetBucketNotificationConfiguration")."""
    return {"EventBridgeConfiguration": {}} if bucket_of(call, params).event_bridge else {}


def put_bucket_cors(call: Call, params: Params) -> None:
    """Stores the CORS rules (S3 API, "PutBucketCors")."""
    rules = params["CORSConfiguration"]["CORSRules"]
    if not 0 < len(rules) <= 100:
        raise malformed_xml()
    for rule in rules:
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                raise invalid_request(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
    change_bucket(call, params, cors=rules)


def get_bucket_cors(call: Call, params: Params) -> dict[str, Any]:
    """The CORS rules (S3 API, "GetBucketCors")."""
    bucket = bucket_of(call, params)
    if bucket.cors is None:
        raise _missing("NoSuchCORSConfiguration", "The CORS configuration does not exist", bucket)
    return {"CORSRules": bucket.cors}


def delete_bucket_cors(call: Call, params: Params) -> None:
    """Takes the CORS rules away (S3 API, "DeleteBucketCors")."""
    change_bucket(call, params, cors=None)


def put_bucket_lifecycle_configuration(call: Call, params: Params) -> dict[str, Any]:
    """Stores the lifecycle rules, which are carried out once an hour (S3 API, "PutBucketLifecycleConfiguration")."""
    rules = (params.get("LifecycleConfiguration") or {}).get("Rules")
    if not rules or len(rules) > 1000:
        raise malformed_xml()
    kept = [_named_rule(rule, number) for number, rule in enumerate(rules)]
    names = {rule["ID"] for rule in kept}
    if len(names) < len(kept):
        raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule")
    least = params.get("TransitionDefaultMinimumObjectSize") or "all_storage_classes_128K"
    plain: list[dict[str, Any]] = msgspec.to_builtins(kept)
    change_bucket(call, params, lifecycle=plain, lifecycle_minimum_size=least)
    return {"TransitionDefaultMinimumObjectSize": least}


def _named_rule(rule: Mapping[str, Any], number: int) -> dict[str, Any]:
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise malformed_xml()
    name = rule.get("ID") or f"rule-{number + 1}"
    if len(name) > 255:
        raise invalid_argument("ID length should not exceed allowed limit of 255")
    lifecycle_rules.check(rule)
    return {**rule, "ID": name}


def get_bucket_lifecycle_configuration(call: Call, params: Params) -> dict[str, Any]:
    """The lifecycle rules (S3 API, "GetBucketLifecycleConfiguration")."""
    bucket = bucket_of(call, params)
    if bucket.lifecycle is None:
        raise _missing("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", bucket)
    return {"Rules": _with_dates(bucket.lifecycle), "TransitionDefaultMinimumObjectSize": bucket.lifecycle_minimum_size}


def _with_dates(value: Any) -> Any:
    """Stored rules with their dates, which JSON has as text, as dates again."""
    if isinstance(value, list):
        return [_with_dates(each) for each in value]
    if isinstance(value, dict):
        return {
            name: datetime.fromisoformat(each) if name == "Date" else _with_dates(each) for name, each in value.items()
        }
    return value


def delete_bucket_lifecycle(call: Call, params: Params) -> None:
    """Takes the lifecycle rules away (S3 API, "DeleteBucketLifecycle")."""
    change_bucket(call, params, lifecycle=None)


def _missing(code: str, message: str, bucket: Bucket) -> ApiError:
    return ApiError(code, message, status=404, BucketName=bucket.name)
