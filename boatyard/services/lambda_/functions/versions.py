"""Published versions and the aliases that point to them."""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec

from boatyard.api import paging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.lambda_.functions.configuration import invalid, shown
from boatyard.services.lambda_.functions.names import not_found, parse_name, require_function, require_settings
from boatyard.services.lambda_.records import ALIASES, FUNCTIONS, LATEST, SETTINGS, Alias, Function
from boatyard.state.database import Reader, Transaction
from boatyard.state.table import AlreadyExists


def publish(tx: Transaction, function: Function, description: str) -> Function:
    """Publish $LATEST as the next version; unchanged code and configuration give the last version again."""
    settings = SETTINGS.get(tx, function.account, function.region, function.name)
    if settings is None:
        raise ApiError("ResourceNotFoundException", f"Function not found: {function.arn}", status=404, Type="User")
    key = (function.account, function.region, function.name)
    last = FUNCTIONS.get(tx, *key, str(settings.next_version - 1))
    version = msgspec.structs.replace(
        function, version=str(settings.next_version), description=description, revision=str(uuid.uuid4())
    )
    if last is not None and _same(last, version):
        return last
    FUNCTIONS.insert(tx, version)
    SETTINGS.put(tx, msgspec.structs.replace(settings, next_version=settings.next_version + 1))
    return version


def _same(one: Function, other: Function) -> bool:
    def content(function: Function) -> Function:
        package = msgspec.structs.replace(function.package, blob="")
        return msgspec.structs.replace(
            function, version="", revision="", modified=one.modified, description="", package=package
        )

    return content(one) == content(other)


def publish_version(call: Call, params: Params) -> dict[str, Any]:
    """Publish a version of $LATEST (AWS: PublishVersion)."""
    name, _ = parse_name(params["FunctionName"])
    with call.installation.database.transaction() as tx:
        function = require_function(tx, call, name, None)
        if params.get("CodeSha256") not in (None, function.package.sha256):
            raise invalid(
                f"CodeSHA256 ({params['CodeSha256']}) is different from current CodeSHA256 in $LATEST "
                f"({function.package.sha256}). Please try again with the CodeSHA256 in $LATEST."
            )
        return shown(publish(tx, function, params.get("Description", function.description)))


def list_versions_by_function(call: Call, params: Params) -> dict[str, Any]:
    """A function's versions, $LATEST first (AWS: ListVersionsByFunction)."""
    name, _ = parse_name(params["FunctionName"])
    with call.installation.database.reading() as rx:
        require_settings(rx, call, name)
        versions = FUNCTIONS.select(rx, {"account": call.account, "region": call.region, "name": name})
    versions.sort(key=lambda each: 0 if each.version == LATEST else int(each.version))
    chosen, marker = paging.page(
        versions, params.get("Marker"), params.get("MaxItems", 50), code="InvalidParameterValueException"
    )
    answer: dict[str, Any] = {"Versions": [shown(each, version_arn=True) for each in chosen]}
    return answer | ({"NextMarker": marker} if marker else {})


def _require_alias(rx: Reader, call: Call, function: str, name: str) -> Alias:
    alias = ALIASES.get(rx, call.account, call.region, function, name)
    if alias is None:
        arn = f"arn:aws:lambda:{call.region}:{call.account}:function:{function}:{name}"
        raise ApiError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", status=404, Type="User")
    return alias


def _shown_alias(alias: Alias) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "AliasArn": f"arn:aws:lambda:{alias.region}:{alias.account}:function:{alias.function}:{alias.name}",
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    }
    if alias.weights:
        answer["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return answer


def _weights(tx: Reader, call: Call, function: str, params: Params) -> dict[str, float]:
    weights = (params.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for version, weight in weights.items():
        require_function(tx, call, function, version)
        if not 0 <= weight <= 1:
            raise invalid(f"The weight of version {version} must be between 0 and 1")
    return dict(weights)


def create_alias(call: Call, params: Params) -> dict[str, Any]:
    """Create an alias for a version (AWS: CreateAlias)."""
    function, _ = parse_name(params["FunctionName"])
    name = params["Name"]
    if not re.fullmatch(r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", name):
        raise invalid(f"The alias name {name[:80]!r} must be letters, digits, - and _, and not a number")
    try:
        with call.installation.database.transaction() as tx:
            require_function(tx, call, function, params["FunctionVersion"])
            alias = Alias(
                account=call.account,
                region=call.region,
                function=function,
                name=name,
                version=params["FunctionVersion"],
                description=params.get("Description", ""),
                weights=_weights(tx, call, function, params),
                revision=str(uuid.uuid4()),
            )
            ALIASES.insert(tx, alias)
    except AlreadyExists:
        arn = f"arn:aws:lambda:{call.region}:{call.account}:function:{function}:{name}"
        raise ApiError("ResourceConflictException", f"Alias already exists: {arn}", status=409, Type="User") from None
    return _shown_alias(alias)


def get_alias(call: Call, params: Params) -> dict[str, Any]:
    """An alias (AWS: GetAlias)."""
    function, _ = parse_name(params["FunctionName"])
    with call.installation.database.reading() as rx:
        require_settings(rx, call, function)
        return _shown_alias(_require_alias(rx, call, function, params["Name"]))


def list_aliases(call: Call, params: Params) -> dict[str, Any]:
    """A function's aliases, of one version where named (AWS: ListAliases)."""
    function, _ = parse_name(params["FunctionName"])
    with call.installation.database.reading() as rx:
        require_settings(rx, call, function)
        aliases = ALIASES.select(rx, {"account": call.account, "region": call.region, "function": function})
    if version := params.get("FunctionVersion"):
        aliases = [alias for alias in aliases if alias.version == version]
    chosen, marker = paging.page(
        aliases, params.get("Marker"), params.get("MaxItems", 50), lambda each: each.name,
        "InvalidParameterValueException",
    )  # fmt: skip
    answer: dict[str, Any] = {"Aliases": [_shown_alias(alias) for alias in chosen]}
    return answer | ({"NextMarker": marker} if marker else {})


def update_alias(call: Call, params: Params) -> dict[str, Any]:
    """Point an alias to another version (AWS: UpdateAlias)."""
    function, _ = parse_name(params["FunctionName"])
    with call.installation.database.transaction() as tx:
        alias = _require_alias(tx, call, function, params["Name"])
        changes: dict[str, Any] = {"revision": str(uuid.uuid4())}
        if "FunctionVersion" in params:
            require_function(tx, call, function, params["FunctionVersion"])
            changes["version"] = params["FunctionVersion"]
        if "Description" in params:
            changes["description"] = params["Description"]
        if "RoutingConfig" in params:
            changes["weights"] = _weights(tx, call, function, params)
        alias = msgspec.structs.replace(alias, **changes)
        ALIASES.put(tx, alias)
    return _shown_alias(alias)


def delete_alias(call: Call, params: Params) -> None:
    """Delete an alias (AWS: DeleteAlias); one that is not there is no error."""
    function, _ = parse_name(params["FunctionName"])
    with call.installation.database.transaction() as tx:
        if SETTINGS.get(tx, call.account, call.region, function) is None:
            raise not_found(call, function, None)
        ALIASES.delete(tx, call.account, call.region, function, params["Name"])
