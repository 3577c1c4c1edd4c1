"""S3's operations: several need an action of another name, some more than one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from boatyard.identity.actions import condition_keys
from boatyard.identity.actions.model import Keys, Need, Params, Table
from boatyard.identity.resource_policies import find_needs

if TYPE_CHECKING:
    from boatyard.api.call import Call

_BUCKET = "arn:aws:s3:::{Bucket}"
_OBJECT = "arn:aws:s3:::{Bucket}/{Key}"
_ON_OBJECTS = (
    *("AbortMultipartUpload", "GetObjectLegalHold", "GetObjectRetention", "ListParts", "PutObjectLegalHold"),
    *("PutObjectRetention", "UploadPart", "RestoreObject"),
)


def _object(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def _versioned(action: str, params: Params) -> Need:
    """An action on an object; its name has Version in it when a version is asked for."""
    version = params.get("VersionId")
    name = action.replace("Object", "ObjectVersion", 1) if version else action
    keys: Keys = {"s3:versionid": version} if version else {}
    return Need(f"s3:{name}", _object(params["Bucket"], params["Key"]), keys)


def _get_object(call: Call, operation: str, params: Params) -> list[Need]:
    needs = [_versioned("GetObject", params)]
    if operation == "GetObjectAttributes":
        needs.append(_versioned("GetObjectAttributes", params))
    return needs


def _delete_object(call: Call, operation: str, params: Params) -> list[Need]:
    return _delete_objects(call, operation, {**params, "Delete": {"Objects": [_named(params)]}})


def _named(params: Params) -> Params:
    return {name: params[name] for name in ("Key", "VersionId") if name in params}


def _of_version(call: Call, operation: str, params: Params) -> list[Need]:
    return [_versioned(operation, params)]


def _delete_objects(call: Call, operation: str, params: Params) -> list[Need]:
    objects = [{"Bucket": params["Bucket"], **item} for item in params.get("Delete", {}).get("Objects", [])]
    needs = [_versioned("DeleteObject", item) for item in objects]
    if params.get("BypassGovernanceRetention"):
        needs += [Need("s3:BypassGovernanceRetention", _object(item["Bucket"], item["Key"])) for item in objects]
    return needs


def _put_object(call: Call, operation: str, params: Params) -> list[Need]:
    target = _object(params["Bucket"], params["Key"])
    needs = [Need("s3:PutObject", target)]
    if params.get("Tagging"):
        needs.append(Need("s3:PutObjectTagging", target))
    if params.get("ACL") or any(name.startswith("Grant") for name in params):
        needs.append(Need("s3:PutObjectAcl", target))
    if params.get("ObjectLockMode") or params.get("ObjectLockRetainUntilDate"):
        needs.append(Need("s3:PutObjectRetention", target))
    if params.get("ObjectLockLegalHoldStatus"):
        needs.append(Need("s3:PutObjectLegalHold", target))
    return needs


def _continue_upload(call: Call, operation: str, params: Params) -> Sequence[Need]:
    """S3 knows what an upload was begun with: that counts for its parts and its end too."""
    return find_needs("s3", call, operation, params)


def _create_bucket(call: Call, operation: str, params: Params) -> list[Need]:
    """Making a bucket with settings needs the permission for each of them."""
    actions = ["CreateBucket"]
    if params.get("ACL") or any(name.startswith("Grant") for name in params):
        actions.append("PutBucketAcl")
    if params.get("ObjectOwnership"):
        actions.append("PutBucketOwnershipControls")
    if params.get("ObjectLockEnabledForBucket"):
        actions += ["PutBucketObjectLockConfiguration", "PutBucketVersioning"]
    return [Need(f"s3:{action}", f"arn:aws:s3:::{params['Bucket']}") for action in actions]


def _copy(call: Call, operation: str, params: Params) -> list[Need]:
    written = _continue_upload if operation == "UploadPartCopy" else _put_object
    return [_source(params["CopySource"]), *written(call, operation, params)]


def _source(source: Any) -> Need:
    """Reading what is copied: `bucket/key?versionId=...`, or boto3's dictionary."""
    if isinstance(source, dict):
        return _versioned("GetObject", dict(source))
    path, _, version = str(source).partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return _versioned("GetObject", {"Bucket": bucket, "Key": key, "VersionId": version or None})


def _renamed(names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {operation: (action,) for operation, action in names.items()}


TABLES = {
    "s3": Table(
        prefix="s3",
        service_principal="s3.amazonaws.com",
        resources={"Bucket": _BUCKET},
        lists=frozenset({"ListBuckets"}),
        context=condition_keys.s3,
        tagging={"CreateBucket": "TagResource"},
        special={
            "GetObject": _get_object,
            "HeadObject": _get_object,
            "GetObjectAttributes": _get_object,
            "DeleteObject": _delete_object,
            "DeleteObjects": _delete_objects,
            "GetObjectTagging": _of_version,
            "PutObjectTagging": _of_version,
            "DeleteObjectTagging": _of_version,
            "GetObjectAcl": _of_version,
            "PutObjectAcl": _of_version,
            "CreateBucket": _create_bucket,
            "PutObject": _put_object,
            "CreateMultipartUpload": _put_object,
            "UploadPart": _continue_upload,
            "CompleteMultipartUpload": _continue_upload,
            "CopyObject": _copy,
            "UploadPartCopy": _copy,
        },
        rules={
            **{operation: (f"{operation} {_OBJECT}",) for operation in _ON_OBJECTS},
            "ListParts": (f"ListMultipartUploadParts {_OBJECT}",),
            **_renamed(
                {
                    "HeadBucket": "ListBucket",
                    "ListObjects": "ListBucket",
                    "ListObjectsV2": "ListBucket",
                    "ListObjectVersions": "ListBucketVersions",
                    "ListBuckets": "ListAllMyBuckets",
                    "ListMultipartUploads": "ListBucketMultipartUploads",
                    "DeleteBucketCors": "PutBucketCORS",
                    "DeleteBucketEncryption": "PutEncryptionConfiguration",
                    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
                    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
                    "DeleteBucketReplication": "PutReplicationConfiguration",
                    "DeleteBucketTagging": "PutBucketTagging",
                    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
                    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
                    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
                    "GetBucketCors": "GetBucketCORS",
                    "GetBucketEncryption": "GetEncryptionConfiguration",
                    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
                    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
                    "GetBucketLifecycle": "GetLifecycleConfiguration",
                    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
                    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
                    "GetBucketNotificationConfiguration": "GetBucketNotification",
                    "GetBucketReplication": "GetReplicationConfiguration",
                    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
                    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
                    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
                    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
                    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
                    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
                    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
                    "PutBucketCors": "PutBucketCORS",
                    "PutBucketEncryption": "PutEncryptionConfiguration",
                    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
                    "PutBucketNotificationConfiguration": "PutBucketNotification",
                    "PutBucketReplication": "PutReplicationConfiguration",
                    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
                    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
                }
            ),
        },
    )
}
