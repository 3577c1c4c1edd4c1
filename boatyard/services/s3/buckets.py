"""Buckets: create, find, list and delete them."""

from __future__ import annotations

from typing import Any

from boatyard.api import tags as tagging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import decode_token, encode_token
from boatyard.api.timestamps import now
from boatyard.services.s3 import quotas, records
from boatyard.services.s3.bucket_access import check_new_acl, check_ownership
from boatyard.services.s3.bucket_configuration import check_bucket_tags
from boatyard.services.s3.errors import invalid_argument
from boatyard.services.s3.lookup import blobs, bucket_in, bucket_of, owner
from boatyard.services.s3.names import check_bucket_name
from boatyard.services.s3.records import BUCKETS, Bucket
from boatyard.state.database import Reader

DEFAULT_REGION = "us-east-1"
PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def create_bucket(call: Call, params: Params) -> dict[str, Any]:
    """Creates a bucket, private and with ACLs off as AWS does by default (S3 API, "CreateBucket")."""
    name = params["Bucket"]
    check_bucket_name(name)
    if params.get("ObjectLockEnabledForBucket"):
        raise not_supported("S3", "CreateBucket", "ObjectLockEnabledForBucket")
    configuration = params.get("CreateBucketConfiguration") or {}
    for member in ("Location", "Bucket"):
        if configuration.get(member):
            raise not_supported("S3", "CreateBucket", f"CreateBucketConfiguration.{member} (directory buckets)")
    tags = tagging.to_dict(configuration.get("Tags"))
    check_bucket_tags(tags)
    ownership = check_ownership(params.get("ObjectOwnership") or "BucketOwnerEnforced")
    bucket = Bucket(
        name=name,
        account=call.account,
        region=_region(call, configuration.get("LocationConstraint")),
        created=now(),
        tags=tags,
        ownership=ownership,
        acl=check_new_acl("CreateBucket", params, ownership),
        public_access_block=PRIVATE,
    )
    with call.installation.database.transaction() as tx:
        _check_free(BUCKETS.get(tx, name), bucket)
        BUCKETS.put(tx, bucket)
        quotas.BUCKETS.check_new(call, tx, BUCKETS)
    return {"Location": f"/{name}", "BucketArn": bucket.arn}


def _region(call: Call, constraint: str | None) -> str:
    if constraint is None:
        if call.region != DEFAULT_REGION:
            message = (
                "The unspecified location constraint is incompatible for the region specific endpoint this "
                "request was sent to."
            )
            raise ApiError("IllegalLocationConstraintException", message, status=400)
        return DEFAULT_REGION
    region = "eu-west-1" if constraint == "EU" else constraint
    if region == DEFAULT_REGION:
        message = "The specified location-constraint is not valid"
        raise ApiError("InvalidLocationConstraint", message, status=400, LocationConstraint=constraint)
    if region != call.region and call.region != DEFAULT_REGION:
        message = (
            f"The {constraint} location constraint is incompatible for the region specific endpoint this request "
            "was sent to."
        )
        raise ApiError("IllegalLocationConstraintException", message, status=400)
    return region


def _check_free(there: Bucket | None, wanted: Bucket) -> None:
    if there is None:
        return
    if there.account != wanted.account:
        message = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again."
        )
        raise ApiError("BucketAlreadyExists", message, status=409, BucketName=wanted.name)
    if not there.region == wanted.region == DEFAULT_REGION:
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise ApiError("BucketAlreadyOwnedByYou", message, status=409, BucketName=wanted.name)


def delete_bucket(call: Call, params: Params) -> None:
    """Deletes a bucket that holds no object version and no delete marker (S3 API, "DeleteBucket").

    Multipart uploads that were never completed go with it.
    """
    with call.installation.database.transaction() as tx:
        bucket = bucket_in(tx, params)
        if records.has_objects(tx, bucket.name):
            message = "The bucket you tried to delete is not empty"
            if bucket.versioning:
                message += ". You must delete all versions in the bucket."
            raise ApiError("BucketNotEmpty", message, status=409, BucketName=bucket.name)
        unused = _abort_uploads(tx, bucket.name)
        BUCKETS.delete(tx, bucket.name)
        tx.after_commit(lambda: blobs(call).delete(*unused))


def _abort_uploads(tx: Any, bucket: str) -> list[str]:
    unused: list[str] = []
    while uploads := records.scan_uploads(tx, bucket, (b"", ""), None, 1000):
        for upload in uploads:
            unused += records.remove_upload(tx, upload.upload_id)
    return unused


def head_bucket(call: Call, params: Params) -> dict[str, Any]:
    """Says whether a bucket is there, and in which region (S3 API, "HeadBucket")."""
    bucket = bucket_of(call, params)
    return {"BucketRegion": bucket.region, "BucketArn": bucket.arn, "AccessPointAlias": False}


def get_bucket_location(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's region; nothing for us-east-1 (S3 API, "GetBucketLocation")."""
    region = bucket_of(call, params).region
    return {} if region == DEFAULT_REGION else {"LocationConstraint": region}


def list_buckets(call: Call, params: Params) -> dict[str, Any]:
    """The account's buckets by name, of one region or prefix if asked, in pages if asked (S3 API, "ListBuckets")."""
    limit, token = params.get("MaxBuckets"), params.get("ContinuationToken")
    prefix, region = params.get("Prefix"), params.get("BucketRegion")
    after = decode_token(token, "InvalidArgument", "The continuation token provided is incorrect") if token else ""
    if not isinstance(after, str):
        raise invalid_argument("The continuation token provided is incorrect")
    with call.installation.database.reading() as rx:
        buckets = _select(rx, call.account, prefix or "", after)
    buckets = [bucket for bucket in buckets if region in (None, bucket.region)]
    page = buckets[:limit] if limit else buckets
    answer: dict[str, Any] = {
        "Buckets": [
            {
                "Name": bucket.name,
                "CreationDate": bucket.created,
                "BucketRegion": bucket.region,
                "BucketArn": bucket.arn,
            }
            for bucket in page
        ],
        "Owner": owner(call.account),
    }
    if len(page) < len(buckets):
        answer["ContinuationToken"] = encode_token(page[-1].name)
    if prefix is not None:
        answer["Prefix"] = prefix
    return answer


def _select(rx: Reader, account: str, prefix: str, after: str) -> list[Bucket]:
    return BUCKETS.select(rx, {"account": account}, prefix=("name", prefix), after=("name", after))
