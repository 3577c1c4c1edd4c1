"""Lifecycle rules as templates write them, turned into those of the S3 API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from boatyard.api.resource_types import PropertyRule

_TRANSITION = {
    "StorageClass": PropertyRule(str, required=True),
    "TransitionInDays": PropertyRule(int),
    "TransitionDate": PropertyRule(str),
}
_NONCURRENT = {
    "StorageClass": PropertyRule(str),
    "TransitionInDays": PropertyRule(int),
    "NoncurrentDays": PropertyRule(int),
    "NewerNoncurrentVersions": PropertyRule(int),
}
LIFECYCLE_RULE: dict[str, PropertyRule] = {
    "Id": PropertyRule(str),
    "Status": PropertyRule(str, required=True),
    "Prefix": PropertyRule(str),
    "ExpirationInDays": PropertyRule(int),
    "ExpirationDate": PropertyRule(str),
    "ExpiredObjectDeleteMarker": PropertyRule(bool),
    "NoncurrentVersionExpirationInDays": PropertyRule(int),
    "NoncurrentVersionExpiration": PropertyRule(dict, members=_NONCURRENT),
    "NoncurrentVersionTransitions": PropertyRule(list, members=_NONCURRENT),
    "AbortIncompleteMultipartUpload": PropertyRule(
        dict, members={"DaysAfterInitiation": PropertyRule(int, required=True)}
    ),
    "Transition": PropertyRule(dict, members=_TRANSITION),
    "Transitions": PropertyRule(list, members=_TRANSITION),
    "TagFilters": PropertyRule(list),
    "ObjectSizeGreaterThan": PropertyRule(str),
    "ObjectSizeLessThan": PropertyRule(str),
}


def to_rules(rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules as PutBucketLifecycleConfiguration takes them."""
    return [_rule(rule) for rule in rules]


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"Status": rule["Status"], "Filter": _filter(rule)}
    if rule.get("Id"):
        said["ID"] = rule["Id"]
    expiration = _renamed(
        rule,
        {
            "ExpirationInDays": "Days",
            "ExpirationDate": "Date",
            "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
        },
    )
    if expiration:
        said["Expiration"] = expiration
    older = rule.get("NoncurrentVersionExpiration") or {}
    if "NoncurrentVersionExpirationInDays" in rule:
        older = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    if older:
        said["NoncurrentVersionExpiration"] = _renamed(older, {each: each for each in older})
    if "AbortIncompleteMultipartUpload" in rule:
        days = int(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])
        said["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    transitions = [*rule.get("Transitions", ()), *([rule["Transition"]] if "Transition" in rule else [])]
    names = {"StorageClass": "StorageClass", "TransitionInDays": "Days", "TransitionDate": "Date"}
    if transitions:
        said["Transitions"] = [_renamed(each, names) for each in transitions]
    names = {
        "StorageClass": "StorageClass",
        "TransitionInDays": "NoncurrentDays",
        "NewerNoncurrentVersions": "NewerNoncurrentVersions",
    }
    if rule.get("NoncurrentVersionTransitions"):
        said["NoncurrentVersionTransitions"] = [_renamed(each, names) for each in rule["NoncurrentVersionTransitions"]]
    return said


def _renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The members under the API's names, numbers as numbers."""
    said: dict[str, Any] = {}
    for name, other in names.items():
        if given.get(name) is None:
            continue
        value = given[name]
        if other.endswith(("Days", "Versions")):
            value = int(value)
        elif other == "ExpiredObjectDeleteMarker":
            value = str(value).lower() == "true"
        said[other] = value
    return said


def _filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if rule.get("Prefix"):
        parts["Prefix"] = rule["Prefix"]
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if rule.get(name) is not None:
            parts[name] = int(rule[name])
    tags = list(rule.get("TagFilters") or ())
    if not parts and not tags:
        return {"Prefix": ""}
    if len(parts) + len(tags) == 1:
        return {"Tag": tags[0]} if tags else parts
    return {"And": {**parts, **({"Tags": tags} if tags else {})}}
