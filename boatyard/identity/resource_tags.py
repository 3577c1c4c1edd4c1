"""The tags of the resource that a request is about: what the keys aws:ResourceTag and its older names say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from boatyard.api import registry
from boatyard.api.errors import ApiError

if TYPE_CHECKING:
    from boatyard.api.call import Call

Tags = dict[str, str]
Reader = tuple[str, Callable[[str], dict[str, Any]], Callable[[dict[str, Any]], Any]]
"""An operation that tells tags, its parameters for an ARN's resource, and where in its answer the tags are."""


def _by_arn(parameter: str, member: str) -> Callable[[str], Reader]:
    def reader(arn: str) -> Reader:
        return "ListTagsForResource", lambda _: {parameter: arn}, lambda answer: answer[member]

    return reader


_IAM = {
    "role": ("ListRoleTags", "RoleName"),
    "user": ("ListUserTags", "UserName"),
    "instance-profile": ("ListInstanceProfileTags", "InstanceProfileName"),
}


def _iam(arn: str) -> Reader | None:
    kind, _, name = arn.split(":", 5)[5].partition("/")
    if kind == "policy":
        return "ListPolicyTags", lambda _: {"PolicyArn": arn}, lambda answer: answer["Tags"]
    if kind not in _IAM:
        return None
    operation, parameter = _IAM[kind]
    return operation, lambda _: {parameter: name.rpartition("/")[2]}, lambda answer: answer["Tags"]


def _lambda(arn: str) -> Reader:
    function = ":".join(arn.split(":")[:7])
    return "ListTags", lambda _: {"Resource": function}, lambda answer: answer["Tags"]


def _logs(arn: str) -> Reader:
    group = arn.partition(":log-stream:")[0].removesuffix(":*")
    return "ListTagsForResource", lambda _: {"resourceArn": group}, lambda answer: answer["tags"]


def _codepipeline(arn: str) -> Reader:
    """Stages and actions have their pipeline's tags."""
    pipeline = arn.partition("/")[0]
    return "ListTagsForResource", lambda _: {"resourceArn": pipeline}, lambda answer: answer["tags"]


def _ssm(arn: str) -> Reader:
    def params(resource: str) -> dict[str, Any]:
        name = resource.removeprefix("parameter/")
        return {"ResourceType": "Parameter", "ResourceId": f"/{name}" if "/" in name else name}

    return "ListTagsForResource", params, lambda answer: answer["TagList"]


def _codebuild(arn: str) -> Reader:
    def params(resource: str) -> dict[str, Any]:
        return {"names": [resource.removeprefix("project/")]}

    return "BatchGetProjects", params, lambda answer: answer["projects"][0]["tags"]


def _cloudformation(arn: str) -> Reader:
    def params(resource: str) -> dict[str, Any]:
        _, name, unique = resource.split("/")
        return {"StackName": name if unique == "*" else arn}

    return "DescribeStacks", params, lambda answer: answer["Stacks"][0]["Tags"]


_READERS: dict[str, Callable[[str], Reader | None]] = {
    "kms": lambda arn: ("ListResourceTags", lambda _: {"KeyId": arn}, lambda answer: answer["Tags"]),
    "iam": _iam,
    "lambda": _lambda,
    "sagemaker": lambda arn: ("ListTags", lambda _: {"ResourceArn": arn}, lambda answer: answer["Tags"]),
    "ecr": _by_arn("resourceArn", "tags"),
    "codecommit": _by_arn("resourceArn", "tags"),
    "codebuild": _codebuild,
    "codepipeline": _codepipeline,
    "cloudformation": _cloudformation,
    "events": _by_arn("ResourceARN", "Tags"),
    "logs": _logs,
    "cloudwatch": _by_arn("ResourceARN", "Tags"),
    "sns": _by_arn("ResourceArn", "Tags"),
    "ssm": _ssm,
}
_OLDER_NAMES = ("iam", "ecr", "sagemaker", "ssm")
"""The services that know a key of their own for the same tags, such as ecr:ResourceTag."""


def tag_prefixes(service: str) -> tuple[str, ...]:
    """What the keys for a resource's tags begin with, in lower case."""
    return ("aws:resourcetag", f"{service}:resourcetag") if service in _OLDER_NAMES else ("aws:resourcetag",)


def resource_tags(call: Call, arn: str) -> Tags:
    """The tags of the resource that an ARN names, keys in lower case; none where it has none or is not there.

    The operation that knows them is done without asking whether the caller may: it is the policies that ask.
    """
    parts = arn.split(":", 5)
    found = _READERS[parts[2]](arn) if len(parts) == 6 and parts[2] in _READERS else None
    if found is None:
        return {}
    operation, params, tags_in = found
    function = registry.find(parts[2], operation)
    assert function is not None, (parts[2], operation)
    try:
        given = tags_in(function(call, params(parts[5])) or {})
    except (ApiError, LookupError, ValueError):
        return {}
    return folded(given)


def object_tags(call: Call, bucket: str, key: str, version: str | None) -> Tags:
    """The tags of an object of S3 (the key s3:ExistingObjectTag)."""
    function = registry.find("s3", "GetObjectTagging")
    assert function is not None
    try:
        named = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        return folded((function(call, named) or {})["TagSet"])
    except ApiError:
        return {}


def folded(given: Any) -> Tags:
    """Tags in any of AWS's forms, keys in lower case: tag keys in conditions do not depend on case."""
    if isinstance(given, dict):
        return {str(key).lower(): str(value) for key, value in given.items()}
    found: Tags = {}
    for tag in given:
        name = tag.get("Key") or tag.get("key") or tag.get("TagKey")
        found[str(name).lower()] = str(tag.get("Value") or tag.get("value") or tag.get("TagValue") or "")
    return found
