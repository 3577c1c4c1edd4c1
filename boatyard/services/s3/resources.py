"""CloudFormation's AWS::S3::Bucket and AWS::S3::BucketPolicy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type
from boatyard.services.s3.lifecycle_property import LIFECYCLE_RULE, to_rules

STACK_TAGS = ("aws:cloudformation:stack-name", "aws:cloudformation:logical-id", "aws:cloudformation:stack-id")
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_CORS_NAMES = {
    "AllowedHeaders": "AllowedHeaders",
    "AllowedMethods": "AllowedMethods",
    "AllowedOrigins": "AllowedOrigins",
    "ExposedHeaders": "ExposeHeaders",
    "Id": "ID",
    "MaxAge": "MaxAgeSeconds",
}


def _members(*names: str, kind: type = str) -> dict[str, PropertyRule]:
    return {name: PropertyRule(kind) for name in names}


@resource_type("AWS::S3::Bucket")
class Bucket(ResourceType):
    """A bucket with its configurations (CloudFormation, "AWS::S3::Bucket")."""

    properties = {
        "BucketName": PropertyRule(str, immutable=True),
        "AccessControl": PropertyRule(str),
        "VersioningConfiguration": PropertyRule(dict, members={"Status": PropertyRule(str, required=True)}),
        "BucketEncryption": PropertyRule(
            dict,
            members={
                "ServerSideEncryptionConfiguration": PropertyRule(
                    list,
                    required=True,
                    members={
                        "BucketKeyEnabled": PropertyRule(bool),
                        "ServerSideEncryptionByDefault": PropertyRule(
                            dict, members=_members("SSEAlgorithm", "KMSMasterKeyID")
                        ),
                    },
                )
            },
        ),
        "PublicAccessBlockConfiguration": PropertyRule(dict, members=_members(*_BLOCKS, kind=bool)),
        "OwnershipControls": PropertyRule(
            dict, members={"Rules": PropertyRule(list, required=True, members=_members("ObjectOwnership"))}
        ),
        "NotificationConfiguration": PropertyRule(
            dict,
            members={
                "EventBridgeConfiguration": PropertyRule(dict, members={"EventBridgeEnabled": PropertyRule(bool)})
            },
        ),
        "LifecycleConfiguration": PropertyRule(
            dict,
            members={
                "Rules": PropertyRule(list, required=True, members=LIFECYCLE_RULE),
                "TransitionDefaultMinimumObjectSize": PropertyRule(str),
            },
        ),
        "CorsConfiguration": PropertyRule(
            dict, members={"CorsRules": PropertyRule(list, required=True, members=_members(*_CORS_NAMES, kind=object))}
        ),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Creates the bucket; one that this very request made before a crash is taken up."""
        name = request.properties.get("BucketName") or request.name(63, lower=True)
        client = call.client("s3")
        configuration: dict[str, Any] = {"Tags": _tags(request)}
        if call.region != "us-east-1":
            configuration["LocationConstraint"] = call.region
        if not _taken_up(call, name, request):
            client.create_bucket(Bucket=name, CreateBucketConfiguration=configuration, **_ownership(request.properties))
        _configure(call, name, request.properties, {})
        return _state(name, call.region)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Sets what has changed; what is not in the template any more goes back to its default."""
        assert request.physical_id is not None
        name = request.physical_id
        call.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": _tags(request)})
        _configure(call, name, request.properties, request.previous)
        return _state(name, call.region)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Deletes the bucket; one that holds anything fails with BucketNotEmpty."""
        try:
            call.client("s3").delete_bucket(Bucket=request.physical_id)
        except ApiError as error:
            if error.code != "NoSuchBucket":
                raise


def _taken_up(call: Call, name: str, request: ResourceRequest) -> bool:
    """Whether the bucket is there and this stack's; raises when it is there and somebody else's."""
    client = call.client("s3")
    try:
        tags = {tag["Key"]: tag["Value"] for tag in client.get_bucket_tagging(Bucket=name)["TagSet"]}
    except ApiError as error:
        if error.code == "NoSuchBucket":
            return False
        if error.code != "NoSuchTagSet":
            raise
        tags = {}
    wanted = {tag["Key"]: tag["Value"] for tag in _tags(request)}
    if any(tags.get(key) != wanted[key] for key in STACK_TAGS):
        raise ApiError("AlreadyExists", f"{name} already exists", status=409)
    return True


def _tags(request: ResourceRequest) -> list[dict[str, str]]:
    """The resource's own tags, the stack's, and those by which AWS marks a stack's buckets."""
    tags = {tag["Key"]: str(tag["Value"]) for tag in request.properties.get("Tags") or ()}
    values = (request.stack_name, request.logical_id, request.stack_id)
    tags = {**request.tags, **tags, **dict(zip(STACK_TAGS, values, strict=True))}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _state(name: str, region: str) -> ResourceState:
    return ResourceState(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
        },
    )


def _ownership(properties: Mapping[str, Any]) -> dict[str, str]:
    given: dict[str, str] = {}
    if "OwnershipControls" in properties:
        given["ObjectOwnership"] = properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
    return given


def _put_acl(client: Any, name: str, value: str) -> None:
    client.put_bucket_acl(Bucket=name, ACL=_hyphenated(value))


def _hyphenated(value: str) -> str:
    """PublicRead as public-read."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in value).lstrip("-")


def _configure(call: Call, name: str, properties: Mapping[str, Any], previous: Mapping[str, Any]) -> None:
    """Calls the Put operation of each configuration that is new or changed, and undoes those that are gone."""
    for each, (put, undo) in _CONFIGURATIONS.items():
        if each in properties:
            if properties[each] != previous.get(each):
                put(call.client("s3"), name, properties[each])
        elif each in previous:
            undo(call.client("s3"), name)


def _put_versioning(client: Any, name: str, value: Mapping[str, Any]) -> None:
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": value["Status"]})


def _suspend_versioning(client: Any, name: str) -> None:
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})


def _put_encryption(client: Any, name: str, value: Mapping[str, Any]) -> None:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault")
            or {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": _true(rule.get("BucketKeyEnabled", False)),
        }
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})


def _put_public_access_block(client: Any, name: str, value: Mapping[str, Any]) -> None:
    blocks = {each: _true(value.get(each, False)) for each in _BLOCKS}
    client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocks)


def _undo_public_access_block(client: Any, name: str) -> None:
    _put_public_access_block(client, name, dict.fromkeys(_BLOCKS, True))


def _put_ownership(client: Any, name: str, value: Mapping[str, Any]) -> None:
    client.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": value["Rules"]})


def _undo_ownership(client: Any, name: str) -> None:
    _put_ownership(client, name, {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})


def _put_notification(client: Any, name: str, value: Mapping[str, Any]) -> None:
    bridge = value.get("EventBridgeConfiguration")
    turned_on = bridge is not None and _true(bridge.get("EventBridgeEnabled", True))
    configuration: dict[str, Any] = {"EventBridgeConfiguration": {}} if turned_on else {}
    client.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)


def _undo_notification(client: Any, name: str) -> None:
    client.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})


def _put_lifecycle(client: Any, name: str, value: Mapping[str, Any]) -> None:
    least = value.get("TransitionDefaultMinimumObjectSize")
    client.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={"Rules": to_rules(value["Rules"])},
        TransitionDefaultMinimumObjectSize=least,
    )


def _put_cors(client: Any, name: str, value: Mapping[str, Any]) -> None:
    rules = [{_CORS_NAMES[member]: content for member, content in rule.items()} for rule in value["CorsRules"]]
    for rule in rules:
        if "MaxAgeSeconds" in rule:
            rule["MaxAgeSeconds"] = int(rule["MaxAgeSeconds"])
    client.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})


_CONFIGURATIONS: dict[str, tuple[Any, Any]] = {
    "OwnershipControls": (_put_ownership, _undo_ownership),
    "AccessControl": (_put_acl, lambda client, name: client.put_bucket_acl(Bucket=name, ACL="private")),
    "PublicAccessBlockConfiguration": (_put_public_access_block, _undo_public_access_block),
    "VersioningConfiguration": (_put_versioning, _suspend_versioning),
    "BucketEncryption": (_put_encryption, lambda client, name: client.delete_bucket_encryption(Bucket=name)),
    "NotificationConfiguration": (_put_notification, _undo_notification),
    "LifecycleConfiguration": (_put_lifecycle, lambda client, name: client.delete_bucket_lifecycle(Bucket=name)),
    "CorsConfiguration": (_put_cors, lambda client, name: client.delete_bucket_cors(Bucket=name)),
}


def _true(value: Any) -> bool:
    """A boolean as templates have it: true, or the text "true"."""
    return str(value).lower() == "true"


@resource_type("AWS::S3::BucketPolicy")
class BucketPolicy(ResourceType):
    """A bucket's policy (CloudFormation, "AWS::S3::BucketPolicy")."""

    properties = {
        "Bucket": PropertyRule(str, required=True, immutable=True),
        "PolicyDocument": PropertyRule(object, required=True),
    }

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Puts the policy; its physical id is the bucket's name."""
        name, document = request.properties["Bucket"], request.properties["PolicyDocument"]
        text = document if isinstance(document, str) else json.dumps(document)
        call.client("s3").put_bucket_policy(Bucket=name, Policy=text)
        return ResourceState(name)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Puts the policy anew."""
        return self.create(call, request)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Takes the policy away; a bucket that is gone already is success."""
        try:
            call.client("s3").delete_bucket_policy(Bucket=request.physical_id)
        except ApiError as error:
            if error.code != "NoSuchBucket":
                raise
