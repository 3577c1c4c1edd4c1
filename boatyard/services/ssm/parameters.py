"""Writing parameters: put, label, delete."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.events import emit
from boatyard.api.expressions import Expression, InvalidExpression, TooSlow
from boatyard.api.timestamps import now
from boatyard.services.ssm import quotas
from boatyard.services.ssm.lookup import (
    check_name,
    missing,
    plain_name,
    require_parameter,
    version_of,
    versions_of,
)
from boatyard.services.ssm.records import PARAMETERS, VERSIONS, Parameter, Version, arn_of
from boatyard.state.database import Transaction

_STANDARD_BYTES = 4096
_ADVANCED_BYTES = 8192
_VERSIONS = 100
_LABELS = 10
_CHUNK = 4096
_SEARCH_SECONDS = 2.0
_LABEL = re.compile(r"(?!aws|ssm|\d)[a-zA-Z0-9_.-]{1,100}", re.IGNORECASE)


def put_parameter(call: Call, params: Params) -> dict[str, Any]:
    """Make a parameter, or a new version of it. (SSM API: PutParameter)"""
    name = params["Name"]
    _check(params)
    with call.installation.database.reading() as rx:
        name, selector = plain_name(call, rx, name)
        if selector:
            raise ApiError("ValidationException", "A parameter name cannot have a selector here.", status=400)
        check_name(name)
        before = PARAMETERS.get(rx, call.account, call.region, name)
        latest = version_of(rx, before, before.latest) if before else None
    draft = _draft(call, name, params, latest)
    tags = tag_lists.to_dict(params.get("Tags"))
    tag_lists.check(tags)
    with call.installation.database.transaction() as tx:
        parameter = PARAMETERS.get(tx, call.account, call.region, name)
        newest = version_of(tx, parameter, parameter.latest) if parameter else None
        if newest is not None and call.token and newest.token == call.token:
            return {"Version": newest.version, "Tier": newest.tier}
        if parameter is not None and not params.get("Overwrite"):
            raise ApiError(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to"
                " true.",
                status=400,
            )
        if parameter is not None and tags:
            raise ApiError(
                "ValidationException",
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please"
                " remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or"
                " RemoveTagsFromResource.",
                status=400,
            )
        version = msgspec.structs.replace(draft, version=parameter.latest + 1 if parameter else 1)
        _store(tx, call, parameter, version, tags)
        _tell(tx, call, version, "Update" if parameter else "Create")
    return {"Version": version.version, "Tier": version.tier}


def _check(params: Params) -> None:
    if params.get("Policies"):
        raise not_supported("ssm", "PutParameter", "Policies")
    if params.get("DataType", "text") != "text":
        raise not_supported("ssm", "PutParameter", f"DataType {params['DataType']}")
    pattern = params.get("AllowedPattern")
    if pattern:
        try:
            allowed = Expression(pattern, _SEARCH_SECONDS).fits(params["Value"])
        except (InvalidExpression, TooSlow) as error:
            fault = "takes too long" if isinstance(error, TooSlow) else "is not a valid regular expression"
            raise ApiError("InvalidAllowedPatternException", f"The pattern {pattern} {fault}.", status=400) from error
        if not allowed:
            raise ApiError(
                "ParameterPatternMismatchException",
                "Parameter value, cannot be validated against allowedPattern: " + pattern,
                status=400,
            )


def _tier(params: Params, latest: Version | None) -> str:
    size = len(params["Value"].encode())
    tier = params.get("Tier") or (latest.tier if latest else "Standard")
    if tier == "Intelligent-Tiering":
        tier = "Advanced" if size > _STANDARD_BYTES else "Standard"
    if latest is not None and latest.tier == "Advanced":
        tier = "Advanced"
    if size > (_ADVANCED_BYTES if tier == "Advanced" else _STANDARD_BYTES):
        hint = "" if tier == "Advanced" else " To create a larger parameter value, upgrade to the advanced tier."
        limit = _ADVANCED_BYTES if tier == "Advanced" else _STANDARD_BYTES
        raise ApiError(
            "ValidationException",
            f"{tier} tier parameters support a maximum parameter value of {limit} characters.{hint}",
            status=400,
        )
    return tier


def _draft(call: Call, name: str, params: Params, latest: Version | None) -> Version:
    """The new version but for its number; a SecureString's value goes through KMS."""
    kind = params.get("Type") or (latest.type if latest else None)
    if kind is None:
        raise ApiError("ValidationException", "A parameter type is required when you create a parameter.", status=400)
    key_id: str | None = None
    sealed: list[bytes] = []
    if kind == "SecureString":
        kept = latest.key_id if latest and latest.type == kind else None
        key_id = params.get("KeyId") or kept or "alias/aws/ssm"
        sealed = _seal(call, name, params["Value"], key_id)
    elif params.get("KeyId"):
        raise ApiError("ValidationException", "KeyId is required for SecureString type parameter only.", status=400)
    return Version(
        account=call.account,
        region=call.region,
        name=name,
        version=0,
        type=kind,
        value=None if sealed else params["Value"],
        sealed=sealed,
        key_id=key_id,
        description=params.get("Description", latest.description if latest else None),
        allowed_pattern=params.get("AllowedPattern", latest.allowed_pattern if latest else None),
        tier=_tier(params, latest),
        modified=now(),
        modified_by=call.principal.arn,
        token=call.token,
    )


def _seal(call: Call, name: str, value: str, key_id: str) -> list[bytes]:
    content = value.encode()
    context = {"PARAMETER_ARN": arn_of(call.account, call.region, name)}
    pieces = [content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK)]
    try:
        return [
            call.invoke("kms", "Encrypt", KeyId=key_id, Plaintext=piece, EncryptionContext=context)["CiphertextBlob"]
            for piece in pieces
        ]
    except ApiError as error:
        if error.code in ("NotFoundException", "DisabledException", "KMSInvalidStateException"):
            raise ApiError("InvalidKeyId", error.message, status=400) from error
        raise


def _store(tx: Transaction, call: Call, parameter: Parameter | None, version: Version, tags: dict[str, str]) -> None:
    kept = parameter.tags if parameter else tags
    made = Parameter(account=call.account, region=call.region, name=version.name, latest=version.version, tags=kept)
    if parameter is not None:
        there = versions_of(tx, parameter)
        if len(there) >= _VERSIONS:
            oldest = there[0]
            if oldest.labels:
                raise ApiError(
                    "ParameterMaxVersionLimitExceeded",
                    f"You attempted to create a new version of {version.name} by calling the PutParameter API with"
                    f" the overwrite flag. Version {oldest.version}, the oldest version, can't be deleted because it"
                    " has a label associated with it. Move the label to another version of the parameter, and try"
                    " again.",
                    status=400,
                )
            VERSIONS.delete(tx, oldest.account, oldest.region, oldest.name, oldest.version)
    PARAMETERS.put(tx, made)
    if parameter is None:
        quotas.PARAMETERS.check_new(call, tx, PARAMETERS)
    VERSIONS.insert(tx, version)


def _tell(tx: Transaction, call: Call, version: Version, operation: str) -> None:
    detail = {"operation": operation, "name": version.name, "type": version.type}
    if version.description:
        detail["description"] = version.description
    emit(
        call.installation,
        tx,
        source="aws.ssm",
        detail_type="Parameter Store Change",
        detail=detail,
        account=call.account,
        region=call.region,
        resources=[version.arn],
    )


def label_parameter_version(call: Call, params: Params) -> dict[str, Any]:
    """Put labels on a version; a label is on one version at a time. (SSM API: LabelParameterVersion)"""
    invalid = [label for label in params["Labels"] if not _LABEL.fullmatch(label)]
    wanted = [label for label in params["Labels"] if label not in invalid]
    with call.installation.database.transaction() as tx:
        parameter = require_parameter(call, tx, params["Name"])
        number = params.get("ParameterVersion", parameter.latest)
        version = version_of(tx, parameter, number)
        if version is None:
            raise ApiError(
                "ParameterVersionNotFound",
                f"Systems Manager could not find version {number} of {parameter.name}. Verify the version and try"
                " again.",
                status=400,
            )
        if len({*version.labels, *wanted}) > _LABELS:
            raise ApiError(
                "ParameterVersionLabelLimitExceeded",
                f"A parameter version can have at most {_LABELS} labels.",
                status=400,
            )
        for item in versions_of(tx, parameter):
            left = [label for label in item.labels if label not in wanted]
            labels = [*left, *wanted] if item.version == number else left
            if labels != item.labels:
                VERSIONS.put(tx, msgspec.structs.replace(item, labels=labels))
    return {"InvalidLabels": invalid, "ParameterVersion": number}


def _delete(tx: Transaction, call: Call, parameter: Parameter) -> None:
    latest = version_of(tx, parameter, parameter.latest)
    for item in versions_of(tx, parameter):
        VERSIONS.delete(tx, item.account, item.region, item.name, item.version)
    PARAMETERS.delete(tx, parameter.account, parameter.region, parameter.name)
    if latest is not None:
        _tell(tx, call, latest, "Delete")


def delete_parameter(call: Call, params: Params) -> None:
    """Delete a parameter with its versions. (SSM API: DeleteParameter)"""
    with call.installation.database.transaction() as tx:
        _delete(tx, call, require_parameter(call, tx, params["Name"]))


def delete_parameters(call: Call, params: Params) -> dict[str, Any]:
    """Delete several parameters, telling which were there. (SSM API: DeleteParameters)"""
    deleted: list[str] = []
    invalid: list[str] = []
    with call.installation.database.transaction() as tx:
        for name in dict.fromkeys(params["Names"]):
            try:
                parameter = require_parameter(call, tx, name)
            except ApiError as error:
                if error.code != missing(name).code:
                    raise
                invalid.append(name)
                continue
            _delete(tx, call, parameter)
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}
