"""Filters of DescribeParameters and GetParametersByPath."""

from __future__ import annotations

from typing import Any

from boatyard.api.errors import ApiError
from boatyard.services.ssm.records import Parameter, Version


def accepts(filters: list[dict[str, Any]], parameter: Parameter, version: Version) -> bool:
    """Whether a parameter passes every filter; InvalidFilterKey or InvalidFilterOption for one that cannot be."""
    return all(_accepts(item, parameter, version) for item in filters)


def _accepts(item: dict[str, Any], parameter: Parameter, version: Version) -> bool:
    key, values = item["Key"], item.get("Values", [])
    if key == "Path":
        return _under(item.get("Option", "OneLevel"), values, version.name)
    found = _found(key, parameter, version)
    option = item.get("Option", "Equals")
    if found is None:
        return False
    if not values:
        return True
    if option == "Equals":
        return found in values
    if option == "BeginsWith":
        return any(_bare(found).startswith(_bare(value)) for value in values)
    if option == "Contains" and key == "Name":
        return any(value in found for value in values)
    raise ApiError("InvalidFilterOption", f"The filter option {option} is not valid for {key}.", status=400)


def _found(key: str, parameter: Parameter, version: Version) -> str | None:
    if key.startswith("tag:"):
        return parameter.tags.get(key.removeprefix("tag:"))
    known = {
        "Name": version.name,
        "Type": version.type,
        "KeyId": version.key_id,
        "Tier": version.tier,
        "DataType": "text",
    }
    if key not in known:
        raise ApiError("InvalidFilterKey", f"The filter key {key} is not valid here.", status=400)
    return known[key]


def _bare(name: str) -> str:
    return name.removeprefix("/")


def _under(option: str, paths: list[str], name: str) -> bool:
    for path in paths:
        prefix = path.rstrip("/") + "/"
        if name.startswith(prefix) and (option == "Recursive" or "/" not in name.removeprefix(prefix)):
            return True
    return False
