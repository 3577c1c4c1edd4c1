"""Functions: create, read, change and delete (the Lambda API's CreateFunction and its kin)."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

import msgspec

from boatyard.api import paging, tags
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.lambda_.functions.configuration import checked, invalid, refuse_unsupported, shown
from boatyard.services.lambda_.functions.names import (
    not_found,
    parse_name,
    require_function,
    require_settings,
)
from boatyard.services.lambda_.functions.versions import publish
from boatyard.services.lambda_.invocations.pool import pool_of
from boatyard.services.lambda_.packages import take_package
from boatyard.services.lambda_.records import (
    ALIASES,
    FUNCTIONS,
    LATEST,
    SETTINGS,
    Function,
    FunctionSettings,
)
from boatyard.state.table import AlreadyExists

LINK_SECONDS = 600


def create_function(call: Call, params: Params) -> dict[str, Any]:
    """Create a function from a zip in the request or in S3 (AWS: CreateFunction)."""
    refuse_unsupported(params, "CreateFunction")
    name, qualifier = parse_name(params["FunctionName"])
    if qualifier:
        raise invalid("The function name must not have a qualifier.")
    for needed in ("Runtime", "Handler"):
        if not params.get(needed):
            raise invalid(f"{needed} is mandatory for functions created with deployment packages.")
    tags.check(params.get("Tags", {}), "InvalidParameterValueException")
    fields = checked(call, params)
    package = take_package(call, params["Code"], "CreateFunction")
    function = Function(
        account=call.account,
        region=call.region,
        name=name,
        version=LATEST,
        package=package,
        modified=now(),
        revision=str(uuid.uuid4()),
        **fields,
    )
    settings = FunctionSettings(account=call.account, region=call.region, name=name, tags=params.get("Tags", {}))
    try:
        with call.installation.database.transaction() as tx:
            FUNCTIONS.insert(tx, function)
            SETTINGS.insert(tx, settings)
            if params.get("Publish"):
                function = publish(tx, function, params.get("Description", ""))
    except AlreadyExists:
        call.installation.blobs.delete(package.blob)
        raise ApiError(
            "ResourceConflictException", f"Function already exist: {name}", status=409, Type="User"
        ) from None
    return shown(function)


def get_function(call: Call, params: Params) -> dict[str, Any]:
    """A function's configuration, tags and where its code can be had for ten minutes (AWS: GetFunction)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    with call.installation.database.reading() as rx:
        function = require_function(rx, call, name, qualifier)
        settings = require_settings(rx, call, name)
    token = secrets.token_urlsafe(24)
    links = call.installation.attached("lambda.code_links", dict[str, tuple[str, float]])
    for old in [each for each, (_, until) in links.items() if until < time.monotonic()]:
        links.pop(old, None)
    links[token] = (function.package.blob, time.monotonic() + LINK_SECONDS)
    base = f"http://{call.host}" if call.host else call.installation.gateway_url
    answer: dict[str, Any] = {
        "Configuration": shown(function, version_arn=bool(qualifier)),
        "Code": {"RepositoryType": "S3", "Location": f"{base}/_boatyard/lambda/code/{token}"},
    }
    if settings.tags:
        answer["Tags"] = dict(settings.tags)
    if settings.concurrency is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": settings.concurrency}
    return answer


def get_function_configuration(call: Call, params: Params) -> dict[str, Any]:
    """A function's configuration (AWS: GetFunctionConfiguration)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    with call.installation.database.reading() as rx:
        return shown(require_function(rx, call, name, qualifier), version_arn=bool(qualifier))


def list_functions(call: Call, params: Params) -> dict[str, Any]:
    """List functions, with FunctionVersion=ALL every version (AWS: ListFunctions)."""
    where: dict[str, Any] = {"account": call.account, "region": call.region}
    every = params.get("FunctionVersion") == "ALL"
    if not every:
        where["version"] = LATEST
    with call.installation.database.reading() as rx:
        chosen, marker = paging.page_of(
            rx,
            FUNCTIONS,
            where,
            params.get("Marker"),
            min(params.get("MaxItems", 50), 50),
            code="InvalidParameterValueException",
        )
    answer: dict[str, Any] = {"Functions": [shown(each, version_arn=every) for each in chosen]}
    return answer | ({"NextMarker": marker} if marker else {})


def _check_revision(params: Params, function: Function) -> None:
    if params.get("RevisionId") not in (None, function.revision):
        raise ApiError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
            "retrieve the latest Revision Id",
            status=412,
            Type="User",
        )


def update_function_code(call: Call, params: Params) -> dict[str, Any]:
    """Give a function new code; instances of the old one end after what they do (AWS: UpdateFunctionCode)."""
    refuse_unsupported(params, "UpdateFunctionCode")
    name, _ = parse_name(params["FunctionName"])
    with call.installation.database.reading() as rx:
        _check_revision(params, require_function(rx, call, name, None))
    package = take_package(call, params, "UpdateFunctionCode")
    with call.installation.database.transaction() as tx:
        function = require_function(tx, call, name, None)
        changed = msgspec.structs.replace(function, package=package, modified=now(), revision=str(uuid.uuid4()))
        if params.get("DryRun"):
            return shown(changed)
        FUNCTIONS.put(tx, changed)
        answer = publish(tx, changed, changed.description) if params.get("Publish") else changed
        tx.after_commit(lambda: pool_of(call.installation).retire(function))
    return shown(answer)


def update_function_configuration(call: Call, params: Params) -> dict[str, Any]:
    """Change a function's configuration (AWS: UpdateFunctionConfiguration)."""
    refuse_unsupported(params, "UpdateFunctionConfiguration")
    name, _ = parse_name(params["FunctionName"])
    with call.installation.database.reading() as rx:
        _check_revision(params, require_function(rx, call, name, None))
    fields = checked(call, params)
    with call.installation.database.transaction() as tx:
        function = require_function(tx, call, name, None)
        changed = msgspec.structs.replace(function, **fields, modified=now(), revision=str(uuid.uuid4()))
        FUNCTIONS.put(tx, changed)
        tx.after_commit(lambda: pool_of(call.installation).retire(function))
    return shown(changed)


def delete_function(call: Call, params: Params) -> None:
    """Delete a function with all its versions, or one version (AWS: DeleteFunction)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    if qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    with call.installation.database.transaction() as tx:
        require_settings(tx, call, name)
        versions = FUNCTIONS.select(tx, {"account": call.account, "region": call.region, "name": name})
        aliases = ALIASES.select(tx, {"account": call.account, "region": call.region, "function": name})
        if qualifier:
            _refuse_used_version(call, name, qualifier, aliases)
            versions = [each for each in versions if each.version == qualifier]
        for version in versions:
            FUNCTIONS.delete(tx, call.account, call.region, name, version.version)
        if not qualifier:
            for alias in aliases:
                ALIASES.delete(tx, call.account, call.region, name, alias.name)
            SETTINGS.delete(tx, call.account, call.region, name)
        for version in versions:
            tx.after_commit(lambda version=version: pool_of(call.installation).retire(version))  # type: ignore[misc]


def _refuse_used_version(call: Call, name: str, qualifier: str, aliases: list[Any]) -> None:
    if any(alias.name == qualifier for alias in aliases):
        raise not_found(call, name, qualifier)
    users = [alias.name for alias in aliases if qualifier in (alias.version, *alias.weights)]
    if users:
        raise ApiError(
            "ResourceConflictException",
            f"Version {qualifier} of {name} cannot be deleted because aliases reference it: {', '.join(users)}",
            status=409,
            Type="User",
        )


def get_account_settings(call: Call, params: Params) -> dict[str, Any]:
    """The account's limits and what is used of them (AWS: GetAccountSettings)."""
    with call.installation.database.reading() as rx:
        functions = FUNCTIONS.select(rx, {"account": call.account, "region": call.region})
    return {
        "AccountLimit": {
            "TotalCodeSize": 80530636800,
            "CodeSizeUnzipped": 262144000,
            "CodeSizeZipped": 52428800,
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
        },
        "AccountUsage": {
            "TotalCodeSize": sum(each.package.size for each in functions),
            "FunctionCount": sum(each.version == LATEST for each in functions),
        },
    }
