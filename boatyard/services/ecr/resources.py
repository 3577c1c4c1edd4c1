"""CloudFormation's AWS::ECR::Repository."""

import json
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, ResourceType, resource_type


@resource_type("AWS::ECR::Repository")
class EcrRepository(ResourceType):
    """A repository of images."""

    properties = {
        "RepositoryName": PropertyRule(str, immutable=True),
        "RepositoryPolicyText": PropertyRule(object),
        "ImageTagMutability": PropertyRule(str),
        "ImageTagMutabilityExclusionFilters": PropertyRule(list),
        "ImageScanningConfiguration": PropertyRule(dict, members={"ScanOnPush": PropertyRule(bool)}),
        "EncryptionConfiguration": PropertyRule(
            dict, immutable=True, members={"EncryptionType": PropertyRule(str), "KmsKey": PropertyRule(str)}
        ),
        "LifecyclePolicy": PropertyRule(
            dict, members={"LifecyclePolicyText": PropertyRule(str), "RegistryId": PropertyRule(str)}
        ),
        "EmptyOnDelete": PropertyRule(bool),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"Arn", "RepositoryUri"})

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create the repository with its settings; a half made one goes away again."""
        properties = request.properties
        name = properties.get("RepositoryName") or request.name(256, lower=True)
        client = call.client("ecr")
        made = client.create_repository(
            repositoryName=name,
            imageTagMutability=properties.get("ImageTagMutability"),
            imageTagMutabilityExclusionFilters=_filters(properties),
            imageScanningConfiguration=_scanning(properties),
            encryptionConfiguration=_encryption(properties),
            tags=[{"Key": key, "Value": value} for key, value in _tags(request).items()],
        )["repository"]
        try:
            _set_policies(client, name, properties, {})
        except ApiError:
            client.delete_repository(repositoryName=name, force=True)
            raise
        return _state(made)

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Bring settings, policies and tags to what the template says."""
        client, name, properties = call.client("ecr"), str(request.physical_id), request.properties
        client.put_image_tag_mutability(
            repositoryName=name,
            imageTagMutability=properties.get("ImageTagMutability") or "MUTABLE",
            imageTagMutabilityExclusionFilters=_filters(properties),
        )
        client.put_image_scanning_configuration(
            repositoryName=name, imageScanningConfiguration=_scanning(properties) or {"scanOnPush": False}
        )
        _set_policies(client, name, properties, request.previous)
        described = client.describe_repositories(repositoryNames=[name])["repositories"][0]
        _set_tags(client, described["repositoryArn"], _tags(request))
        return _state(described)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete the repository; with images in it only where EmptyOnDelete is true."""
        try:
            call.client("ecr").delete_repository(
                repositoryName=str(request.physical_id), force=bool(request.properties.get("EmptyOnDelete"))
            )
        except ApiError as error:
            if error.code != "RepositoryNotFoundException":
                raise


def _set_policies(client: Any, name: str, properties: dict[str, Any], previous: dict[str, Any]) -> None:
    policy = properties.get("RepositoryPolicyText")
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        client.set_repository_policy(repositoryName=name, policyText=text)
    elif previous.get("RepositoryPolicyText"):
        client.delete_repository_policy(repositoryName=name)
    lifecycle = (properties.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
    if lifecycle:
        client.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=lifecycle)
    elif (previous.get("LifecyclePolicy") or {}).get("LifecyclePolicyText"):
        client.delete_lifecycle_policy(repositoryName=name)


def _set_tags(client: Any, arn: str, wanted: dict[str, str]) -> None:
    there = {tag["Key"] for tag in client.list_tags_for_resource(resourceArn=arn)["tags"]}
    if gone := sorted(there - wanted.keys()):
        client.untag_resource(resourceArn=arn, tagKeys=gone)
    if wanted:
        client.tag_resource(resourceArn=arn, tags=[{"Key": key, "Value": value} for key, value in wanted.items()])


def _state(described: dict[str, Any]) -> ResourceState:
    return ResourceState(
        described["repositoryName"],
        {"Arn": described["repositoryArn"], "RepositoryUri": described["repositoryUri"]},
    )


def _filters(properties: dict[str, Any]) -> list[dict[str, str]] | None:
    given = properties.get("ImageTagMutabilityExclusionFilters") or []
    return [
        {
            "filterType": one.get("ImageTagMutabilityExclusionFilterType", "WILDCARD"),
            "filter": one["ImageTagMutabilityExclusionFilterValue"],
        }
        for one in given
    ] or None


def _scanning(properties: dict[str, Any]) -> dict[str, bool] | None:
    given = properties.get("ImageScanningConfiguration")
    if given is None:
        return None
    return {"scanOnPush": str(given.get("ScanOnPush", "")).lower() == "true"}


def _encryption(properties: dict[str, Any]) -> dict[str, str] | None:
    given = properties.get("EncryptionConfiguration")
    names = {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"}
    return {names[key]: value for key, value in given.items()} if given else None


def _tags(request: ResourceRequest) -> dict[str, str]:
    own = {tag["Key"]: str(tag.get("Value", "")) for tag in request.properties.get("Tags") or []}
    return {**request.tags, **own}
