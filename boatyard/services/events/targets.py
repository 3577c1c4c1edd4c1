"""Targets: put, list, remove; what a target may be."""

from __future__ import annotations

from typing import Any

from boatyard.api import json_text
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.names import check_pattern
from boatyard.api.paging import page
from boatyard.services.events import inputs, lookup, quotas, sending
from boatyard.services.events.records import TARGETS, Rule, Target
from boatyard.state.database import Reader

_ID = r"[\.\-_A-Za-z0-9]+"
_KNOWN = {"Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "RetryPolicy"}


def put_targets(call: Call, params: Params) -> dict[str, Any]:
    """Adds or replaces targets of a rule. EventBridge API Reference: PutTargets."""
    for target in params["Targets"]:
        _check(target)
    with call.installation.database.transaction() as tx:
        rule = lookup.rule(call, tx, params, "Rule")
        kept = {target.id for target in of_rule(tx, rule)} | {target["Id"] for target in params["Targets"]}
        quotas.TARGETS.check(call.installation, len(kept), more=0)
        for target in params["Targets"]:
            record = Target(
                account=rule.account,
                region=rule.region,
                bus=rule.bus,
                rule=rule.name,
                id=target["Id"],
                arn=target["Arn"],
                definition=target,
            )
            TARGETS.put(tx, record)
    return {"FailedEntryCount": 0, "FailedEntries": []}


def of_rule(rx: Reader, rule: Rule) -> list[Target]:
    """The targets of a rule."""
    where = {"account": rule.account, "region": rule.region, "bus": rule.bus, "rule": rule.name}
    return TARGETS.select(rx, where)


def _check(target: dict[str, Any]) -> None:
    """ValidationException for a target that could never be delivered to."""
    name = target["Id"]
    check_pattern(name, _ID, "targets.member.id")
    unknown = sorted(set(target) - _KNOWN)
    if unknown:
        raise ApiError(
            "ValidationException", f"boatyard does not support {', '.join(unknown)} of the target {name} in PutTargets."
        )
    if sum(member in target for member in ("Input", "InputPath", "InputTransformer")) > 1:
        raise ApiError(
            "ValidationException",
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.",
        )
    sending.check(target)
    if "Input" in target:
        try:
            json_text.read(target["Input"])
        except ValueError as error:
            raise ApiError("ValidationException", f"JSON syntax error in input for target {name}") from error
    if "InputPath" in target:
        inputs.check_path(target["InputPath"])
    if "InputTransformer" in target:
        inputs.check_transformer(name, target["InputTransformer"])


def list_targets_by_rule(call: Call, params: Params) -> dict[str, Any]:
    """The targets of a rule. EventBridge API Reference: ListTargetsByRule."""
    with call.installation.database.reading() as rx:
        found = of_rule(rx, lookup.rule(call, rx, params, "Rule"))
    chosen, token = page(found, params.get("NextToken"), params.get("Limit", 100), lambda target: target.id)
    return {"Targets": [target.definition for target in chosen], "NextToken": token}


def remove_targets(call: Call, params: Params) -> dict[str, Any]:
    """Takes targets from a rule. EventBridge API Reference: RemoveTargets."""
    with call.installation.database.transaction() as tx:
        rule = lookup.rule(call, tx, params, "Rule")
        key = (rule.account, rule.region, rule.bus, rule.name)
        missing = [name for name in params["Ids"] if not TARGETS.delete(tx, *key, name)]
    failed = [
        {
            "TargetId": name,
            "ErrorCode": "ResourceNotFoundException",
            "ErrorMessage": f"Rule {rule.name} does not have a target with the Id {name}.",
        }
        for name in missing
    ]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def list_rule_names_by_target(call: Call, params: Params) -> dict[str, Any]:
    """The rules that have a target. EventBridge API Reference: ListRuleNamesByTarget."""
    with call.installation.database.reading() as rx:
        bus = lookup.bus_name(call, rx, params.get("EventBusName"))
        where = {"account": call.account, "region": call.region, "bus": bus, "arn": params["TargetArn"]}
        names = sorted({target.rule for target in TARGETS.select(rx, where)})
    chosen, token = page(names, params.get("NextToken"), params.get("Limit", 100), lambda name: name)
    return {"RuleNames": chosen, "NextToken": token}
