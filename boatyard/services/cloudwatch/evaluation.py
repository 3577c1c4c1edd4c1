"""Evaluating alarms: their data points against the threshold, their state, their actions."""

from __future__ import annotations

import json
import logging
import operator
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from boatyard.api import events
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.cloudwatch import records
from boatyard.services.cloudwatch.periods import gathered, statistic
from boatyard.services.cloudwatch.records import ALARMS, Alarm, Metric
from boatyard.state.database import Transaction

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

log = logging.getLogger(__name__)
OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
_COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_ACTIONS = {OK: "OKActions", ALARM: "AlarmActions", NO_DATA: "InsufficientDataActions"}


def judge(settings: dict[str, Any], values: Sequence[float | None]) -> str | None:
    """The state that the values of the last periods mean (None: missing); None when it stays as it is.

    CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data".
    """
    breaches = _COMPARISONS[settings["ComparisonOperator"]]
    needed = settings.get("DatapointsToAlarm") or settings["EvaluationPeriods"]
    missing = settings.get("TreatMissingData", "missing")
    known = [breaches(value, settings["Threshold"]) for value in values if value is not None]
    absent = len(values) - len(known)
    if absent and missing in ("breaching", "notBreaching"):
        known += [missing == "breaching"] * absent
    if not known:
        return None if missing == "ignore" else NO_DATA
    if sum(known) >= needed:
        return ALARM
    if len(known) < len(values) and sum(known) == len(known) and missing == "ignore":
        return None
    return OK


def evaluate_all(installation: Installation, moment: float | None = None) -> None:
    """Evaluates every alarm; one that fails does not hinder the others."""
    with installation.database.reading() as rx:
        alarms = ALARMS.select(rx)
    for alarm in alarms:
        _evaluate(installation, alarm, time.time() if moment is None else moment)


def _evaluate(installation: Installation, alarm: Alarm, moment: float) -> None:
    values = _values(installation, alarm, moment)
    state = judge(alarm.settings, values)
    if state is None or state == alarm.state:
        return
    with installation.database.transaction() as tx:
        current = ALARMS.get(tx, alarm.account, alarm.region, alarm.name)
        if current is not None and current.configured == alarm.configured and current.state == alarm.state:
            known = [value for value in values if value is not None]
            reason, data = _explain(alarm, state, known)
            change_state(installation, tx, current, state, reason, data)


def _values(installation: Installation, alarm: Alarm, moment: float) -> list[float | None]:
    """The alarm's statistic in each of the last periods, the one under way included once it has data."""
    settings = alarm.settings
    period, count = settings["Period"], settings["EvaluationPeriods"]
    metric = Metric.of(settings["Namespace"], settings["MetricName"], settings.get("Dimensions"))
    name = settings.get("Statistic") or settings["ExtendedStatistic"]
    present = int(moment // period * period)
    first = present - count * period
    with installation.database.reading() as rx:
        found = records.points(rx, alarm.account, alarm.region, metric, first, present + period, settings.get("Unit"))
    buckets = gathered(found, first, period)
    begins = range(first + period, present + 1, period) if present in buckets else range(first, present, period)
    return [statistic(buckets[begin], name) if begin in buckets else None for begin in begins]


def _explain(alarm: Alarm, state: str, known: Sequence[float]) -> tuple[str, str]:
    settings = alarm.settings
    data = json.dumps(
        {
            "version": "1.0",
            "queryDate": now().isoformat(),
            "statistic": settings.get("Statistic") or settings["ExtendedStatistic"],
            "period": settings["Period"],
            "recentDatapoints": list(known),
            "threshold": settings["Threshold"],
        }
    )
    if state == NO_DATA:
        return f"Insufficient Data: {settings['EvaluationPeriods']} datapoints were unknown.", data
    shown = ", ".join(str(value) for value in known)
    comparison = _WORDS[settings["ComparisonOperator"]]
    verb = "were" if state == ALARM else "were not"
    return (
        f"Threshold Crossed: the datapoints [{shown}] {verb} {comparison} the threshold ({settings['Threshold']}).",
        data,
    )


def change_state(
    installation: Installation, tx: Transaction, alarm: Alarm, state: str, reason: str, data: str | None
) -> None:
    """Puts an alarm into a state: history, event, and its actions once that is certain."""
    moment = now()
    changed = msgspec.structs.replace(
        alarm,
        state=state,
        reason=reason,
        reason_data=data,
        updated=moment,
        transitioned=moment if state != alarm.state else alarm.transitioned,
    )
    ALARMS.put(tx, changed)
    if state == alarm.state:
        return
    summary = f"Alarm updated from {alarm.state} to {state}"
    details = {"oldState": _state(alarm), "newState": _state(changed)}
    records.add_history(tx, changed, "StateUpdate", summary, json.dumps(details), moment.timestamp())
    events.emit(
        installation,
        tx,
        source="aws.cloudwatch",
        detail_type="CloudWatch Alarm State Change",
        detail={
            "alarmName": alarm.name,
            "state": _state(changed),
            "previousState": _state(alarm),
            "configuration": {"description": alarm.settings.get("AlarmDescription", "")},
        },
        account=alarm.account,
        region=alarm.region,
        resources=[alarm.arn],
    )
    if alarm.settings.get("ActionsEnabled", True):
        tx.after_commit(lambda: _act(installation, alarm, changed))


def _state(alarm: Alarm) -> dict[str, Any]:
    said = {"value": alarm.state, "reason": alarm.reason, "timestamp": alarm.updated.isoformat()}
    return said | ({"reasonData": alarm.reason_data} if alarm.reason_data else {})


def _act(installation: Installation, before: Alarm, alarm: Alarm) -> None:
    """Publishes the change to the SNS topics of the new state; the history says what became of it."""
    call = installation.service_call("cloudwatch.amazonaws.com", alarm.account, alarm.region, alarm.arn)
    message = json.dumps(
        {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.settings.get("AlarmDescription"),
            "AWSAccountId": alarm.account,
            "AlarmArn": alarm.arn,
            "NewStateValue": alarm.state,
            "NewStateReason": alarm.reason,
            "StateChangeTime": alarm.updated.isoformat(),
            "Region": alarm.region,
            "OldStateValue": before.state,
            "Trigger": {name: value for name, value in alarm.settings.items() if not name.endswith("Actions")},
        }
    )
    for topic in alarm.settings.get(_ACTIONS[alarm.state], ()):
        try:
            subject = f'{alarm.state}: "{alarm.name}" in {alarm.region}'[:100]
            call.invoke("sns", "Publish", TopicArn=topic, Subject=subject, Message=message)
            outcome = f"Successfully executed action {topic}"
        except ApiError as error:
            log.warning("The alarm %s could not publish to %s: %s", alarm.name, topic, error)
            outcome = f"Failed to execute action {topic}: {error.message}"
        with installation.database.transaction() as tx:
            records.add_history(tx, alarm, "Action", outcome, json.dumps({"actionArn": topic}), time.time())
