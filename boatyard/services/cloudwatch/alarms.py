"""Alarms: put, describe, delete them, set their state, turn their actions on and off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from boatyard.api import tags as tagging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.cloudwatch import quotas
from boatyard.services.cloudwatch.errors import check_text, invalid_combination, invalid_value, missing
from boatyard.services.cloudwatch.evaluation import change_state
from boatyard.services.cloudwatch.periods import check_period
from boatyard.services.cloudwatch.records import ALARMS, Alarm, Metric, add_history
from boatyard.services.cloudwatch.statistics import check_statistic

SETTINGS = (
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
)
NOT_DONE = (
    "Metrics",
    "ThresholdMetricId",
    "EvaluateLowSampleCountPercentile",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
)
REQUIRED = ("MetricName", "Namespace", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")
OPERATORS = {
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
}
MISSING_DATA = {"breaching", "notBreaching", "ignore", "missing"}
ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")


def put_metric_alarm(call: Call, params: Params) -> None:
    """Makes or changes an alarm on one metric, evaluated every 5 seconds (CloudWatch API, "PutMetricAlarm")."""
    _check(params)
    tags = tagging.to_dict(params.get("Tags"))
    tagging.check(tags, "InvalidParameterValueException")
    settings: dict[str, Any] = {name: params[name] for name in SETTINGS if params.get(name) is not None}
    settings.setdefault("ActionsEnabled", True)
    moment = now()
    with call.installation.database.transaction() as tx:
        there = ALARMS.get(tx, call.account, call.region, params["AlarmName"])
        if there is None:
            alarm = Alarm(
                account=call.account,
                region=call.region,
                name=params["AlarmName"],
                settings=settings,
                configured=moment,
                updated=moment,
                transitioned=moment,
                tags=tags,
            )
        else:
            alarm = msgspec.structs.replace(there, settings=settings, configured=moment)
        ALARMS.put(tx, alarm)
        if there is None:
            quotas.ALARMS.check_new(call, tx, ALARMS)
        done = "created" if there is None else "updated"
        add_history(tx, alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', "{}", moment.timestamp())


def _check(params: Mapping[str, Any]) -> None:
    for name in NOT_DONE:
        if params.get(name) is not None:
            raise not_supported("CloudWatch", "PutMetricAlarm", name)
    check_text(params["AlarmName"], "AlarmName")
    for name in REQUIRED:
        if params.get(name) is None:
            raise missing(f"The parameter {name} is required.")
    statistics = [name for name in ("Statistic", "ExtendedStatistic") if params.get(name) is not None]
    if len(statistics) != 1:
        raise invalid_combination("Exactly one of the parameters Statistic and ExtendedStatistic must be specified.")
    check_statistic("PutMetricAlarm", params[statistics[0]])
    if params["ComparisonOperator"] not in OPERATORS:
        raise not_supported("CloudWatch", "PutMetricAlarm", f"ComparisonOperator {params['ComparisonOperator']}")
    if (params.get("TreatMissingData") or "missing") not in MISSING_DATA:
        raise invalid_value(f"The value {params['TreatMissingData']} is unsupported for TreatMissingData.")
    periods = params["EvaluationPeriods"]
    if check_period(params["Period"]) * periods > 7 * 24 * 3600:
        raise invalid_value("Metrics cannot be checked across more than seven days (EvaluationPeriods * Period).")
    if not 1 <= (params.get("DatapointsToAlarm") or periods) <= periods:
        raise invalid_value("DatapointsToAlarm must be between 1 and EvaluationPeriods.")
    for name in ACTIONS:
        for action in params.get(name) or ():
            if not action.startswith("arn:aws:sns:"):
                raise not_supported("CloudWatch", "PutMetricAlarm", f"{name} other than SNS topics ({action})")


def describe_alarms(call: Call, params: Params) -> dict[str, Any]:
    """The alarms by name, prefix, state or action, in pages (CloudWatch API, "DescribeAlarms")."""
    names, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix")
    if names and prefix:
        raise invalid_combination("AlarmNames and AlarmNamePrefix must not be specified together.")
    for name in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
        if params.get(name):
            raise not_supported("CloudWatch", "DescribeAlarms", f"{name} (composite alarms)")
    where: dict[str, Any] = {"account": call.account, "region": call.region}
    if names:
        where["name"] = names
    with call.installation.database.reading() as rx:
        found = ALARMS.select(rx, where, prefix=("name", prefix or ""))
    state, action = params.get("StateValue"), params.get("ActionPrefix")
    types = params.get("AlarmTypes") or ["MetricAlarm"]
    chosen = [
        alarm
        for alarm in found
        if state in (None, alarm.state) and (action is None or _acts(alarm, action)) and "MetricAlarm" in types
    ]
    alarms, token = page(
        chosen, params.get("NextToken"), params.get("MaxRecords") or 50, lambda alarm: alarm.name, "InvalidNextToken"
    )
    answer: dict[str, Any] = {"MetricAlarms": [described(alarm) for alarm in alarms], "CompositeAlarms": []}
    return answer | ({"NextToken": token} if token else {})


def _acts(alarm: Alarm, prefix: str) -> bool:
    return any(action.startswith(prefix) for name in ACTIONS for action in alarm.settings.get(name, ()))


def described(alarm: Alarm) -> dict[str, Any]:
    """An alarm as answers have it."""
    said: dict[str, Any] = {name: [] for name in ACTIONS} | {"Dimensions": []}
    said |= alarm.settings
    said |= {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured,
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": alarm.updated,
        "StateTransitionedTimestamp": alarm.transitioned,
    }
    return said | ({"StateReasonData": alarm.reason_data} if alarm.reason_data else {})


def describe_alarms_for_metric(call: Call, params: Params) -> dict[str, Any]:
    """The alarms on one metric (CloudWatch API, "DescribeAlarmsForMetric")."""
    metric = Metric.of(params["Namespace"], params["MetricName"], params.get("Dimensions"))
    wanted = {
        name: params[name]
        for name in ("Statistic", "ExtendedStatistic", "Period", "Unit")
        if params.get(name) is not None
    }
    with call.installation.database.reading() as rx:
        found = ALARMS.select(rx, {"account": call.account, "region": call.region})
    alarms = [
        described(alarm)
        for alarm in found
        if metric_of(alarm) == metric and all(alarm.settings.get(name) == value for name, value in wanted.items())
    ]
    return {"MetricAlarms": alarms}


def metric_of(alarm: Alarm) -> Metric:
    """The metric that an alarm watches."""
    settings = alarm.settings
    return Metric.of(settings["Namespace"], settings["MetricName"], settings.get("Dimensions"))


def delete_alarms(call: Call, params: Params) -> None:
    """Deletes alarms, all of those named or none (CloudWatch API, "DeleteAlarms")."""
    with call.installation.database.transaction() as tx:
        for name in params["AlarmNames"]:
            if not ALARMS.delete(tx, call.account, call.region, name):
                raise _not_found(name)


def _not_found(name: str) -> ApiError:
    return ApiError("ResourceNotFound", f"The alarm {name} does not exist.", status=404)


def set_alarm_state(call: Call, params: Params) -> None:
    """Puts an alarm into a state until it is evaluated again (CloudWatch API, "SetAlarmState")."""
    with call.installation.database.transaction() as tx:
        alarm = ALARMS.get(tx, call.account, call.region, params["AlarmName"])
        if alarm is None:
            raise _not_found(params["AlarmName"])
        change_state(
            call.installation, tx, alarm, params["StateValue"], params["StateReason"], params.get("StateReasonData")
        )


def enable_alarm_actions(call: Call, params: Params) -> None:
    """Turns the actions of alarms on (CloudWatch API, "EnableAlarmActions")."""
    _set_enabled(call, params["AlarmNames"], True)


def disable_alarm_actions(call: Call, params: Params) -> None:
    """Turns the actions of alarms off (CloudWatch API, "DisableAlarmActions")."""
    _set_enabled(call, params["AlarmNames"], False)


def _set_enabled(call: Call, names: list[str], enabled: bool) -> None:
    with call.installation.database.transaction() as tx:
        for name in names:
            alarm = ALARMS.get(tx, call.account, call.region, name)
            if alarm is not None:
                settings = {**alarm.settings, "ActionsEnabled": enabled}
                ALARMS.put(tx, msgspec.structs.replace(alarm, settings=settings))
