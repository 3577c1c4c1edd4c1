"""Resource policies of functions: who may invoke them."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, parse
from boatyard.identity.resource_policies import resource_policy
from boatyard.services.lambda_.functions.configuration import invalid
from boatyard.services.lambda_.functions.names import parse_name, require_function, require_settings
from boatyard.services.lambda_.records import SETTINGS

_NO_PRINCIPAL = "The provided principal was invalid. Please check the principal and try again."


def add_permission(call: Call, params: Params) -> dict[str, Any]:
    """Let a service or an account invoke a function (AWS: AddPermission)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    if not re.fullmatch(r"lambda:(\*|[a-zA-Z]+)|\*", params["Action"]):
        raise invalid(
            f"The action {params['Action'][:80]!r} must be an action of lambda, such as lambda:InvokeFunction"
        )
    with call.installation.database.transaction() as tx:
        function = require_function(tx, call, name, qualifier)
        settings = require_settings(tx, call, name)
        resource = f"{function.unqualified_arn}:{qualifier}" if qualifier else function.unqualified_arn
        statement = _statement(params, resource)
        statements = settings.policies.get(qualifier or "", [])
        if any(each["Sid"] == statement["Sid"] for each in statements):
            raise ApiError(
                "ResourceConflictException",
                f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement.",
                status=409,
                Type="User",
            )
        policies = settings.policies | {qualifier or "": [*statements, statement]}
        SETTINGS.put(tx, msgspec.structs.replace(settings, policies=policies))
    return {"Statement": json.dumps(statement, separators=(",", ":"))}


def _statement(params: Params, resource: str) -> dict[str, Any]:
    principal = params["Principal"]
    if re.fullmatch(r"\d{12}", principal):
        who: Any = {"AWS": f"arn:aws:iam::{principal}:root"}
    elif principal == "*":
        who = "*"
    elif principal.startswith("arn:"):
        who = {"AWS": principal}
    elif "." in principal:
        who = {"Service": principal}
    else:
        raise invalid(_NO_PRINCIPAL)
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": who,
        "Action": params["Action"],
        "Resource": resource,
    }
    condition: dict[str, dict[str, str]] = {}
    if source := params.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": source}
    if account := params.get("SourceAccount"):
        condition["StringEquals"] = {"AWS:SourceAccount": account}
    if organization := params.get("PrincipalOrgID"):
        condition.setdefault("StringEquals", {})["aws:PrincipalOrgID"] = organization
    statement |= {"Condition": condition} if condition else {}
    try:
        parse(json.dumps({"Version": "2012-10-17", "Statement": statement}), Grammar.RESOURCE)
    except MalformedPolicy:
        raise invalid(_NO_PRINCIPAL) from None
    return statement


def remove_permission(call: Call, params: Params) -> None:
    """Take a statement out of a function's policy (AWS: RemovePermission)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    with call.installation.database.transaction() as tx:
        settings = require_settings(tx, call, name)
        statements = settings.policies.get(qualifier or "", [])
        kept = [each for each in statements if each["Sid"] != params["StatementId"]]
        if len(kept) == len(statements):
            text = f"Statement {params['StatementId']} is not found in resource policy."
            raise ApiError("ResourceNotFoundException", text, status=404, Type="User")
        policies = settings.policies | {qualifier or "": kept}
        SETTINGS.put(tx, msgspec.structs.replace(settings, policies=policies))


def get_policy(call: Call, params: Params) -> dict[str, Any]:
    """A function's resource policy as JSON (AWS: GetPolicy)."""
    name, qualifier = parse_name(params["FunctionName"], params.get("Qualifier"))
    with call.installation.database.reading() as rx:
        function = require_function(rx, call, name, qualifier)
        statements = require_settings(rx, call, name).policies.get(qualifier or "", [])
    if not statements:
        raise ApiError(
            "ResourceNotFoundException", "The resource you requested does not exist.", status=404, Type="User"
        )
    document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    revision = uuid.uuid5(uuid.NAMESPACE_URL, function.arn + json.dumps(statements))
    return {"Policy": json.dumps(document, separators=(",", ":")), "RevisionId": str(revision)}


@resource_policy("lambda")
def find_policy(call: Call, arn: str) -> str | None:
    """The policy of the function or version that an ARN names: what authorization asks for."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[5] != "function":
        return None
    with call.installation.database.reading() as rx:
        settings = SETTINGS.get(rx, parts[4], parts[3], parts[6])
    statements = settings.policies.get(parts[7] if len(parts) > 7 else "", []) if settings else []
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None
