"""The operations of CloudWatch Logs, CloudWatch, EventBridge and SNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boatyard.identity.actions import condition_keys
from boatyard.identity.actions.model import Keys, Need, Params, Table, base, regional

if TYPE_CHECKING:
    from boatyard.api.call import Call


def _logs(call: Call, operation: str, params: Params) -> list[Need]:
    """A log group's ARN ends in `:*`, or not: policies say it either way."""
    action = f"logs:{operation}"
    group = params.get("logGroupName") or params.get("logGroupIdentifier")
    if params.get("resourceArn"):
        bare = _log_group(call, str(params["resourceArn"]))
        return [Need(action, bare, spellings=(f"{bare}:*",))]
    if not group:
        everything = f"arn:aws:logs:{call.region}:{call.account}:log-group::log-stream:"
        return [Need(action, everything, spellings=("*",))]
    bare, stream = _log_group(call, str(group)), params.get("logStreamName")
    if stream:
        return [Need(action, f"{bare}:log-stream:{stream}")]
    return [Need(action, f"{bare}:log-stream:", spellings=(bare, f"{bare}:*"))]


def _log_group(call: Call, named: str) -> str:
    """The ARN of a group that is given by name or ARN."""
    given, found, name = named.partition(":log-group:") if named.startswith("arn:") else ("", "", named)
    return f"{base(given, 'logs', call)}:log-group:{(name if found else named).removesuffix(':*')}"


def _alarms(call: Call, operation: str, params: Params) -> list[Need]:
    names = params.get("AlarmNames") or ([params["AlarmName"]] if "AlarmName" in params else ["*"])
    alarm = f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:"
    return [Need(f"cloudwatch:{operation}", alarm + name) for name in names]


_ALARM_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def _cloudwatch_context(call: Call, operation: str, params: Params) -> Keys:
    namespace = params.get("Namespace")
    keys: Keys = {"cloudwatch:namespace": namespace} if isinstance(namespace, str) else {}
    actions = tuple(arn for name in _ALARM_ACTIONS for arn in params.get(name, []))
    return keys | ({"cloudwatch:alarmactions": actions} if actions else {})


def _rule(call: Call, operation: str, params: Params) -> list[Need]:
    bus = str(params.get("EventBusName", "default")).rpartition("/")[2]
    name = params.get("Name") or params.get("Rule") or "*"
    path = name if bus == "default" else f"{bus}/{name}"
    return [Need(f"events:{operation}", f"arn:aws:events:{call.region}:{call.account}:rule/{path}")]


def _put_events(call: Call, operation: str, params: Params) -> list[Need]:
    needs = []
    for entry in params.get("Entries", []):
        bus = str(entry.get("EventBusName", "default"))
        arn = bus if bus.startswith("arn:") else f"arn:aws:events:{call.region}:{call.account}:event-bus/{bus}"
        keys: Keys = {"events:source": entry.get("Source", ""), "events:detail-type": entry.get("DetailType", "")}
        needs.append(Need("events:PutEvents", arn, keys))
    return needs


def _subscription(call: Call, operation: str, params: Params) -> list[Need]:
    return [Need(f"sns:{operation}", str(params["SubscriptionArn"]).rpartition(":")[0])]


_SEND_SOURCE_OWNER = ("cloudwatch.amazonaws.com", "codecommit.amazonaws.com")
"""The services that a topic's default policy lets publish; the others want a statement that names them."""


def _sns_context(call: Call, operation: str, params: Params) -> Keys:
    keys: Keys = {}
    if call.principal.service in (None, *_SEND_SOURCE_OWNER):
        keys["aws:sourceowner"] = call.principal.account
    if operation == "Subscribe":
        keys |= {"sns:protocol": params.get("Protocol", ""), "sns:endpoint": params.get("Endpoint", "")}
    return keys


_TOPIC = regional("sns", "{Name}")
_BUS = regional("events", "event-bus/{Name}")
_ALARMS = (
    *("DescribeAlarms", "DeleteAlarms", "PutMetricAlarm", "SetAlarmState", "DescribeAlarmHistory"),
    *("EnableAlarmActions", "DisableAlarmActions"),
)
_RULES = (
    *("PutRule", "DeleteRule", "DescribeRule", "EnableRule", "DisableRule", "PutTargets", "RemoveTargets"),
    "ListTargetsByRule",
)

TABLES = {
    "logs": Table(prefix="logs", every=_logs, tagging={"CreateLogGroup": "TagResource"}),
    "cloudwatch": Table(
        prefix="cloudwatch",
        context=_cloudwatch_context,
        special=dict.fromkeys(_ALARMS, _alarms),
        tagging={"PutMetricAlarm": "TagResource"},
        resources={"ResourceARN": "{ResourceARN}"},
    ),
    "events": Table(
        prefix="events",
        service_principal="events.amazonaws.com",
        context=condition_keys.events,
        special=dict.fromkeys(_RULES, _rule) | {"PutEvents": _put_events},
        tagging={"PutRule": "TagResource", "CreateEventBus": "TagResource"},
        lists=frozenset({"ListEventBuses", "ListRuleNamesByTarget", "TestEventPattern"}),
        rules={
            "CreateEventBus": (f"CreateEventBus {_BUS}",),
            "DeleteEventBus": (f"DeleteEventBus {_BUS}",),
            "DescribeEventBus": (f"DescribeEventBus {_BUS}",),
            "UpdateEventBus": (f"UpdateEventBus {_BUS}",),
            "ListRules": (f"ListRules {regional('events', 'rule/*')}",),
        },
        resources={"ResourceARN": "{ResourceARN}"},
        passed_roles={"PutRule": ("RoleArn",), "PutTargets": ("Targets.RoleArn",)},
    ),
    "sns": Table(
        prefix="sns",
        service_principal="sns.amazonaws.com",
        context=_sns_context,
        tagging={"CreateTopic": "TagResource"},
        lists=frozenset({"ListTopics", "ListSubscriptions"}),
        special={
            "Unsubscribe": _subscription,
            "GetSubscriptionAttributes": _subscription,
            "SetSubscriptionAttributes": _subscription,
        },
        rules={"CreateTopic": (f"CreateTopic {_TOPIC}",), "PublishBatch": ("Publish",)},
        resources={"TopicArn": "{TopicArn}", "TargetArn": "{TargetArn}", "ResourceArn": "{ResourceArn}"},
    ),
}
