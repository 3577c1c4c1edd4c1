"""Rules: put, describe, list, delete, enable, disable, tag."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from boatyard.api import tags as tagging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.names import check_pattern
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.events import deliveries, lookup, patterns, quotas, schedules
from boatyard.services.events.records import BUSES, DEFAULT_BUS, RULES, TARGETS, EventBus, Rule
from boatyard.state.database import Reader, Transaction

_NAME = r"[\.\-_A-Za-z0-9]+"


def put_rule(call: Call, params: Params) -> dict[str, Any]:
    """Creates or replaces a rule. EventBridge API Reference: PutRule."""
    name, pattern, schedule = params["Name"], params.get("EventPattern"), params.get("ScheduleExpression")
    check_pattern(name, _NAME, "name")
    if not pattern and not schedule:
        raise ApiError("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if params.get("State") == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
        raise not_supported("EventBridge", "PutRule", "State ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    if pattern:
        patterns.compiled(pattern)
    tags = tagging.to_dict(params.get("Tags"))
    tagging.check(tags)
    with call.installation.database.transaction() as tx:
        bus = lookup.bus_name(call, tx, params.get("EventBusName"))
        _check_schedule(schedule, bus)
        present = RULES.get(tx, call.account, call.region, bus, name)
        where = {"account": call.account, "region": call.region, "bus": bus}
        if present is None:
            quotas.RULES.check_count(call.installation, tx, RULES, where)
        rule = Rule(
            account=call.account,
            region=call.region,
            bus=bus,
            name=name,
            created=present.created if present else now(),
            created_by=call.account,
            state=params.get("State", "ENABLED"),
            pattern=pattern or None,
            schedule=schedule or None,
            description=params.get("Description"),
            role_arn=params.get("RoleArn"),
            tags=present.tags if present else tags,
        )
        rule = scheduled(rule)
        RULES.put(tx, rule)
        tx.after_commit(lambda: deliveries.wake(call.installation))
    return {"RuleArn": rule.arn}


def _check_schedule(schedule: str | None, bus: str) -> None:
    if not schedule:
        return
    if bus != DEFAULT_BUS:
        raise ApiError("ValidationException", "ScheduleExpression is supported only on the default event bus.")
    try:
        schedules.parse(schedule)
    except schedules.InvalidSchedule as error:
        raise ApiError("ValidationException", "Parameter ScheduleExpression is not valid.") from error


def scheduled(rule: Rule) -> Rule:
    """The rule with the next time of its schedule; with none if it is disabled or has no schedule."""
    if rule.schedule is None or rule.state != "ENABLED":
        return replace(rule, due=None)
    following = schedules.parse(rule.schedule).next_after(now())
    return replace(rule, due=None if following is None else following.timestamp())


def describe_rule(call: Call, params: Params) -> dict[str, Any]:
    """One rule. EventBridge API Reference: DescribeRule."""
    with call.installation.database.reading() as rx:
        rule = lookup.rule(call, rx, params)
    return {**_shown(rule), "CreatedBy": rule.created_by}


def list_rules(call: Call, params: Params) -> dict[str, Any]:
    """The rules of a bus. EventBridge API Reference: ListRules."""
    with call.installation.database.reading() as rx:
        bus = lookup.bus_name(call, rx, params.get("EventBusName"))
        where = {"account": call.account, "region": call.region, "bus": bus}
        found = RULES.select(rx, where, prefix=("name", params.get("NamePrefix", "")))
    chosen, token = page(found, params.get("NextToken"), params.get("Limit", 100), lambda rule: rule.name)
    return {"Rules": [_shown(rule) for rule in chosen], "NextToken": token}


def _shown(rule: Rule) -> dict[str, Any]:
    return lookup.present(
        Name=rule.name,
        Arn=rule.arn,
        EventPattern=rule.pattern,
        ScheduleExpression=rule.schedule,
        State=rule.state,
        Description=rule.description,
        RoleArn=rule.role_arn,
        EventBusName=rule.bus,
    )


def delete_rule(call: Call, params: Params) -> dict[str, Any]:
    """Deletes a rule that has no targets; one that is not there is deleted. EventBridge API Reference: DeleteRule."""
    with call.installation.database.transaction() as tx:
        bus = lookup.bus_name(call, tx, params.get("EventBusName"))
        where = {"account": call.account, "region": call.region, "bus": bus, "rule": params["Name"]}
        if TARGETS.count(tx, where):
            raise ApiError("ValidationException", "Rule can't be deleted since it has targets.")
        RULES.delete(tx, call.account, call.region, bus, params["Name"])
    return {}


def enable_rule(call: Call, params: Params) -> dict[str, Any]:
    """Has a rule match again. EventBridge API Reference: EnableRule."""
    return _set_state(call, params, "ENABLED")


def disable_rule(call: Call, params: Params) -> dict[str, Any]:
    """Has a rule match nothing. EventBridge API Reference: DisableRule."""
    return _set_state(call, params, "DISABLED")


def _set_state(call: Call, params: Params, state: str) -> dict[str, Any]:
    with call.installation.database.transaction() as tx:
        rule = lookup.rule(call, tx, params)
        RULES.put(tx, scheduled(replace(rule, state=state)))
        tx.after_commit(lambda: deliveries.wake(call.installation))
    return {}


def tag_resource(call: Call, params: Params) -> dict[str, Any]:
    """Adds tags to a rule or a bus. EventBridge API Reference: TagResource."""
    with call.installation.database.transaction() as tx:
        found = _tagged(call, tx, params["ResourceARN"])
        tags = {**found.tags, **tagging.to_dict(params["Tags"])}
        tagging.check(tags)
        _put(tx, found, tags)
    return {}


def untag_resource(call: Call, params: Params) -> dict[str, Any]:
    """Takes tags from a rule or a bus. EventBridge API Reference: UntagResource."""
    with call.installation.database.transaction() as tx:
        found = _tagged(call, tx, params["ResourceARN"])
        _put(tx, found, {key: value for key, value in found.tags.items() if key not in params["TagKeys"]})
    return {}


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """The tags of a rule or a bus. EventBridge API Reference: ListTagsForResource."""
    with call.installation.database.reading() as rx:
        return {"Tags": tagging.to_list(_tagged(call, rx, params["ResourceARN"]).tags)}


def _tagged(call: Call, rx: Reader, arn: str) -> Rule | EventBus:
    prefix = f"arn:aws:events:{call.region}:{call.account}:"
    kind, _, name = arn.removeprefix(prefix).partition("/")
    found: Rule | EventBus | None = None
    if arn.startswith(prefix) and kind == "rule":
        bus, _, rule = name.rpartition("/")
        found = RULES.get(rx, call.account, call.region, bus or DEFAULT_BUS, rule)
    elif arn.startswith(prefix) and kind == "event-bus":
        found = BUSES.get(rx, call.account, call.region, name)
    if found is None:
        raise ApiError("ResourceNotFoundException", f"{kind.capitalize()} {name} does not exist on EventBus default.")
    return found


def _put(tx: Transaction, found: Rule | EventBus, tags: dict[str, str]) -> None:
    if isinstance(found, Rule):
        RULES.put(tx, replace(found, tags=tags))
    else:
        BUSES.put(tx, replace(found, tags=tags))
