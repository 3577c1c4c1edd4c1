"""Reading parameters: by name, by path, their history and descriptions."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import page, page_of
from boatyard.services.ssm.filters import accepts
from boatyard.services.ssm.lookup import require_parameter, require_version, version_of, versions_of
from boatyard.services.ssm.records import PARAMETERS, Parameter, Version

_MISSING = ("ParameterNotFound", "ParameterVersionNotFound")


def _value(call: Call, version: Version, decrypt: bool) -> str:
    if version.value is not None:
        return version.value
    if not decrypt:
        return base64.b64encode(b"".join(version.sealed)).decode()
    context = {"PARAMETER_ARN": version.arn}
    try:
        return b"".join(
            call.invoke("kms", "Decrypt", CiphertextBlob=blob, EncryptionContext=context)["Plaintext"]
            for blob in version.sealed
        ).decode()
    except ApiError as error:
        if error.code in ("NotFoundException", "DisabledException", "KMSInvalidStateException"):
            raise ApiError("InvalidKeyId", error.message, status=400) from error
        raise


def _view(call: Call, version: Version, decrypt: bool) -> dict[str, Any]:
    return {
        "Name": version.name,
        "Type": version.type,
        "Value": _value(call, version, decrypt),
        "Version": version.version,
        "LastModifiedDate": version.modified,
        "ARN": version.arn,
        "DataType": "text",
    }


def get_parameter(call: Call, params: Params) -> dict[str, Any]:
    """Tell a parameter's value; `name:3` and `name:label` choose a version. (SSM API: GetParameter)"""
    with call.installation.database.reading() as rx:
        version = require_version(call, rx, params["Name"])
    shown = _view(call, version, params.get("WithDecryption", False))
    _, _, selector = params["Name"].rpartition("/")[2].partition(":")
    return {"Parameter": shown | ({"Selector": f":{selector}"} if selector else {})}


def get_parameters(call: Call, params: Params) -> dict[str, Any]:
    """Tell several parameters' values, and which are not there. (SSM API: GetParameters)"""
    found: list[Version] = []
    invalid: list[str] = []
    with call.installation.database.reading() as rx:
        for name in dict.fromkeys(params["Names"]):
            try:
                found.append(require_version(call, rx, name))
            except ApiError as error:
                if error.code not in _MISSING:
                    raise
                invalid.append(name)
    decrypt = params.get("WithDecryption", False)
    return {"Parameters": [_view(call, item, decrypt) for item in found], "InvalidParameters": invalid}


def _latest(
    call: Call, params: Params, limit: int, prefix: str, wanted: Callable[[Parameter, Version], bool]
) -> tuple[list[Version], str | None]:
    """A page of the latest versions of the parameters that are wanted, by name, and the token for the next."""
    found: dict[str, Version] = {}
    with call.installation.database.reading() as rx:

        def keep(parameter: Parameter) -> bool:
            version = version_of(rx, parameter, parameter.latest)
            if version is None or not wanted(parameter, version):
                return False
            found[parameter.name] = version
            return True

        chosen, token = page_of(
            rx,
            PARAMETERS,
            {"account": call.account, "region": call.region},
            params.get("NextToken"),
            params.get("MaxResults", limit),
            prefix=("name", prefix),
            keep=keep,
            code="InvalidNextToken",
        )
    return [found[parameter.name] for parameter in chosen], token


def get_parameters_by_path(call: Call, params: Params) -> dict[str, Any]:
    """Tell the values of the parameters under a path. (SSM API: GetParametersByPath)"""
    path = params["Path"]
    if not path.startswith("/"):
        raise ApiError("ValidationException", "The parameter doesn't meet the parameter name requirements.", status=400)
    prefix = path.rstrip("/") + "/"
    filters = list(params.get("ParameterFilters", []))

    def wanted(parameter: Parameter, version: Version) -> bool:
        deeper = "/" in version.name.removeprefix(prefix)
        return bool(params.get("Recursive") or not deeper) and accepts(filters, parameter, version)

    items, token = _latest(call, params, 10, prefix, wanted)
    decrypt = params.get("WithDecryption", False)
    answer: dict[str, Any] = {"Parameters": [_view(call, item, decrypt) for item in items]}
    return answer | ({"NextToken": token} if token else {})


def _metadata(version: Version) -> dict[str, Any]:
    members = {
        "Name": version.name,
        "ARN": version.arn,
        "Type": version.type,
        "KeyId": version.key_id,
        "LastModifiedDate": version.modified,
        "LastModifiedUser": version.modified_by,
        "Description": version.description,
        "AllowedPattern": version.allowed_pattern,
        "Version": version.version,
        "Tier": version.tier,
        "DataType": "text",
    }
    return {name: value for name, value in members.items() if value is not None} | {"Policies": []}


def describe_parameters(call: Call, params: Params) -> dict[str, Any]:
    """Tell about parameters without their values. (SSM API: DescribeParameters)"""
    if params.get("Shared"):
        raise not_supported("ssm", "DescribeParameters", "Shared")
    filters = list(params.get("ParameterFilters", []))
    for old in params.get("Filters", []):
        option = "BeginsWith" if old["Key"] == "Name" else "Equals"
        filters.append({"Key": old["Key"], "Option": option, "Values": old["Values"]})
    items, token = _latest(call, params, 50, "", lambda parameter, version: accepts(filters, parameter, version))
    answer: dict[str, Any] = {"Parameters": [_metadata(item) for item in items]}
    return answer | ({"NextToken": token} if token else {})


def get_parameter_history(call: Call, params: Params) -> dict[str, Any]:
    """Tell every version of a parameter, oldest first. (SSM API: GetParameterHistory)"""
    with call.installation.database.reading() as rx:
        found = versions_of(rx, require_parameter(call, rx, params["Name"]))
    items, token = page(
        found, params.get("NextToken"), params.get("MaxResults", 50), lambda item: item.version, "InvalidNextToken"
    )
    decrypt = params.get("WithDecryption", False)
    rows = []
    for item in items:
        row = _metadata(item) | {"Value": _value(call, item, decrypt), "Labels": item.labels}
        del row["ARN"]
        rows.append(row)
    return {"Parameters": rows} | ({"NextToken": token} if token else {})
