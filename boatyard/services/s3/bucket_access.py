"""Who may reach a bucket: its policy, public access block, object ownership and canned ACLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from boatyard.api import json_text
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, Policy, Principals, parse
from boatyard.identity.principals import Kind
from boatyard.identity.resource_policies import resource_policy
from boatyard.services.s3.errors import invalid_argument, malformed_xml
from boatyard.services.s3.lookup import bucket_in, bucket_of, change_bucket, known_bucket, owner, readable
from boatyard.services.s3.records import BUCKETS, Bucket

OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
OWNER_ACLS = ("private", "bucket-owner-full-control")
CANNED_ACLS = (
    *OWNER_ACLS,
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "log-delivery-write",
)
GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
POLICY_LIMIT = 20 * 1024


def put_bucket_policy(call: Call, params: Params) -> None:
    """Stores the bucket's policy once it is well-formed and about this bucket (S3 API, "PutBucketPolicy")."""
    document = params["Policy"]
    with call.installation.database.transaction() as tx:
        bucket = bucket_in(tx, params)
        policy = check_policy(bucket, document)
        if (bucket.public_access_block or {}).get("BlockPublicPolicy") and is_public(policy):
            message = (
                f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
                f'"{bucket.arn}" because public policies are prevented by the BlockPublicPolicy setting in S3 '
                "Block Public Access."
            )
            raise ApiError("AccessDenied", message, status=403)
        BUCKETS.put(tx, msgspec.structs.replace(bucket, policy=document))


@resource_policy("s3")
def find_policy(call: Call, arn: str) -> str | None:
    """The policy of the bucket that an ARN is of: what authorization asks for.

    Where public access is restricted, a policy that lets everybody in says nothing to who has not signed.
    """
    bucket = known_bucket(call, arn.removeprefix("arn:aws:s3:::").partition("/")[0])
    if bucket is None or bucket.policy is None:
        return None
    if call.principal.kind is Kind.ANONYMOUS and (bucket.public_access_block or {}).get("RestrictPublicBuckets"):
        return None
    return bucket.policy


def check_policy(bucket: Bucket, document: str) -> Policy:
    """The policy, parsed; MalformedPolicy when it is no policy or about something else than this bucket."""
    if len(document.encode()) > POLICY_LIMIT:
        raise _malformed(f"Policies must be at most {POLICY_LIMIT} bytes")
    try:
        content = json_text.read(document)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    statements = content.get("Statement")
    for statement in statements if isinstance(statements, list) else [statements]:
        if isinstance(statement, dict) and not {"Principal", "NotPrincipal"} & statement.keys():
            raise _malformed("Missing required field Principal")
        if isinstance(statement, dict) and not {"Resource", "NotResource"} & statement.keys():
            raise _malformed("Missing required field Resource")
    try:
        policy = parse(document, Grammar.RESOURCE)
    except MalformedPolicy as error:
        raise _malformed(str(error)) from error
    for each in policy.statements:
        for resource in each.resources:
            if not _of_bucket(bucket, resource):
                raise _malformed("Policy has invalid resource")
        for action in each.actions:
            if action != "*" and not action.lower().startswith("s3:"):
                raise _malformed("Policy has invalid action")
    return policy


def _of_bucket(bucket: Bucket, resource: str) -> bool:
    return resource == bucket.arn or resource.startswith((f"{bucket.arn}/", f"{bucket.arn}*"))


def _malformed(message: str) -> ApiError:
    return ApiError("MalformedPolicy", message, status=400)


def is_public(policy: Policy) -> bool:
    """Whether a statement lets everybody in without a condition (S3, "The meaning of public")."""
    return any(
        statement.allow and not statement.conditions and _everybody(statement.principals)
        for statement in policy.statements
    )


def _everybody(principals: Principals | None) -> bool:
    return principals is not None and (principals.negated or "*" in principals.aws)


def get_bucket_policy(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's policy, letter by letter (S3 API, "GetBucketPolicy")."""
    return {"Policy": _policy(bucket_of(call, params))}


def get_bucket_policy_status(call: Call, params: Params) -> dict[str, Any]:
    """Whether the bucket's policy makes it public (S3 API, "GetBucketPolicyStatus")."""
    document = _policy(bucket_of(call, params))
    return {"PolicyStatus": {"IsPublic": is_public(parse(document, Grammar.RESOURCE))}}


def _policy(bucket: Bucket) -> str:
    if bucket.policy is None:
        message = "The bucket policy does not exist"
        raise ApiError("NoSuchBucketPolicy", message, status=404, BucketName=bucket.name)
    return bucket.policy


def delete_bucket_policy(call: Call, params: Params) -> None:
    """Takes the bucket's policy away; none being there is success (S3 API, "DeleteBucketPolicy")."""
    change_bucket(call, params, policy=None)


def put_public_access_block(call: Call, params: Params) -> None:
    """Stores the bucket's public access block (S3 API, "PutPublicAccessBlock")."""
    given = params["PublicAccessBlockConfiguration"]
    change_bucket(call, params, public_access_block={name: bool(given.get(name, False)) for name in BLOCKS})


def get_public_access_block(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's public access block (S3 API, "GetPublicAccessBlock")."""
    bucket = bucket_of(call, params)
    if bucket.public_access_block is None:
        message = "The public access block configuration was not found"
        raise ApiError("NoSuchPublicAccessBlockConfiguration", message, status=404, BucketName=bucket.name)
    return {"PublicAccessBlockConfiguration": bucket.public_access_block}


def delete_public_access_block(call: Call, params: Params) -> None:
    """Takes the public access block away (S3 API, "DeletePublicAccessBlock")."""
    change_bucket(call, params, public_access_block=None)


def check_ownership(ownership: str) -> str:
    """The object ownership, if it is one of AWS's three; MalformedXML else."""
    if ownership not in OWNERSHIPS:
        raise malformed_xml()
    return ownership


def put_bucket_ownership_controls(call: Call, params: Params) -> None:
    """Stores who owns objects and whether ACLs count (S3 API, "PutBucketOwnershipControls")."""
    rules = params["OwnershipControls"]["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    change_bucket(call, params, ownership=check_ownership(rules[0]["ObjectOwnership"]))


def get_bucket_ownership_controls(call: Call, params: Params) -> dict[str, Any]:
    """Who owns the bucket's objects (S3 API, "GetBucketOwnershipControls")."""
    bucket = bucket_of(call, params)
    if bucket.ownership is None:
        message = "The bucket ownership controls were not found"
        raise ApiError("OwnershipControlsNotFoundError", message, status=404, BucketName=bucket.name)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership}]}}


def delete_bucket_ownership_controls(call: Call, params: Params) -> None:
    """Takes the ownership controls away, which lets ACLs count again (S3 API, "DeleteBucketOwnershipControls")."""
    change_bucket(call, params, ownership=None)


def check_new_acl(operation: str, params: Mapping[str, Any], ownership: str | None) -> str:
    """The canned ACL of a new bucket or object; only those that give nobody else anything are done."""
    for grant in GRANTS:
        if params.get(grant):
            if ownership == "BucketOwnerEnforced":
                raise _acl_refused(operation)
            raise not_supported("S3", operation, f"{grant}; use a bucket policy")
    acl: str = params.get("ACL") or "private"
    if acl not in CANNED_ACLS:
        raise invalid_argument("", ArgumentName="x-amz-acl", ArgumentValue=acl)
    if acl not in OWNER_ACLS:
        if ownership == "BucketOwnerEnforced":
            raise _acl_refused(operation)
        raise not_supported("S3", operation, f"the ACL {acl}; use a bucket policy")
    return acl


def _acl_refused(operation: str) -> ApiError:
    if operation == "CreateBucket":
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        return ApiError("InvalidBucketAclWithObjectOwnership", message, status=400)
    return ApiError("AccessControlListNotSupported", "The bucket does not allow ACLs", status=400)


def put_bucket_acl(call: Call, params: Params) -> None:
    """Accepts the ACLs private and bucket-owner-full-control (S3 API, "PutBucketAcl")."""
    _put_acl(call, "PutBucketAcl", params, bucket_of(call, params))


def get_bucket_acl(call: Call, params: Params) -> dict[str, Any]:
    """The bucket's ACL: its owner's full control (S3 API, "GetBucketAcl")."""
    return _owners_grant(bucket_of(call, params))


def put_object_acl(call: Call, params: Params) -> dict[str, Any]:
    """Accepts the ACLs private and bucket-owner-full-control (S3 API, "PutObjectAcl")."""
    with call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        readable(rx, bucket.name, params["Key"], params.get("VersionId"))
    _put_acl(call, "PutObjectAcl", params, bucket)
    return {}


def get_object_acl(call: Call, params: Params) -> dict[str, Any]:
    """The object's ACL: its owner's full control (S3 API, "GetObjectAcl")."""
    with call.installation.database.reading() as rx:
        bucket = bucket_in(rx, params)
        readable(rx, bucket.name, params["Key"], params.get("VersionId"))
    return _owners_grant(bucket)


def _put_acl(call: Call, operation: str, params: Params, bucket: Bucket) -> None:
    policy = params.get("AccessControlPolicy")
    if policy is None:
        check_new_acl(operation, params, bucket.ownership)
        return
    grants = policy.get("Grants") or []
    owners = owner(bucket.account)["ID"]
    if any(grant.get("Permission") != "FULL_CONTROL" or grant["Grantee"].get("ID") != owners for grant in grants):
        if bucket.ownership == "BucketOwnerEnforced":
            raise _acl_refused(operation)
        raise not_supported("S3", operation, "AccessControlPolicy with grants to others; use a bucket policy")


def _owners_grant(bucket: Bucket) -> dict[str, Any]:
    who = owner(bucket.account)
    return {"Owner": who, "Grants": [{"Grantee": {**who, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}
