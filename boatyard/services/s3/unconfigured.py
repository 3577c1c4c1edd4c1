"""Bucket features that boatyard does not have: reading says that they are off, turning them on is refused."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.services.s3.lookup import bucket_in, bucket_of, readable


def _off(call: Call, params: Params, code: str, message: str, status: int = 404) -> ApiError:
    return ApiError(code, message, status=status, BucketName=bucket_of(call, params).name)


def get_bucket_website(call: Call, params: Params) -> dict[str, Any]:
    """No bucket is a website (S3 API, "GetBucketWebsite")."""
    message = "The specified bucket does not have a website configuration"
    raise _off(call, params, "NoSuchWebsiteConfiguration", message)


def delete_bucket_website(call: Call, params: Params) -> None:
    """Has nothing to delete (S3 API, "DeleteBucketWebsite")."""
    bucket_of(call, params)


def get_bucket_replication(call: Call, params: Params) -> dict[str, Any]:
    """No bucket is replicated (S3 API, "GetBucketReplication")."""
    message = "The replication configuration was not found"
    raise _off(call, params, "ReplicationConfigurationNotFoundError", message)


def delete_bucket_replication(call: Call, params: Params) -> None:
    """Has nothing to delete (S3 API, "DeleteBucketReplication")."""
    bucket_of(call, params)


def get_bucket_logging(call: Call, params: Params) -> dict[str, Any]:
    """No bucket's accesses are logged into another (S3 API, "GetBucketLogging")."""
    bucket_of(call, params)
    return {}


def put_bucket_logging(call: Call, params: Params) -> None:
    """Accepts that logging is off (S3 API, "PutBucketLogging")."""
    bucket_of(call, params)
    if params["BucketLoggingStatus"].get("LoggingEnabled"):
        raise not_supported("S3", "PutBucketLogging", "BucketLoggingStatus.LoggingEnabled")


def get_bucket_request_payment(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's owner pays (S3 API, "GetBucketRequestPayment")."""
    bucket_of(call, params)
    return {"Payer": "BucketOwner"}


def put_bucket_request_payment(call: Call, params: Params) -> None:
    """Accepts that the bucket's owner pays (S3 API, "PutBucketRequestPayment")."""
    bucket_of(call, params)
    if params["RequestPaymentConfiguration"]["Payer"] != "BucketOwner":
        raise not_supported("S3", "PutBucketRequestPayment", "RequestPaymentConfiguration.Payer other than BucketOwner")


def get_bucket_accelerate_configuration(call: Call, params: Params) -> dict[str, Any]:
    """Transfer Acceleration is never on (S3 API, "GetBucketAccelerateConfiguration")."""
    bucket_of(call, params)
    return {}


def put_bucket_accelerate_configuration(call: Call, params: Params) -> None:
    """Accepts that Transfer Acceleration is off (S3 API, "PutBucketAccelerateConfiguration")."""
    bucket_of(call, params)
    if params["AccelerateConfiguration"].get("Status") != "Suspended":
        raise not_supported("S3", "PutBucketAccelerateConfiguration", "AccelerateConfiguration.Status Enabled")


def get_object_lock_configuration(call: Call, params: Params) -> dict[str, Any]:
    """No bucket has Object Lock (S3 API, "GetObjectLockConfiguration")."""
    message = "Object Lock configuration does not exist for this bucket"
    raise _off(call, params, "ObjectLockConfigurationNotFoundError", message)


def get_object_retention(call: Call, params: Params) -> dict[str, Any]:
    """No object is retained (S3 API, "GetObjectRetention")."""
    raise _unlocked(call, params)


def get_object_legal_hold(call: Call, params: Params) -> dict[str, Any]:
    """No object is on hold (S3 API, "GetObjectLegalHold")."""
    raise _unlocked(call, params)


def _unlocked(call: Call, params: Params) -> ApiError:
    with call.installation.database.reading() as rx:
        readable(rx, bucket_in(rx, params).name, params["Key"], params.get("VersionId"))
    return ApiError("InvalidRequest", "Bucket is missing Object Lock Configuration", status=400)


def get_bucket_analytics_configuration(call: Call, params: Params) -> dict[str, Any]:
    """No bucket is analysed (S3 API, "GetBucketAnalyticsConfiguration")."""
    raise _off(call, params, "NoSuchConfiguration", "The specified configuration does not exist.")


def get_bucket_inventory_configuration(call: Call, params: Params) -> dict[str, Any]:
    """No bucket has inventories (S3 API, "GetBucketInventoryConfiguration")."""
    raise _off(call, params, "NoSuchConfiguration", "The specified configuration does not exist.")


def get_bucket_metrics_configuration(call: Call, params: Params) -> dict[str, Any]:
    """No bucket has request metrics (S3 API, "GetBucketMetricsConfiguration")."""
    raise _off(call, params, "NoSuchConfiguration", "The specified configuration does not exist.")


def get_bucket_intelligent_tiering_configuration(call: Call, params: Params) -> dict[str, Any]:
    """No bucket has tiers (S3 API, "GetBucketIntelligentTieringConfiguration")."""
    raise _off(call, params, "NoSuchConfiguration", "The specified configuration does not exist.")


def list_bucket_analytics_configurations(call: Call, params: Params) -> dict[str, Any]:
    """None (S3 API, "ListBucketAnalyticsConfigurations")."""
    bucket_of(call, params)
    return {"IsTruncated": False}


def list_bucket_inventory_configurations(call: Call, params: Params) -> dict[str, Any]:
    """None (S3 API, "ListBucketInventoryConfigurations")."""
    bucket_of(call, params)
    return {"IsTruncated": False}


def list_bucket_metrics_configurations(call: Call, params: Params) -> dict[str, Any]:
    """None (S3 API, "ListBucketMetricsConfigurations")."""
    bucket_of(call, params)
    return {"IsTruncated": False}


def list_bucket_intelligent_tiering_configurations(call: Call, params: Params) -> dict[str, Any]:
    """None (S3 API, "ListBucketIntelligentTieringConfigurations")."""
    bucket_of(call, params)
    return {"IsTruncated": False}
